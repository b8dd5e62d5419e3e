"""What this machine has to run tasks with: a sandbox, and a toolchain for each language that the tasks are in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from evalkit.modes.coding.task import Language
from evalkit.modes.coding.toolchains import MissingToolchain, Toolchain, find_toolchain
from evalkit.sandbox.box import Sandbox
from evalkit.sandbox.finding import find_sandbox


@dataclass(frozen=True)
class Languages:
    """What was found.

    Attributes:
        sandbox: The name of the sandbox; empty: none was looked for.
        toolchains: Of the languages that can be run.
        missing: Of those that cannot, with the reason and what to do.

    """

    sandbox: str
    toolchains: Mapping[Language, Toolchain]
    missing: tuple[MissingToolchain, ...]

    def find_sandbox(self) -> Sandbox:
        """Return the sandbox of that name. Raises ConfigError where it works no more."""
        return _found(self.sandbox)


def find_languages(sandbox: str, wanted: Iterable[Language]) -> Languages:
    """Return what this machine has. Raises ConfigError where no sandbox works, with the reasons."""
    found = [find_toolchain(language) for language in dict.fromkeys(wanted)]
    return Languages(
        _found(sandbox).name,
        {each.language: each for each in found if isinstance(each, Toolchain)},
        tuple(each for each in found if isinstance(each, MissingToolchain)),
    )


@cache
def _found(wanted: str) -> Sandbox:
    """Return a sandbox that was seen to work in this process."""
    return find_sandbox(wanted)
