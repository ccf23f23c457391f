"""Pictures of the page in both languages and themes, desktop and phone, into docs/screenshots/.

    python -m tests.screenshots

Starts the real program with the demonstration model over an empty folder. Knows what to show, not how it looks.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.page import Room, browser_page
from tests.serving import ROOT, Program

FOLDER = ROOT / "docs" / "screenshots"
QUESTIONS = {
    "en": ("What kind of image is this?", "Is there a finding?", "Which side is it on?"),
    "ar": ("ما نوع هذه الصورة؟", "هل توجد موجودات غير طبيعية؟", "في أي جهة؟"),
}


def photograph(program: Program, *, code: str, theme: str, width: int, height: int) -> None:
    """One session in one language and theme: an empty room, then a sample with a conversation."""
    phone = width < 900
    kind = "phone" if phone else "desktop"
    with browser_page(width, height, color_scheme=theme, has_touch=phone, is_mobile=phone) as page:
        room = Room(page, program.url).open()
        room.speak(code)
        page.screenshot(path=FOLDER / f"{code}-{theme}-{kind}-welcome.png")
        page.locator("[data-sample^=head-ct]").click()
        room.wait_for_image()
        for question in QUESTIONS[code]:
            turn = room.ask(question)
        page.screenshot(path=FOLDER / f"{code}-{theme}-{kind}.png")
        turn.locator(".rate-action").click()
        turn.locator("[data-thumb=down]").click()
        page.screenshot(path=FOLDER / f"{code}-{theme}-{kind}-rating.png")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        program = Program(Path(folder) / "data")
        program.start()
        try:
            for code in ("en", "ar"):
                photograph(program, code=code, theme="dark", width=1440, height=900)
                photograph(program, code=code, theme="light", width=1440, height=900)
                photograph(program, code=code, theme="dark", width=390, height=844)
        finally:
            program.stop()


if __name__ == "__main__":
    main()
