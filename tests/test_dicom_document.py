"""The example of docs/pixels.md, run as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.dicom_files import make_stack

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "pixels.md"


def test_the_documents_example_runs(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"paths": make_stack(tmp_path, range(5), window=(40, 400))}
    exec(compile(example, "docs/pixels.md", "exec"), names)
    assert names["array"].shape == (896, 896)
    assert names["volume"].spacing_mm == (1.0, 1.0, 1.0)
    assert names["seen"].image.size == (8, 8)
    assert names["coronal"].edges == ("R", "L", "H", "F")
