"""A headless browser as tests use it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACCESSIBILITY = (Path(__file__).parents[1] / "browser" / "accessibility.js").read_text(encoding="utf-8")
WIDE, NARROW = 1300, 380


@dataclass(frozen=True)
class Browser:
    """A browser with one window."""

    driver: Any

    def open(self, page: Path | str, fragment: str = "", *, width: int = WIDE, dark: bool = False) -> None:
        """Open `page` from disk, or from the address that it is, in a window of `width` pixels."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}  # a click must not chase a page that glides
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, still]})
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get((page if isinstance(page, str) else page.as_uri()) + fragment)

    def js(self, script: str, *args: Any) -> Any:
        """Return what `script` returns in the page."""
        return self.driver.execute_script(script, *args)

    def wait_until(self, script: str, *args: Any, timeout_s: float = 30) -> None:
        """Return as soon as `script` returns something true in the page; AssertionError where it never does."""
        deadline = time.monotonic() + timeout_s
        while not self.js(script, *args):
            assert time.monotonic() < deadline, (
                f"{script} never became true: {self.js('return document.body.innerText')[:2000]}"
            )
            time.sleep(0.05)

    def find(self, selector: str) -> Any:
        """Return the first element that is there."""
        return self.driver.find_element("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        """Return the visible text of every such element."""
        script = "return [...document.querySelectorAll(arguments[0])].map((node) => node.innerText.trim())"
        return list(self.js(script, selector))

    def console(self) -> list[str]:
        """Return what the page complained of since it was opened."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requested(self) -> list[str]:
        """Return every address that was asked for since the page was opened."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
