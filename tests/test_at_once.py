"""Pictures unfold to gigabytes: how many pixels one process holds at once is bounded, and nobody waits for ever."""

from __future__ import annotations

import base64
import io
import threading
import time

import pytest
from PIL import Image

from app.at_once import AtOnce
from model import chat_api


def test_work_on_pictures_waits_for_room_and_a_single_large_one_is_alone() -> None:
    room = AtOnce(100)
    most, held = 0, 0
    lock = threading.Lock()

    def work(pixels: int) -> None:
        nonlocal most, held
        with room.hold(pixels):
            with lock:
                held += pixels
                most = max(most, held)
            time.sleep(0.01)
            with lock:
                held -= pixels

    threads = [threading.Thread(target=work, args=(pixels,)) for pixels in (40, 60, 250, 100, 30, 250, 1, 99) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert most <= 250, "one that is larger than the room comes alone"
    assert held == 0


def test_what_fails_gives_its_room_back() -> None:
    room = AtOnce(10)
    with pytest.raises(ValueError, match="broken"), room.hold(10):
        raise ValueError("broken")
    with room.hold(10):
        pass


def picture(side: int) -> str:
    written = io.BytesIO()
    Image.new("L", (side, side)).save(written, "PNG")
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode()


def test_the_images_of_one_request_to_the_model_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_api, "MOST_PIXELS", 250 * 100 * 100)
    parts = [{"type": "image_url", "image_url": {"url": picture(1000)}}]
    few = {"messages": [{"role": "user", "content": parts * 2}]}
    assert len(chat_api.read_request(few, most_new_tokens=1).messages[0].images) == 2
    many = {"messages": [{"role": "user", "content": parts * 2}, {"role": "user", "content": parts}]}
    with pytest.raises(chat_api.BadRequest, match="together"):
        chat_api.read_request(many, most_new_tokens=1)
