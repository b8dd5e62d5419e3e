"""An agent as it is installed here: its program as a box sees it, its version, and its command lines filled in."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path

from evalkit.errors import ConfigError
from evalkit.modes.terminal.case import Transport
from evalkit.modes.terminal.settings import AgentSettings
from evalkit.records.json import JsonObject
from evalkit.sandbox.bubblewrap import PATH
from evalkit.sandbox.paths import check_folder_inside

DEMO_PROGRAM = "/box/agent.py"
DUMMY_KEY = "no-key-in-the-box"
_PYTHON_IN_USR = ("/usr/bin/python3", "/usr/local/bin/python3")
_PLACEHOLDER = re.compile(r"\{(prompt|session_id|model|gateway|key|workspace|home|python)\}")


@dataclass(frozen=True)
class Python:
    """The interpreter that a box runs its own programs with, and the folders of this machine that it needs."""

    program: str
    read_only: Mapping[str, str]


@dataclass(frozen=True)
class InstalledAgent:
    """An agent that was found on this machine.

    Attributes:
        settings: Its profile.
        program: Its program, as a box sees it.
        read_only: Folders that a box must see for it.
        python: For the programs of the box itself.
        version: What it said of its version; empty: it was not asked.

    """

    settings: AgentSettings
    program: str
    read_only: Mapping[str, str]
    python: Python
    version: str = ""

    @property
    def transport(self) -> Transport:
        """How it is talked to."""
        return Transport(self.settings.transport)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The files of its own that stand below /box: the demo agent's program."""
        return {DEMO_PROGRAM: demo_program()} if DEMO_PROGRAM in self.settings.argv else {}

    def command(self, args: Iterable[str], values: Mapping[str, str]) -> tuple[str, ...]:
        """Return its command line with `args`, filled in with `values`."""
        given = {"python": self.python.program, **values}
        first = (
            self.settings.acp_argv if self.transport is Transport.ACP and self.settings.acp_argv else self.settings.argv
        )
        return (self.program, *(fill_in(part, given) for part in (*first[1:], *args)))

    @property
    def path(self) -> str:
        """Where its box looks for programs: the system's places, then those that the agent brings."""
        brought = [folder for folder in self.read_only if folder.endswith("/bin")]
        brought += [f"{folder}/bin" for folder in self.read_only if Path(folder, "bin").is_dir()]
        return ":".join(dict.fromkeys((PATH, *brought)))

    @cached_property
    def identity(self) -> JsonObject:
        """What of it decides a record, by content."""
        profile = asdict(self.settings)
        for name in ("install", "license", "tested_version"):
            profile.pop(name)
        return {**profile, "version": self.version}


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with every placeholder that `values` knows replaced; other braces stay as they are."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def demo_program() -> bytes:
    """Return the demo agent's program."""
    return resources.files("evalkit.modes.terminal.demo").joinpath("agent.py").read_bytes()


def find_agent(settings: AgentSettings) -> InstalledAgent:
    """Return the agent as it is installed here. Raises ConfigError with what to install where it is not."""
    argv = settings.acp_argv if settings.transport == Transport.ACP and settings.acp_argv else settings.argv
    python = find_python()
    if argv[0] == "{python}":
        program, shown = python.program, dict(python.read_only)
    else:
        found = shutil.which(Path(argv[0]).expanduser() if argv[0].startswith("~") else argv[0])
        if found is None:
            raise ConfigError(f"agent={settings.name}: {_say_missing(argv[0], settings.install)}")
        program, shown = found, _folders_of(Path(found))
    shown |= {folder: folder for folder in map(os.path.expanduser, settings.read_only)}
    for folder in shown:
        if not Path(folder).is_dir():
            raise ConfigError(f"agent.read_only: {folder} is not a folder of this machine")
        # A session's own /tmp is mounted before what is shown in it; a box of one command has it the other way round.
        inside = f"/opt{folder}" if folder.startswith("/tmp/") else folder  # noqa: S108
        try:
            check_folder_inside(folder, inside)
        except ValueError as error:
            message = f"agent={settings.name} is installed in {folder}, which a box cannot show: {error}"
            raise ConfigError(f"{message}; install it somewhere else") from None
    return InstalledAgent(settings, program, {**python.read_only, **shown}, python)


def _say_missing(program: str, install: str) -> str:
    """Return why a program cannot be run, and what to do."""
    path = Path(program).expanduser()
    if "/" in program and path.is_dir():
        return f"{program!r} is a folder; name the program in it"
    if "/" in program and path.exists():
        return f"{program!r} is there, but is not executable; chmod +x {program}"
    if install:
        return f"the program {program!r} is not there; install it: {install}"
    where = "no file is called so" if "/" in program else "it is in no folder of PATH"
    return f"the program {program!r} is not there: {where}; name yours with 'agent.argv=[/whole/path/to/it]'"


@cache
def find_python() -> Python:
    """Return an interpreter that a box can run: one below /usr, else the one that runs evalkit."""
    for program in _PYTHON_IN_USR:
        if Path(program).exists():
            return Python(program, {})
    base = Path(sys.base_prefix).resolve()
    return Python(str(base / "bin" / "python3"), {str(base): str(base)})


def _folders_of(program: Path) -> dict[str, str]:
    """Return the folders beside /usr that a program needs: where it is linked, and where it is installed."""
    real = program.resolve()
    needed = [program.parent, real.parent]
    above = [folder for folder in real.parents if folder.name == "node_modules"]
    if above:
        needed.append(above[-1])
    elif real.parent.name == "bin":
        needed.append(real.parent.parent)
    elif program.parent.name == "bin" and (program.parent.parent / "pyvenv.cfg").exists():
        needed.append(program.parent.parent)
    if program.parent.name == "bin" and (program.parent.parent / "pyvenv.cfg").exists():
        needed.append(program.parent.parent)
        needed.append(Path(os.path.realpath(program.parent / "python3")).parent.parent)
    outside = [str(folder) for folder in needed if not _is_below_usr(folder)]
    top = [folder for folder in outside if not any(folder.startswith(other + "/") for other in outside)]
    return {folder: folder for folder in dict.fromkeys(top) if folder != "/"}


def _is_below_usr(folder: Path) -> bool:
    return folder.is_relative_to("/usr") or folder in (Path("/bin"), Path("/sbin"))
