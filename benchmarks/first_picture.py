"""From choosing a CT of 260 slices to its first slice on the screen, in Chromium, against waiting for the whole.

    python -m benchmarks.first_picture [--json] [--repeats 5] [--slices 260]

The real program, a real browser, slices of 512 x 512 with noise (nothing here compresses or repeats). The ways take
turns, each in a new conversation; medians. Baseline:
  waiting_for_the_whole  all files in one request, nothing shown until every header is read and the first slice is
                         stored: what the page did before, by a script in the same page
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from tests.dicom_files import make_ct
from tests.page import Room, browser_page
from tests.serving import Program

_SHOWN = """() => {
  const input = document.querySelector("#upload input[type=file]");
  const until = (seen) => new Promise((found) => {
    const look = () => (seen() ? found(performance.now()) : requestAnimationFrame(look));
    look();
  });
  window.measured = new Promise((found) => input.addEventListener("change", async () => {
    const chosen = performance.now();
    await new Promise(requestAnimationFrame); // by now the page says that it reads
    const first = await until(() => document.querySelector(".bv-corners:not([hidden])"));
    const whole = await until(() => document.querySelector(".reading-progress").hidden);
    found([(first - chosen) / 1000, (whole - chosen) / 1000]);
  }, { once: true, capture: true }));
}"""
_ONLY_CHOSEN = """() => window.addEventListener("change", (event) => {
  if (event.target.type === "file") event.stopImmediatePropagation();
}, { capture: true })"""
_WHOLE = """async (input) => {
  const { id } = await (await fetch("/api/conversations?language=en", { method: "POST" })).json();
  const chosen = performance.now();
  const since = () => (performance.now() - chosen) / 1000;
  const body = new FormData();
  body.append("conversation", id);
  for (const file of input.files) body.append("files", file, "image");
  const answer = await fetch("/api/upload", { method: "POST", body });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "", first = null;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return [first, since()];
    text += value;
    const line = first === null && text.split("\\n").slice(0, -1).find((each) => each.includes('"event": "series"'));
    if (!line) continue;
    const { series } = JSON.parse(line);
    await (await fetch(`/api/series/${series.id}/frames/${series.first.frame}`)).arrayBuffer();
    first = since();
  }
}"""


def by_the_page(page: Page, url: str, paths: list[Path]) -> tuple[float, float]:
    """Seconds to the first slice on the canvas, and until all of them are in the record."""
    room = Room(page, url).open()
    page.evaluate(_SHOWN)
    room.upload(*paths)
    first, whole = page.evaluate("window.measured")
    return float(first), float(whole)


def waiting_for_the_whole(page: Page, url: str, paths: list[Path]) -> tuple[float, float]:
    """The same two, by the way of before."""
    room = Room(page, url).open()
    page.evaluate(_ONLY_CHOSEN)
    room.upload(*paths)
    first, whole = page.locator("#upload input[type=file]").evaluate(_WHOLE)
    return float(first), float(whole)


def measure(slices: int, repeats: int) -> dict[str, float]:
    """Median seconds of each way to the first picture and to the last."""
    ways = {"ours": by_the_page, "waiting_for_the_whole": waiting_for_the_whole}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as place:
        paths = make_ct(Path(place) / "ct", slices)
        program = Program(Path(place) / "data")
        program.start()
        try:
            with browser_page() as page:
                for name, way in [*ways.items()] * (repeats + 1):
                    found[name].append(way(page, program.url, paths))
        finally:
            program.stop()
    medians: dict[str, float] = {"slices": slices}
    for name, runs in found.items():  # the first run of each warms up and does not count
        medians[f"{name}_first_s"] = statistics.median(first for first, _ in runs[1:])
        medians[f"{name}_whole_s"] = statistics.median(whole for _, whole in runs[1:])
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--slices", type=int, default=260)
    options = parser.parse_args()
    found = measure(options.slices, options.repeats)
    if options.json:
        print(json.dumps(found))
        return
    print(f"{'':>22} {'first picture':>14} {'all slices':>11}   ({options.slices} slices)")
    for name in ("waiting_for_the_whole", "ours"):
        print(f"{name:>22} {found[f'{name}_first_s']:>12.2f} s {found[f'{name}_whole_s']:>9.2f} s")


if __name__ == "__main__":
    main()
