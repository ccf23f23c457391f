"""Firefox and WebKit driven as a person would, through the drivers that Debian ships. Knows no page of ours.

Chromium has Playwright; of the others Playwright drives only builds of its own, which no package manager brings.
Firefox speaks Marionette (its own protocol, which geckodriver only translates), WebKitGTK has a WebDriver server; both
know the commands of W3C WebDriver.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from tests.serving import free_port

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key under which WebDriver names an element (W3C WebDriver, section 12.2)."""
PATIENCE = 90.0
NAMES = ("firefox", "webkit")


class BrowserFailed(RuntimeError):
    """The browser refused a command; the message is its own."""


class Marionette:
    """Firefox's protocol: `length:[0, id, command, parameters]` over a socket, answered by `[1, id, error, result]`."""

    COMMANDS: ClassVar[dict[str, str]] = {
        "go": "WebDriver:Navigate",
        "run": "WebDriver:ExecuteScript",
        "find": "WebDriver:FindElement",
        "click": "WebDriver:ElementClick",
        "type": "WebDriver:ElementSendKeys",
        "resize": "WebDriver:SetWindowRect",
        "shot": "WebDriver:TakeScreenshot",
        "reload": "WebDriver:Refresh",
    }

    def __init__(self, port: int) -> None:
        self._socket = _connected(port)
        self._file = self._socket.makefile("rb")
        self._number = 0
        self._read()  # the greeting
        self._send("WebDriver:NewSession", {"capabilities": {}})

    def send(self, command: str, **values: Any) -> Any:
        if "element" in values:
            values["id"] = values.pop("element")
        result = self._send(self.COMMANDS[command], values)
        return result.get("value", result) if isinstance(result, dict) else result

    def _send(self, command: str, values: dict[str, Any]) -> Any:
        self._number += 1
        said = json.dumps([0, self._number, command, values]).encode()
        self._socket.sendall(f"{len(said)}:".encode() + said)
        _, _, error, result = self._read()
        if error:
            raise BrowserFailed(error["message"])
        return result

    def _read(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            part = self._file.read(1)
            if not part:
                raise BrowserFailed("Firefox closed the connection")
            length += part
        return json.loads(self._file.read(int(length[:-1])))

    def close(self) -> None:
        self._socket.close()


class WebDriver:
    """W3C WebDriver over HTTP, as WebKitWebDriver speaks it."""

    COMMANDS: ClassVar[dict[str, str]] = {
        "go": "url",
        "run": "execute/sync",
        "find": "element",
        "click": "element/{element}/click",
        "type": "element/{element}/value",
        "resize": "window/rect",
        "reload": "refresh",
    }

    def __init__(self, port: int, options: dict[str, Any]) -> None:
        _connected(port).close()
        self._url = f"http://127.0.0.1:{port}/session"
        made = self._post(self._url, {"capabilities": {"alwaysMatch": options}})
        self._url += f"/{made['sessionId']}"

    def send(self, command: str, **values: Any) -> Any:
        if command == "shot":
            return self._call(urllib.request.Request(f"{self._url}/screenshot"))
        path = self.COMMANDS[command].format(element=values.pop("element", ""))
        return self._post(f"{self._url}/{path}", values)

    def _post(self, url: str, values: dict[str, Any]) -> Any:
        request = urllib.request.Request(url, json.dumps(values).encode(), {"Content-Type": "application/json"})
        return self._call(request)

    def _call(self, request: urllib.request.Request) -> Any:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise BrowserFailed(json.load(error)["value"]["message"]) from error

    def close(self) -> None:
        self._call(urllib.request.Request(self._url, method="DELETE"))


class Browser:
    """One window of Firefox or WebKit: what a person does in it, by CSS selector."""

    def __init__(self, driver: Marionette | WebDriver) -> None:
        self._driver = driver

    def go(self, url: str) -> None:
        self._driver.send("go", url=url)

    def reload(self) -> None:
        self._driver.send("reload")

    def resize(self, width: int, height: int) -> None:
        self._driver.send("resize", x=0, y=0, width=width, height=height)

    def run(self, script: str, *values: Any) -> Any:
        """The value that `script`, the body of a function of `values`, returns."""
        return self._driver.send("run", script=script, args=list(values))

    def until(self, script: str, *values: Any, what: str = "") -> Any:
        """The first true value of `script`, asked for again and again. Raises BrowserFailed after PATIENCE seconds."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            value = self.run(script, *values)
            if value:
                return value
            select.select([], [], [], 0.1)
        raise BrowserFailed(f"never came: {what or script}")

    def click(self, selector: str) -> None:
        self._driver.send("click", element=self._found(selector))

    def type(self, selector: str, text: str) -> None:
        """Key by key into a field; a file's path into a file field."""
        self._driver.send("type", element=self._found(selector), text=text)

    def picture(self) -> bytes:
        """The window as PNG."""
        return base64.b64decode(self._driver.send("shot"))

    def _found(self, selector: str) -> str:
        self.until("return document.querySelector(arguments[0]) !== null", selector, what=selector)
        return str(self._driver.send("find", using="css selector", value=selector)[ELEMENT])


def is_installed(name: str) -> bool:
    if name == "firefox":
        return shutil.which("firefox-esr") is not None or shutil.which("firefox") is not None
    return all(map(shutil.which, ("WebKitWebDriver", "Xvfb"))) and _mini_browser() is not None


@contextmanager
def open_browser(name: str, folder: Path) -> Iterator[Browser]:
    """A fresh profile in `folder`; ends with the block."""
    with _firefox(folder) if name == "firefox" else _webkit(folder) as driver:
        yield Browser(driver)


@contextmanager
def _firefox(folder: Path) -> Iterator[Marionette]:
    port = free_port()
    profile = folder / "profile"
    profile.mkdir(exist_ok=True)
    wishes = {
        "marionette.port": port,
        "browser.shell.checkDefaultBrowser": False,
        "datareporting.policy.dataSubmissionEnabled": False,
        "app.update.enabled": False,
        "network.captive-portal-service.enabled": False,
        "network.connectivity-service.enabled": False,
        "services.settings.server": "data:,none",
    }
    lines = [f"user_pref({json.dumps(key)}, {json.dumps(value)});" for key, value in wishes.items()]
    (profile / "user.js").write_text("\n".join(lines), encoding="utf-8")
    program = shutil.which("firefox-esr") or shutil.which("firefox") or "firefox"
    words = [program, "--headless", "--marionette", "--no-remote", "--profile", str(profile), "about:blank"]
    with _running(words, folder, HOME=str(folder)):
        driver = Marionette(port)
        yield driver
        driver.close()


@contextmanager
def _webkit(folder: Path) -> Iterator[WebDriver]:
    port, display = free_port(), f":{free_port()}"
    environment = {
        "DISPLAY": display,
        "HOME": str(folder),
        "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",  # containers run tests as root
        "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "NO_AT_BRIDGE": "1",
        "GSETTINGS_BACKEND": "memory",
    }
    browser = {"binary": _mini_browser(), "args": ["--automation"]}
    with (
        _running(["Xvfb", display, "-screen", "0", "1600x1000x24", "-nolisten", "tcp"], folder),
        _running(["WebKitWebDriver", f"--port={port}", "--host=127.0.0.1"], folder, **environment),
    ):
        driver = WebDriver(port, {"webkitgtk:browserOptions": browser})
        yield driver
        driver.close()


def _mini_browser() -> str | None:
    found = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    return str(found[-1]) if found else None


@contextmanager
def _running(words: list[str], folder: Path, **environment: str) -> Iterator[None]:
    with (folder / f"{Path(words[0]).name}.log").open("ab") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, env=os.environ | environment, start_new_session=True)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _connected(port: int) -> socket.socket:
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        except OSError:
            if time.monotonic() > ends:
                raise
            select.select([], [], [], 0.1)
