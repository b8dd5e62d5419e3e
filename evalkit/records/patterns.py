"""Regular expressions of people who are not here, on texts of programs that nobody knows: neither can hold up a run."""

from __future__ import annotations

LOOKED_AT = 64 * 1024
"""Only the last part of a text is looked at, in characters."""
LIMIT_S = 0.5


def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` is found in the last part of `text`; ``^`` and ``$`` fit at every line.

    Raises TimeoutError where that takes longer than :data:`LIMIT_S`.
    """
    import regex

    return regex.search(pattern, text[-LOOKED_AT:], regex.MULTILINE, timeout=LIMIT_S) is not None


def find_pattern_problem(pattern: str) -> str:
    """Return what is wrong with a regular expression; empty: nothing."""
    import regex

    try:
        regex.compile(pattern)
    except regex.error as error:
        return str(error)
    return ""
