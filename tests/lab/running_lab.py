"""The installed `evalkit lab` as a process of its own, and axe-core's opinion of a page."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headless import Browser

_AXE = (Path(__file__).parents[1] / "browser" / "axe" / "axe.min.js").read_text(encoding="utf-8")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_ASK_AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {runOnly: arguments[0]}).then((found) => done(found.violations.flatMap(
  (broken) => broken.nodes.map((node) => `${broken.id}: ${node.html.slice(0, 160)} (${node.failureSummary})`))));
"""


@dataclass(frozen=True)
class RunningLab:
    """A lab that answers.

    Attributes:
        url: Its address, without a slash at the end.
        process: What to signal or kill.

    """

    url: str
    process: subprocess.Popen[str]


@contextmanager
def running_lab(
    *folders: Path, cwd: Path, arguments: tuple[str, ...] = (), env: Mapping[str, str] | None = None
) -> Iterator[RunningLab]:
    """Run ``evalkit lab FOLDER …`` in `cwd` at a free port until the block ends."""
    command = [sys.executable, "-m", "evalkit", "lab", *map(str, folders), "--no-browser"]
    if "--port" not in arguments:
        arguments = ("--port", "0", *arguments)
    process = subprocess.Popen(
        [*command, *arguments], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        address = process.stdout.readline().strip()
        assert address.endswith("/ui/"), process.stderr.read()
        yield RunningLab(address.removesuffix("/ui/"), process)
    finally:
        process.terminate()
        process.communicate()


def find_violations(browser: Browser) -> list[str]:
    """Return what axe-core finds wrong with the page by WCAG 2.2 AA and its own advice.

    Read the console before: axe-core tries styles that the page's policy refuses.
    """
    browser.js(_AXE)
    found: list[str] = browser.driver.execute_async_script(_ASK_AXE, _RULES)
    return found
