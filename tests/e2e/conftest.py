"""End-to-end tests run the installed command in a process of its own, against the embedded provider over real sockets.

One service serves the whole session: what it has heard once it knows by content. Tests that are about starting and
stopping it ask for `cold_cli`, which knows of no shared one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Cli

from evalkit.peers.embedded import shared_services
from evalkit.settings.types import ServiceSettings

# Where a shell started us with &, interrupts are ignored, and every child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

_PLUGIN = Path(__file__).parents[1] / "plugins" / "quiz"
DEFAULT_ENGINES = ServiceSettings("rules", None, 0.0, speech="hibari", transcription="whisper")


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of syntheses that is empty at first and shared by the session."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def warm_env(cache_dir: Path) -> Iterator[dict[str, str]]:
    """An environment in which jobs find a running service."""
    pytest.importorskip("hibari", reason="the embedded provider needs the local extra")
    with shared_services([DEFAULT_ENGINES]):
        yield {
            **_clean_environment(),
            "EVALKIT_CACHE": str(cache_dir),
            "EVALKIT_SERVICES": os.environ["EVALKIT_SERVICES"],
        }


@pytest.fixture
def cli(tmp_path: Path, warm_env: dict[str, str]) -> Cli:
    """The command with a running service."""
    return Cli(tmp_path, warm_env)


@pytest.fixture
def cold_cli(tmp_path: Path, cache_dir: Path) -> Cli:
    """The command as a newcomer has it: no service yet."""
    return Cli(tmp_path, {**_clean_environment(), "EVALKIT_CACHE": str(cache_dir)})


@pytest.fixture(scope="session")
def service_url(warm_env: dict[str, str]) -> str:
    """The base URL of the session's service."""
    services = json.loads(warm_env["EVALKIT_SERVICES"])["shared"]
    return str(next(iter(services.values()))["url"])


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that has the plugin installed, as pip installs it."""
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(_PLUGIN)], check=True, capture_output=True)
    return site


@pytest.fixture
def quiz(tmp_path: Path, warm_env: dict[str, str], installed: Path) -> Cli:
    """The command in an environment that has the plugin."""
    return Cli(tmp_path, {**warm_env, "PYTHONPATH": _with_path(installed)})


@pytest.fixture
def cold_quiz(tmp_path: Path, cache_dir: Path, installed: Path) -> Cli:
    """The command with the plugin, as a newcomer has it: no service yet, and nothing that reminds of this machine."""
    environment = {**_clean_environment(), "EVALKIT_CACHE": str(cache_dir), "PYTHONPATH": _with_path(installed)}
    return Cli(tmp_path, environment)


def _with_path(folder: Path) -> str:
    return os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "AZURE_", "EVALKIT_"))}
