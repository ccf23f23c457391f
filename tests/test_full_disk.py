"""A disk that is full and stays so: what was begun is ended in the record, and nothing new is begun."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from storage import DiskFull, Store
from tests.serving import ROOT

SMALL = "8m"
FILLED = """
import os, sys
from pathlib import Path
from storage import DiskFull, Store

def ask(store):
    conversation = store.start_conversation("me", language="en").id
    return store.begin_turn("me", conversation, question="?", language="en", model={}, settings={}, model_input={})

def fill(folder):
    with (folder / "filling").open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass

folder = Path(sys.argv[1])
store = Store(folder / "data")
ended, killed = ask(store), ask(store)
fill(folder)
try:
    store.append_answer("me", ended.id, "word " * 200_000)
    print("there was room")
except DiskFull:
    pass
turn = store.finish_turn("me", ended.id, answer="word " * 4000, status="failed", error="DiskFull", timings={})
print(turn.status, len(turn.answer))
fill(folder)
try:
    ask(store)
    print("begun")
except DiskFull:
    print("refused")
print(store.turn("me", ended.id).status, store.turn("me", killed.id).status)
store.close()
with Store(folder / "data") as again:  # the disk is still full
    print(again.turn("me", killed.id).status)
"""


def test_on_a_full_disk_turns_end_and_none_is_begun_and_the_next_start_interrupts_the_rest(tmp_path: Path) -> None:
    """On a real file system of a few megabytes, mounted where nobody else sees it."""
    mounting = f"mount -t tmpfs -o size={SMALL} tmpfs {tmp_path} && exec {sys.executable} - {tmp_path}"
    apart = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*apart, f"mount -t tmpfs tmpfs {tmp_path}"], check=False, capture_output=True).returncode
    ):
        pytest.skip("this system lets nobody mount a small disk of their own")
    told = subprocess.run(
        [*apart, mounting], input=FILLED, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )
    assert told.stdout.splitlines() == ["failed 20000", "refused", "failed running", "interrupted"], told.stderr


def test_the_room_kept_for_endings_is_private_and_had_again_by_the_next_question(store: Store) -> None:
    kept = store.folder / "reserve"
    for _ in range(2):
        conversation = store.start_conversation("me", language="en").id
        store.begin_turn("me", conversation, question="?", language="en", model={}, settings={}, model_input={})
        assert kept.stat().st_size == 2 * 1024 * 1024
        assert kept.stat().st_mode & 0o077 == 0
        kept.unlink()


def test_where_the_room_cannot_be_had_nothing_is_begun(store: Store) -> None:
    conversation = store.start_conversation("me", language="en").id
    (store.folder / "reserve").mkdir()
    with pytest.raises(DiskFull):
        store.begin_turn("me", conversation, question="?", language="en", model={}, settings={}, model_input={})
    assert store.turns("me", conversation) == ()
