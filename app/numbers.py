"""How a number is written wherever a person or a model reads one. Knows no unit, no language and no field.

assets/web/viewer/numbers.js writes the same numbers on the page; tests/test_numbers.py holds the two together.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

_FIGURES = 3
_PLAIN = (-6, 15)  # powers of ten that are written out; what is smaller or larger is written like 1.25e-9


def written(value: float) -> str:
    """`value` with three significant figures, more only for whole digits: 0.000527, 1.25, 40, 103, 12346.

    Never rounded to nothing: a fixed count of decimals writes a window of 0.000527 as 0. Halves go away from
    zero; trailing zeros are left out; "" for what is no number.
    """
    if not math.isfinite(value):
        return ""
    if value == 0:
        return "0"
    exact = Decimal(value)
    power = Decimal(repr(float(value))).adjusted()  # of its shortest form, as the page has it: 1e-6 is a little less
    if _PLAIN[0] <= power < _PLAIN[1]:
        return _trimmed(exact.quantize(_unit(min(0, power + 1 - _FIGURES)), ROUND_HALF_UP))
    rounded = exact.quantize(_unit(power + 1 - _FIGURES), ROUND_HALF_UP)
    power = rounded.adjusted()
    return f"{_trimmed(rounded.scaleb(-power))}e{power}"


def _unit(power: int) -> Decimal:
    return Decimal(1).scaleb(power)


def _trimmed(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
