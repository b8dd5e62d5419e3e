"""A line as one types it, read into its overrides."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from evalkit.errors import ConfigError

_PLAIN = re.compile(r"[\w./@:-]+")
_SWEEP = ("-m", "--multirun")


@dataclass(frozen=True)
class TypedLine:
    """What a line says: its overrides, whether it is a sweep, and the directory that ``rerun`` repeats."""

    overrides: tuple[str, ...]
    multirun: bool = False
    rerun: str | None = None


def read_line(text: str) -> TypedLine:
    """Return what stands on a line such as ``evalkit -m chunk_ms=20,60``; the program's name may be left out.

    Raises ConfigError for quotes that do not close, other commands and other flags.
    """
    try:
        words = shlex.split(text.replace("\\\n", " "))
    except ValueError as error:
        raise ConfigError(f"the line cannot be read ({error}); close every quote") from None
    words = words[1:] if words[:1] == ["evalkit"] else words
    multirun = any(word in _SWEEP for word in words)
    words = [word for word in words if word not in _SWEEP]
    rerun = None
    if words[:1] == ["rerun"]:
        if len(words) < 2:
            raise ConfigError("rerun needs a run's directory")
        rerun, words = words[1], words[2:]
    problems = [_explain(word) for word in words if word.startswith("-") or "=" not in word]
    if problems:
        raise ConfigError(problems)
    return TypedLine(tuple(words), multirun, rerun)


def as_value(text: str) -> str:
    """Return `text` as one value of an override, in quotes where it has characters that mean something there."""
    if _PLAIN.fullmatch(text):
        return text
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", text)  # a backslash means something before a quote only
    return "'" + re.sub(r"(\\+)$", r"\1\1", escaped) + "'"


def _explain(word: str) -> str:
    if word.startswith("-"):
        return f"{word}: the lab takes no flag but -m; type this line in a terminal"
    return f"{word!r}: is not key=value; the lab launches runs, sweeps and rerun RUN_DIR"
