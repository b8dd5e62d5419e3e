"""The exceptions evalkit raises on purpose.

::

    EvalkitError
    ├── UserError            the user must fix something: exit 2, every problem listed at once
    │   ├── ConfigError      an override, an option or a value
    │   └── DataError        a CSV, JSON or WAV file
    ├── ServiceStartError    the embedded provider did not start, or LM Studio does not serve: exit 3
    ├── LaunchError          a launcher gave up; what its jobs did stands in their files
    ├── SandboxError         a box for a program could not be made; never the fault of the program
    ├── StorageError         the disk takes nothing more: what was stored by then is whole
    ├── ObjectStorageError   object storage does not give or take something: what is here stays here
    ├── CaseFailure          one case-trial did not end well; becomes data in its record, never a crash
    └── ProtocolError        we called the realtime core in an order that makes no sense: a defect of ours

A message says what was found, where, what is allowed, and what to do. Lower case, no "Error:" prefix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

# Control characters, and those that turn the direction of writing: a terminal obeys them.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class EvalkitError(Exception):
    """Base of everything raised on purpose."""


class UserError(EvalkitError):
    """The user must fix something. `problems` holds one complete message each; they are printed together."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class ConfigError(UserError):
    """The configuration is wrong: an unknown key or option, a value out of range, a contradiction."""


class DataError(UserError):
    """An input file is missing, malformed or contradicts the configuration."""


def collecting(problems: list[str], read: Callable[[], T]) -> T | None:
    """Return what `read` gives, or None after adding to `problems` what a UserError says is wrong."""
    try:
        return read()
    except UserError as error:
        problems.extend(error.problems)
        return None


class ServiceStartError(EvalkitError):
    """A provider of this machine does not serve; for the embedded one the message ends with its stderr's last lines."""


class LaunchError(EvalkitError):
    """A launcher gave up. Which jobs it ran, and how they ended, their own files tell."""


class SandboxError(EvalkitError):
    """A box could not be made, or ended for a reason outside it. Never the fault of the program that was to run."""


class StorageError(EvalkitError):
    """The disk takes nothing more. What was stored by then is whole, and the run can be resumed."""


class ObjectStorageError(EvalkitError):
    """Object storage does not give or take something. What is on this machine stays as it is."""


class CaseFailure(EvalkitError):
    """A case-trial ended badly. The catcher stores it in the record; `decide_fault` turns it into a fault.

    Args:
        stage: Where it happened, a value of :class:`evalkit.records.faults.Stage`.
        error_type: A short machine-readable kind, for example ``rate_limit_exceeded`` or ``timeout``.
        message: What happened, for a person; made printable, because peers have a say in it.
        retry_after_s: What the peer asked us to wait before trying again, when it did.

    """

    def __init__(self, stage: str, error_type: str, message: str, *, retry_after_s: float | None = None) -> None:
        self.stage = stage
        self.error_type = printable(error_type)
        self.message = printable(message)
        self.retry_after_s = retry_after_s
        super().__init__(f"{stage}: {self.error_type}: {self.message}")


class ProtocolError(EvalkitError):
    """The realtime core was called in an order that makes no sense."""


def printable(text: str) -> str:
    """Return `text` on one line, with every character that a terminal would obey written as its escape."""
    return _UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], text)
