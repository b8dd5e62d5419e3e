"""Signs that nobody sees, or that change how others are seen, made visible: a page shows what was written."""

from __future__ import annotations

import re

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
_PICTURES = 0x2400
_DELETE = 0x7F


def show_hidden(text: str) -> str:
    """Return `text` with a picture for each control character, and ``⟨U+202E⟩`` for marks that turn the direction.

    Tabs and line feeds stay; a carriage return before a line feed is dropped.
    """
    return _HIDDEN.sub(_shown, text.replace("\r\n", "\n"))


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(_PICTURES + code)
    return "␡" if code == _DELETE else f"⟨U+{code:04X}⟩"
