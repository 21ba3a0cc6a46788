"""A page in a real browser, driven over a pipe by the DevTools protocol: no further packages."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_LAUNCH = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); "
    "os.execv(sys.argv[3], sys.argv[3:])"
)
_COMPLAINTS = ("Runtime.exceptionThrown", "Log.entryAdded")
_LOUD = ("error", "warning", "assert")


class DrivenPage:
    """One tab.

    Args:
        asks: What the browser reads.
        answers: What it writes.

    Attributes:
        complaints: What it said on its console.
        fetched: All addresses that it asked.
    """

    def __init__(self, asks: int, answers: int) -> None:
        self._asks, self._answers = asks, answers
        self._rest, self._number, self._session = b"", 0, ""
        self.complaints: list[str] = []
        self.fetched: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        told = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = told["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command's result."""
        self._number += 1
        said = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            said["sessionId"] = self._session
        os.write(self._asks, json.dumps(said).encode() + b"\0")
        while (message := self._message()).get("id") != self._number:
            self._note(message)
        assert "error" not in message, message
        return dict(message["result"])

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = os.read(self._answers, 1 << 16)
            assert read, "the browser has ended"
            self._rest += read
        one, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(one))

    def _note(self, message: dict[str, Any]) -> None:
        method, said = message.get("method"), message.get("params", {})
        if method in _COMPLAINTS or (
            method == "Runtime.consoleAPICalled" and said["type"] in _LOUD
        ):
            self.complaints.append(json.dumps(said)[:500])
        if method == "Network.requestWillBeSent":
            self.fetched.append(said["request"]["url"])

    def resize(self, width: int, height: int = 900, dark: bool = False) -> None:
        """Be a screen of that size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, address: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=address)

    def value(self, script: str) -> Any:
        """What an expression gives; a promise is awaited."""
        told = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def until(self, condition: str, seconds: float = 30) -> None:
        """Wait until an expression is true; see that it becomes so."""
        script = (
            f"new Promise(go => {{ const end = Date.now() + {seconds * 1000}; const look = () => "
            f"{{ const is = Boolean({condition}); if (is || Date.now() > end) go(is); "
            f"else setTimeout(look, 20); }}; look(); }})"
        )
        assert self.value(script), f"{condition} did not become true; {self.complaints}"

    def give_files(self, selector: str, *files: Path) -> None:
        """Choose files in an input."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=list(map(str, files)))

    def press(self, key: str, text: str = "") -> None:
        """A key, for whatever has the focus."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
        code = codes.get(key, ord(key[0].upper()) if len(key) == 1 else 0)
        told = {"key": key, "windowsVirtualKeyCode": code}
        down = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **told, **down)
        self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    def screenshot(self, file: Path) -> None:
        """What is on the screen, all of the page."""
        told = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(told["data"]))


@contextmanager
def driven(browser: str, profile: Path) -> Iterator[DrivenPage]:
    """A browser with one tab, until the end of the block.

    Args:
        browser: Its program.
        profile: A folder of its own.
    """
    theirs_in, asks = os.pipe()
    answers, theirs_out = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs_in, theirs_out)]
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe")
    quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
    command = [sys.executable, "-c", _LAUNCH, *map(str, high), browser, *options, *quiet]
    process = subprocess.Popen(
        [*command, f"--user-data-dir={profile}"], pass_fds=high, stderr=subprocess.DEVNULL
    )
    for end in (theirs_in, theirs_out, *high):
        os.close(end)
    try:
        yield DrivenPage(asks, answers)
    finally:
        process.kill()
        process.wait()
        os.close(asks)
        os.close(answers)
