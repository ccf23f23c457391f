"""What of an answer is markup and what is the answer: clinical text loses no sign, bold, lists, tables, code work."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answer_html import answer_html

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "cases" / "markdown-that-is-not.json"
CASES = [
    ["Size 3*4*5 cm", "3*4*5"],
    ["dose 2*500 mg, then 1*250 mg", "2*500 mg, then 1*250"],
    ["3 *4* 5 cm", "3 *4* 5"],
    ["HLA-B*27 و HLA-B*51", "HLA-B*27 و HLA-B*51"],
    ["HLA-B**27 و HLA-B**51", "HLA-B**27 و HLA-B**51"],
    ["T2* and R2* maps", "T2* and R2*"],
    ["*p<0.05, **p<0.01", "*p<0.05, **p<0.01"],
    ["> 3 سم: غير طبيعي", "> 3"],
    ["> ULN", "> ULN"],
    ["- >3 cm abnormal", ">3"],
    ["- 450 HU", "- 450"],
    ["-  450 HU", "450"],
    ["+ 3 mm نحو اليمين", "+ 3"],
    ["- ٤٥٠ HU", "- ٤٥٠"],
    ["- .5 mm", "- .5"],
    ["- 20 إلى + 40 HU", "- 20 إلى + 40"],
    ["الكثافة:\n- 450 HU", "- 450"],
    ["L4-L5\n---", "L4-L5"],
    ["الحجم\n=====", "====="],
    ["T2_FLAIR and T1_post_contrast", "T2_FLAIR and T1_post_contrast"],
    ["p<0.05 and <5 mm", "p<0.05 and <5"],
    ["~~3 mm to ~~5 mm", "~~3 mm to ~~5"],
    ["1. 5 mm nodule", "1. 5 mm"],
    ["3. 5. 2024", "2024"],
    ["[18F]FDG and [1] Fleischner", "[18F]FDG and [1]"],
    ["# 3 nodules", "3 nodules"],
    ["#", "#"],
    ["-", "-"],
    ["\\\\server\\scans", "\\\\server\\scans"],
    ["```5 mm\nx", "5 mm"],
    *(json.loads(BESIDE.read_text(encoding="utf-8"))["cases"] if BESIDE.exists() else []),
]
FRAMES = {
    "paragraph": "{}",
    "after a paragraph": "نص قبله\n\n{}\n\nتتمة",
    "item": "* {}",
    "cell": "| a |\n|---|\n| {} |",
}


class Visible(HTMLParser):
    """The characters a reader sees, line breaks as such; the tags that shape them apart."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.tags: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.text += "\n" if tag in ("br", "p", "li", "pre") else ""

    def handle_data(self, data: str) -> None:
        self.text += data


def visible(markdown: str) -> str:
    return Visible(answer_html(markdown)).text


@pytest.mark.parametrize(("markdown", "kept"), CASES)
@pytest.mark.parametrize("frame", FRAMES)
def test_no_sign_of_a_clinical_text_is_taken_for_markup(frame: str, markdown: str, kept: str) -> None:
    if frame in ("item", "cell") and ("\n" in markdown or markdown in ("#", "-")):
        pytest.skip("not one line")
    assert kept in visible(FRAMES[frame].format(markdown))


@pytest.mark.parametrize(
    "markdown", [case[0] for case in CASES if not case[0].startswith(("- >", "# ", "```", "3. 5."))]
)
def test_a_beginning_of_such_a_text_shows_itself_and_nothing_else(markdown: str) -> None:
    for end in range(1, len(markdown) + 1):
        beginning = markdown[:end]
        assert "".join(visible(beginning).split()) == "".join(beginning.split())


@pytest.mark.parametrize(
    ("markdown", "tags"),
    [
        ("**bold** and *leaning*", {"strong", "em"}),
        ("و**الكبد** طبيعي", {"strong"}),
        ("النسبة **25%**من الحالات", {"strong"}),
        ("**قياسها 3*4*5 cm**", {"strong"}),
        ("- one\n- two", {"ul", "li"}),
        ("* 3 nodules\n* 2 cysts", {"ul", "li"}),
        ("1. one\n2. two", {"ol", "li"}),
        ("- **3** nodules", {"ul", "li", "strong"}),
        ("## Findings", {"h4"}),
        ("| a | b |\n|---|---|\n| 1 | 2 |", {"table", "th", "td"}),
        ("```python\nx = 1\n```", {"pre", "code"}),
        ("use `T2_FLAIR`", {"code"}),
        ("one\n\n---\n\ntwo", {"hr"}),
    ],
)
def test_bold_lists_headings_tables_and_code_still_work(markdown: str, tags: set[str]) -> None:
    shown = Visible(answer_html(markdown))
    assert tags <= set(shown.tags)
    assert not set("*#|`") & set(shown.text.replace("3*4*5", ""))


def test_the_numbers_of_a_list_are_those_that_were_written() -> None:
    html = answer_html("4. mass\n7. node")
    assert 'value="4"' in html
    assert 'value="7"' in html


def test_an_item_that_begins_with_a_number_shows_its_sign_in_place_of_a_dot() -> None:
    assert answer_html("- Liver\n- 450 HU") == (
        '<ul dir="ltr"><li dir="ltr">Liver</li><li dir="ltr" class="bare">- 450 HU</li></ul>'
    )


@given(st.text(st.sampled_from("0123456789*_>-+<~=# cmلا\n"), max_size=60))
def test_no_digit_and_no_comparison_is_ever_lost(text: str) -> None:
    kept = [character for character in text if character in "0123456789<>=~"]
    shown = Visible(answer_html(text))
    assert [character for character in shown.text if character in "0123456789<>=~"] == kept
