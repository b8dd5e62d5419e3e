"""Real agents from npm, each installed once into a folder that stays.

The folder is $EVALKIT_TEST_AGENTS, or one in pytest's cache. Where there is no node, or nothing can be downloaded, the
tests that want an agent are skipped and say why.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

_INSTALL_S = 240


@dataclass(frozen=True)
class NpmAgent:
    """An agent: the name of its profile, its program, and the package and version that it comes in."""

    name: str
    program: str
    package: str
    version: str

    def __str__(self) -> str:
        return self.name


AGENTS = {
    agent.name: agent
    for agent in (
        NpmAgent("qwen_code", "qwen", "@qwen-code/qwen-code", "0.15.10"),
        NpmAgent("gemini_cli", "gemini", "@google/gemini-cli", "0.61.0"),
        NpmAgent("pi", "pi", "@mariozechner/pi-coding-agent", "0.73.1"),
    )
}


def install_agent(agent: NpmAgent, config: pytest.Config) -> str:
    """Return a PATH that has the agent. Skips the test where it cannot be installed."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip(f"{agent.name} needs node and npm")
    given = os.environ.get("EVALKIT_TEST_AGENTS")
    root = Path(given) if given else config.cache.mkdir("agents") if config.cache else None
    if root is None:
        pytest.skip(f"{agent.name} needs a folder: pytest's cache is off, and EVALKIT_TEST_AGENTS is not set")
    folder = root / f"{agent.name}-{agent.version}"
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / f"{agent.name}.lock"):
        if not (folder / "ready").exists():
            _install(npm, agent, folder)
    return os.pathsep.join((str(folder / "node_modules" / ".bin"), os.environ["PATH"]))


def _install(npm: str, agent: NpmAgent, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    wanted = [f"{agent.package}@{agent.version}", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        done = subprocess.run(
            [npm, "install", "--prefix", str(folder), *wanted],
            capture_output=True, text=True, timeout=_INSTALL_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install {agent.package} within {_INSTALL_S} s")
    if done.returncode:
        pytest.skip(f"npm cannot install {agent.package}: {done.stderr.strip()[-300:]}")
    subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)  # a box runs as another user where we are root
    (folder / "ready").touch()
