"""What a box is asked and what it answers: limits, job, ending, result, and what every kind of sandbox gives.

Inside, a program sees ``/ws`` (its workspace, writable, where it starts), ``/tmp`` (writable, its HOME), ``/box``
(files given by the job, read-only) and the system's ``/usr``; nothing else of the machine, and no network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from evalkit.sandbox.paths import check_folder_inside, check_inside, check_relative

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class BoxLimits:
    """What a box may use. Sizes are in bytes, times in seconds."""

    wall_s: float = 10.0
    """From the moment the command is started until every process is gone."""
    cpu_s: int = 10
    """CPU time of one process."""
    data_bytes: int = 512 * MIB
    """Private memory that one process may ask for (RLIMIT_DATA)."""
    memory_bytes: int = 768 * MIB
    """Resident memory of all processes together, watched from outside; the box ends when it is more."""
    processes: int = 64
    """Processes and threads at one time."""
    file_bytes: int = 16 * MIB
    """The largest file that a process may write."""
    open_files: int = 256
    """Open files of one process."""
    workspace_bytes: int = 64 * MIB
    """All of /ws."""
    temp_bytes: int = 32 * MIB
    """All of /tmp."""
    output_bytes: int = 1 * MIB
    """Kept of stdout, and as much of stderr; also the longest answer."""
    flood_bytes: int = 16 * MIB
    """Written to stdout and stderr together, kept or not; the box ends when it is more."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} is {value}, and must be more than 0")


@dataclass(frozen=True)
class BoxJob:
    """A command and all it finds in its box.

    Raises ValueError for a path that could lead elsewhere: with ``..``, control characters, empty parts and the like.
    """

    command: tuple[str, ...]
    """Program and arguments; a program without a slash is looked for in /usr/local/bin and /usr/bin."""
    workspace: Mapping[str, bytes] = field(default_factory=dict)
    """Path below /ws to content; the program may change these files."""
    executable_paths: frozenset[str] = frozenset()
    """Which of `workspace` may be executed."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Absolute path below /box to content; read-only, and may be executed."""
    read_only: Mapping[str, str] = field(default_factory=dict)
    """Folder of this machine to where it stands in the box, both absolute; read-only."""
    hidden: tuple[str, ...] = ()
    """Absolute folders of this machine that the box must not see, should they lie in a folder that it sees."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """All environment variables, beside PATH, HOME and LANG, which may be replaced."""
    collect: str | None = None
    """Path below /ws of the regular file whose bytes come back when the command exits 0."""
    collect_bytes: int = 64 * MIB
    """How long that file may be; of a longer one nothing comes back."""

    def __post_init__(self) -> None:
        if not self.command or not self.command[0]:
            raise ValueError("a job needs a command")
        check_relative([*self.workspace, *([] if self.collect is None else [self.collect])])
        unknown = self.executable_paths - self.workspace.keys()
        if unknown:
            raise ValueError(f"executable_paths names {min(unknown)!r}, which is not in the workspace")
        check_inside("/box", self.files)
        for folder, inside in self.read_only.items():
            check_folder_inside(folder, inside)
        if any("\0" in text for text in (*self.command, *self.environment.values())):
            raise ValueError("a command or an environment variable holds a NUL character")
        for name in self.environment:
            if not name or "=" in name or "\0" in name:
                raise ValueError(f"{name!r} is no name of an environment variable")


class Ending(StrEnum):
    """How a box ended."""

    EXITED = "exited"
    """The command exited, or had given its last answer and was made to leave."""
    TIMEOUT = "timeout"
    """It used all its time, by the clock or of the CPU."""
    MEMORY = "memory"
    """Its processes held more memory, or its folders more files, than a box may."""
    OUTPUT = "output"
    """It wrote more to stdout and stderr than a box may."""
    PROTOCOL = "protocol"
    """It answered what nobody had asked, answered without end, or stopped answering and stayed."""


@dataclass(frozen=True)
class BoxResult:
    """What a box left behind; all of it is the candidate's word except `ending`, times and sizes."""

    ending: Ending
    exit_code: int | None
    """128 + n when signal n ended the command; None when the box was ended from outside."""
    stdout: bytes
    stderr: bytes
    truncated: bool
    """Whether the command wrote more than was kept."""
    answers: tuple[bytes, ...]
    """Whole lines answered, without their newline, at most one for each request."""
    wall_s: float
    """From the start of the command to the end of its last process."""
    peak_memory_bytes: int
    """The most resident memory seen of all processes together; looked at every 30 ms, so short peaks escape it."""
    collected: bytes | None = None


class Sandbox(Protocol):
    """Something that runs a job in a box."""

    @property
    def name(self) -> str:
        """``bubblewrap``, ``sandlock`` or ``none``."""

    def run(self, job: BoxJob, limits: BoxLimits, requests: Sequence[bytes] | None = None) -> BoxResult:
        """Run `job` and return what came of it; blocks, and may be called from many threads at once.

        With `requests` (lines without newline) the program finds EVALKIT_PIPES="R,W" in its environment, reads one
        request from R, writes one line to W, and gets the next. After the last answer R is closed, and it has a second
        to leave.

        Raises :class:`evalkit.errors.SandboxError` when the box could not be made: that is never the candidate's fault.
        """


@dataclass(frozen=True)
class SandboxReport:
    """Whether one kind of sandbox works on this machine."""

    name: str
    works: bool
    reason: str
    """One sentence: what it is when it works; otherwise why it does not, and what to do."""
