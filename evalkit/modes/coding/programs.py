"""What runs in which box, language by language: the build with its toolchain, and the program that answers calls.

A compiled language is built in one box, which has the sources, the harness and the task's driver but no call; only the
program's bytes leave it. The second box has that program and is asked. An interpreted language has the second box only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path

from evalkit.modes.coding.task import Language, Task, TaskLimits
from evalkit.modes.coding.toolchains import Toolchain
from evalkit.sandbox.box import BoxJob, BoxLimits

MIB = 1024 * 1024
_HARNESSES: Mapping[Language, tuple[str, ...]] = {
    Language.PYTHON: ("harness.py",),
    Language.JAVASCRIPT: ("harness.js",),
    Language.HTML: ("harness.js",),
    Language.GO: ("harness.go",),
    Language.RUST: ("harness.rs",),
    Language.CPP: ("harness.cpp", "harness.hpp"),
}
_PROGRAM = "evalkit_program"  # what a build leaves in its workspace
GO_ENVIRONMENT: Mapping[str, str] = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=mod",
    "GOPROXY": "off",
    "GOTOOLCHAIN": "local",
    "GO111MODULE": "on",
}
# HOME is a folder of the box's own. The build writes into its cache, so that it needs a copy.
_GO_BUILD = (
    'set -e; if [ -n "$2" ]; then tar xf "$2" -C "$HOME"; export GOCACHE="$HOME/packages"; fi; '
    f'"$1" build -o /ws/{_PROGRAM} ./evalkit_box'
)
_RUST_BUILD = (
    'set -e; rustc=$1; mkdir -p "$HOME/lib"; cd /ws; "$rustc" --edition 2021 -C opt-level=1 --cap-lints warn '
    '--crate-type rlib --crate-name task -o "$HOME/lib/libtask.rlib" src/lib.rs; '
    '"$rustc" --edition 2021 -C opt-level=0 --cap-lints allow --crate-name evalkit_box '
    f'--extern task="$HOME/lib/libtask.rlib" -o /ws/{_PROGRAM} /box/harness.rs'
)
_SOURCES = (".cpp", ".cc", ".cxx")


@dataclass(frozen=True)
class Program:
    """How a workspace becomes something that answers.

    Attributes:
        build: The job whose collected bytes are the program; None where there is nothing to build.
        run: The job that is asked; with a build, :func:`with_built` puts the program into it.

    """

    build: BoxJob | None
    run: BoxJob


def plan_program(task: Task, files: Mapping[str, bytes], toolchain: Toolchain) -> Program:
    """Return how `files`, the task's workspace with a patch applied, is built and run."""
    driver, harness = task.judge.driver.encode(), read_harness(task.language)
    boxed = {f"/box/{name}": content for name, content in harness.items()}
    boxed[f"/box/{task.language.driver_name}"] = driver
    hidden = (str(task.folder.parent),)  # the tasks of a system's package would lie below /usr, which a box sees
    match task.language:
        case Language.PYTHON:
            command: tuple[str, ...] = (toolchain.program, "-I", "-B", "/box/harness.py")
        case Language.JAVASCRIPT | Language.HTML:
            command = (toolchain.program, "/box/harness.js")
        case _:
            build = replace(
                _build(task, files, boxed, toolchain),
                read_only=toolchain.read_only,
                hidden=hidden,
                collect=_PROGRAM,
            )
            return Program(build, BoxJob((f"/ws/{_PROGRAM}",), hidden=hidden))
    return Program(None, BoxJob(command, files, files=boxed, read_only=toolchain.read_only, hidden=hidden))


def _build(task: Task, files: Mapping[str, bytes], boxed: Mapping[str, bytes], toolchain: Toolchain) -> BoxJob:
    """Return the job that leaves a program in its workspace."""
    if task.language is Language.GO:
        added = {f"evalkit_box/{path.removeprefix('/box/')}": content for path, content in boxed.items()}
        packages = {"/box/packages.tar": toolchain.packages} if toolchain.packages else {}
        command = ("/bin/sh", "-c", _GO_BUILD, "build", toolchain.program, *packages)
        return BoxJob(command, {**files, **added}, files=packages, environment=GO_ENVIRONMENT)
    if task.language is Language.RUST:
        return BoxJob(("/bin/sh", "-c", _RUST_BUILD, "build", toolchain.program), files, files=boxed)
    sources = sorted(f"/ws/{path}" for path in files if path.endswith(_SOURCES))
    flags = ("-std=c++20", "-O1", "-pthread", "-I", "/box", "-I", "/ws/src", "-I", "/ws", "-o", f"/ws/{_PROGRAM}")
    return BoxJob((toolchain.program, *flags, "/box/harness.cpp", *sources), files, files=boxed)


def with_built(job: BoxJob, program: bytes) -> BoxJob:
    """Return the job that runs what was built."""
    return replace(job, workspace={_PROGRAM: program}, executable_paths=frozenset({_PROGRAM}))


def run_limits(limits: TaskLimits, scale: float) -> BoxLimits:
    """Return what the box of the answering program may use; `scale` is how much slower this machine is.

    A process may ask for twice the memory that may be in use: what ends a program that takes too much is then always
    the watch on all of its memory, whatever its language does when it is refused some.
    """
    memory, wall_s = limits.memory_mb * MIB, limits.run_s * scale
    return BoxLimits(wall_s=wall_s, cpu_s=int(wall_s) + 1, memory_bytes=memory, data_bytes=2 * memory)


def build_limits(limits: TaskLimits, scale: float) -> BoxLimits:
    """Return what a compiler's box may use."""
    wall_s = limits.build_s * scale
    return BoxLimits(
        wall_s=wall_s,
        cpu_s=int(2 * wall_s) + 1,
        data_bytes=2048 * MIB,
        memory_bytes=2048 * MIB,
        processes=256,
        file_bytes=128 * MIB,
        open_files=1024,
        workspace_bytes=256 * MIB,
        temp_bytes=512 * MIB,
    )


@cache
def read_harness(language: Language) -> Mapping[str, bytes]:
    """Return the files that all tasks of a language share, by name."""
    folder = Path(__file__).parent / "harness"
    return {name: (folder / name).read_bytes() for name in _HARNESSES[language]}


@cache
def harness_sha256(language: Language) -> str:
    """Return the hash of those files, for the fingerprint of a record."""
    return sha256(b"\0".join(read_harness(language).values())).hexdigest()
