"""The page's own order of words is the server's: every run, every direction, on the table and on anything else."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from app.bidi import direction_of
from app.runs import Run, inline, isolate, isolate_plain
from tests.order import ROOT, rows
from tests.viewer_page.browser import chromium

SIGNS = "، ؛ ؟ « » “ ” \" ' ( ) [ ] . , : ; / - – − ‑ + ± ~ ≈ < > ≤ ≥ = × → ° % ٪"
ARABIC = "و ب ل ك ف ال إلى بين كتلة يمين سم مم ـ ٣٫٥ ٤"
LATIN = "0 1 5 12 450 3.5 2024 050 123 ½ ² ⁹ 10^9 HU mm cm mg CT T2 L4 pT2b the lesion Normal said is µm °C SAR"
OTHERS = "https://a.b/c [18F]FDG +966 HER2- O- E@f.g #3 $5"
PIECES = [*SIGNS.split(), *ARABIC.split(), *LATIN.split(), *OTHERS.split(), "\n", "  "]


def anything(count: int) -> list[str]:
    """Texts of pieces that matter, in an order nobody writes; the same at every run."""
    chance = random.Random(12)
    return ["".join(chance.choice(PIECES) + chance.choice(["", " ", " "]) for _ in range(9)) for _ in range(count)]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    parts = [(ROOT / "assets" / "web" / name).read_text(encoding="utf-8") for name in ("direction.js", "order.js")]
    script = re.sub(r"^import .*$", "", "\n".join(parts), flags=re.MULTILINE).replace("export ", "")
    with chromium() as browser:
        opened = browser.new_page()
        opened.set_content("<html><body></body></html>")
        opened.add_script_tag(content=f"{script}\nwindow.twin = {{ directionOf, isolate, inline, plain }};")
        yield opened


def as_told(runs: tuple[Run, ...]) -> list[dict[str, Any]]:
    return [
        {"text": run.text, "direction": run.direction, "override": run.override, "runs": as_told(run.runs)}
        for run in runs
    ]


ASK = """(texts) => {
  const told = (runs) => (runs ?? []).map((run) => ({
    text: run.text, direction: run.direction ?? null, override: run.override ?? false, runs: told(run.runs),
  }));
  return texts.map((text) => ["ltr", "rtl"].map((way) => ({
    direction: twin.directionOf(text, way), runs: told(twin.isolate(text, way)), words: twin.inline(text, way),
    plain: twin.plain(text),
  })));
}"""


def test_the_page_puts_words_in_the_order_the_server_puts_them_in(page: Page) -> None:
    texts = [*(row.text for row in rows()), *anything(1500)]
    for text, both in zip(texts, page.evaluate(ASK, texts), strict=True):
        for way, theirs in zip(("ltr", "rtl"), both, strict=True):
            ours = {
                "direction": direction_of(text, way),  # type: ignore[arg-type] # one of the two
                "runs": as_told(isolate(text, way)),  # type: ignore[arg-type] # as above
                "words": inline(text, way),  # type: ignore[arg-type] # as above
                "plain": isolate_plain(text),
            }
            assert theirs == ours, text


def test_on_the_page_only_what_the_server_made_safe_goes_in_as_html_and_words_of_others_through_one_door() -> None:
    scripts = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "assets" / "web").rglob("*.js")}
    assert {name for name, script in scripts.items() if ".innerHTML = " in script} <= {
        "chat.js",
        "turning.js",
        "icons.js",  # our own drawings
    }
    assert "export const pick = (sentence) => (sentence ? inOrder(" in scripts["words.js"]
    assert not [name for name, script in scripts.items() if 'dir: "auto" }, turn' in script]
    named = re.findall(r"node\(\"bdi\", \{\}, (.*?)\)", scripts["notice.js"])
    assert all(words.startswith("inOrder(") for words in named)
