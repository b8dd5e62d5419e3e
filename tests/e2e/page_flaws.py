"""What is wrong with a page, by axe-core, the console, the page's own policy and the width of the window."""

from __future__ import annotations

from pathlib import Path

from headless import NARROW, WIDE, Browser

_AXE = (Path(__file__).parents[1] / "browser" / "axe" / "axe.min.js").read_text(encoding="utf-8")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_ASK_AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {runOnly: arguments[0], preload: false}).then((found) => done(found.violations.flatMap(
  (broken) => broken.nodes.map((node) => `${broken.id}: ${node.html.slice(0, 160)} (${node.failureSummary})`))));
"""


def find_violations(browser: Browser) -> list[str]:
    """Return what axe-core finds wrong with the page by WCAG 2.2 AA and its own advice.

    Read the console before: axe-core tries styles that the page's policy refuses.
    """
    browser.js(_AXE)
    found: list[str] = browser.driver.execute_async_script(_ASK_AXE, _RULES)
    return found


def find_flaws(browser: Browser, url: str, ready: str = "return document.readyState === 'complete'") -> list[str]:
    """Return what is wrong with a page of the lab in both themes, wide and narrow; every page's tests ask this.

    That is: whatever axe-core finds, everything in the console, what the page's policy refused, what reaches out of
    the window, and every request to somebody else. `ready` is a script that returns true when the page is whole.
    """
    flaws: list[str] = []
    for width in (WIDE, NARROW):
        for dark in (True, False):
            browser.open(url, width=width, dark=dark)
            browser.wait_until(ready)
            found = [f"console: {message}" for message in browser.console()]
            found += [f"refused: {what}" for what in browser.js("return window.refusedByPolicy")]
            found += [f"reaches out: {what}" for what in browser.js(_FIND_WIDE)]
            found += find_violations(browser)
            foreign = [each for each in browser.requested() if not each.startswith((_origin(url), "data:", "about:"))]
            found += [f"asks somebody else: {address}" for address in foreign]
            flaws += [f"{width} px, {'dark' if dark else 'light'}: {what}" for what in found]
    return flaws


_FIND_WIDE = """
const most = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth <= most) return [];
const wide = [...document.body.querySelectorAll("*")].filter((node) => node.getBoundingClientRect().right > most + 1);
return [`${document.documentElement.scrollWidth} px`, ...wide.slice(0, 5).map((node) => node.outerHTML.slice(0, 120))];
"""


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])
