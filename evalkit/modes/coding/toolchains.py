"""Which languages can be built and run on this machine: what is on PATH, which version, what to install if missing.

A box sees ``/usr``, so a program that lies there is preferred; another one is bound into the box at its own place. A
program that is only a script in front of the real one (pyenv, rustup's proxy) is passed over: a box has not the rest.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from evalkit.modes.coding.task import Language

JSDOM = "jsdom@29.1.1"
_SYSTEM = Path("/usr")
_FOLDERS = ("/usr/local/bin", "/usr/bin", "/usr/local/go/bin", "/usr/lib/go/bin")
_NODE_MODULES = ("/usr/local/lib/node_modules", "/usr/lib/node_modules", "/usr/share/nodejs")
_VERSION = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True)
class ToolchainProgram:
    """A program that builds or runs a language.

    Attributes:
        command: What it is called on PATH.
        version_flags: Makes it print its version.
        debian: The Debian package that has it.
        brew: The Homebrew formula that has it.

    """

    command: str
    version_flags: tuple[str, ...]
    debian: str
    brew: str


TOOLS: Mapping[Language, ToolchainProgram] = {
    Language.PYTHON: ToolchainProgram("python3", ("--version",), "python3", "python"),
    Language.JAVASCRIPT: ToolchainProgram("node", ("--version",), "nodejs", "node"),
    Language.HTML: ToolchainProgram("node", ("--version",), "nodejs", "node"),
    Language.GO: ToolchainProgram("go", ("version",), "golang-go", "go"),
    Language.RUST: ToolchainProgram("rustc", ("--version",), "rustc", "rust"),
    Language.CPP: ToolchainProgram("g++", ("--version",), "g++", "gcc"),
}


@dataclass(frozen=True)
class Toolchain:
    """What a box needs to build or run a language.

    Attributes:
        language: Which one.
        program: Its absolute path, on this machine and in the box alike.
        version: As it says itself.
        read_only: Folder of this machine -> where it stands in the box.
        packages: The language's own packages, built, as a tar; empty: it brings them
            (:mod:`evalkit.modes.coding.go_packages`).

    """

    language: Language
    program: str
    version: str
    read_only: Mapping[str, str] = field(default_factory=dict)
    packages: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class MissingToolchain:
    """A language that cannot be run here, and what to do about it."""

    language: Language
    reason: str


def find_toolchain(language: Language) -> Toolchain | MissingToolchain:
    """Return what this machine has for `language`; looked up once for each PATH."""
    return _find(language, os.environ.get("PATH", ""), os.environ.get("EVALKIT_NODE_MODULES", ""))


@cache
def _find(language: Language, path: str, node_modules: str) -> Toolchain | MissingToolchain:
    tool = TOOLS[language]
    program = _find_program(tool.command, path)
    if program is None:
        return MissingToolchain(
            language,
            f"no {tool.command} is on PATH; install it: apt install {tool.debian}, or brew install {tool.brew}",
        )
    version = _version(program, tool.version_flags)
    bound = _bound_folders(program)
    if language is not Language.HTML:
        return Toolchain(language, str(program), version, bound)
    modules = _find_node_modules(node_modules)
    if modules is None:
        reason = f"no jsdom is installed for {program}; install it: npm install -g --ignore-scripts {JSDOM}"
        return MissingToolchain(language, f"{reason} (or anywhere, and set EVALKIT_NODE_MODULES to its node_modules)")
    jsdom_version = _jsdom_version(modules)
    return Toolchain(
        language, str(program), f"{version} jsdom {jsdom_version}", {**bound, str(modules): "/box/node_modules"}
    )


def _find_program(command: str, path: str) -> Path | None:
    """Return the program a box can run: the first one below /usr, else the first one that may be bound into it."""
    found = [program for program in _programs(command, path) if _is_binary(program)]
    system = (program for program in found if program.resolve().is_relative_to(_SYSTEM))
    return next(system, next((program for program in found if _may_be_bound(program)), None))


def _programs(command: str, path: str) -> Iterator[Path]:
    for folder in dict.fromkeys((*path.split(os.pathsep), *_FOLDERS)):
        if folder.startswith("/") and (found := shutil.which(command, path=folder)):
            yield Path(found)


def _is_binary(program: Path) -> bool:
    """Whether it is the program itself: no script in front of it, and not rustup's proxy."""
    if program.resolve().name.startswith("rustup"):
        return False
    try:
        with program.open("rb") as file:
            return file.read(2) != b"#!"
    except OSError:
        return False


def _may_be_bound(program: Path) -> bool:
    """Whether the user that a box runs as can come there: as root, that is another one."""
    if os.geteuid() != 0:
        return True
    resolved = program.resolve()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in resolved.parents)


def _bound_folders(program: Path) -> Mapping[str, str]:
    """Return the folders that must be bound for `program`: none below /usr, else the one above its ``bin``."""
    resolved = program.resolve()
    if resolved.is_relative_to(_SYSTEM):
        return {}
    roots = {str(place.parent.parent) for place in (program, resolved)}
    return {root: root for root in sorted(roots)}


def _version(program: Path, flags: tuple[str, ...]) -> str:
    try:
        said = subprocess.run([program, *flags], capture_output=True, timeout=30, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    found = _VERSION.search(said.stdout.decode("utf-8", "replace"))
    return found[0] if found else "unknown"


def _find_node_modules(chosen: str) -> Path | None:
    folders = [chosen] if chosen else [*_NODE_MODULES, str(Path.cwd() / "node_modules")]
    return next((Path(folder).resolve() for folder in folders if (Path(folder) / "jsdom").is_dir()), None)


def _jsdom_version(modules: Path) -> str:
    try:
        text = (modules / "jsdom" / "package.json").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return "unknown"
    found = re.search(r'"version"\s*:\s*"([^"]{1,40})"', text)
    return found[1] if found else "unknown"
