"""Paths inside a workspace, and the globs of a task's `editable`: ``*`` stays inside one folder, ``**`` does not."""

from __future__ import annotations

import re
from functools import cache


def matches(path: str, glob: str) -> bool:
    """Return whether `path`, relative and with forward slashes, is one that `glob` names."""
    return _pattern(glob).fullmatch(path) is not None


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    meanings = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meanings.get(part) or re.escape(part) for part in parts))
