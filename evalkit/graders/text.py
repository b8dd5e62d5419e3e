"""Does the text contain what it must, and nothing it must not? Checks on the assistant's own words.

Unicode is normalised and, unless ``ignore_case`` is false, case does not count. `contains` and `not_contains` take any
white space for one space, and ``14th`` for 14; `regex` searches the text as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from evalkit.graders.context import GraderContext, GraderType
from evalkit.graders.normalise import ORDINAL_NUMBER
from evalkit.records.grade import Verdict
from evalkit.records.json import JsonObject

TEXTS: JsonObject = {
    "type": "array",
    "items": {"type": "string", "minLength": 1},
    "minItems": 1,
    "description": "texts to look for",
}
PATTERN: JsonObject = {
    "type": "string",
    "format": "regex",
    "minLength": 1,
    "description": "a Python regular expression, searched anywhere in the text",
}
_IGNORE_CASE: JsonObject = {"type": "boolean", "description": "whether case does not count (default: true)"}


async def grade_contains(context: GraderContext) -> Verdict:
    """The assistant's words contain every one of `texts`.

    1: all are there. 0: one is not.
    """
    missing = _absent(context)
    return Verdict(0, f"not said: {_quoted(missing)}") if missing else Verdict(1, "everything was said")


async def grade_not_contains(context: GraderContext) -> Verdict:
    """The assistant's words contain none of `texts`.

    1: none is there. 0: one is.
    """
    missing = _absent(context)
    said = [text for text in context.option("texts") if text not in missing]
    return Verdict(0, f"said: {_quoted(said)}") if said else Verdict(1, "nothing of it was said")


async def grade_regex(context: GraderContext) -> Verdict:
    """The assistant's words match the regular expression `pattern` somewhere.

    1: it is found. 0: it is not.
    """
    flags = re.IGNORECASE if context.option("ignore_case", default=True) else re.NOFLAG
    pattern = context.option("pattern")
    found = re.search(pattern, unicodedata.normalize("NFKC", context.assistant_text), flags)
    if found is None:
        return Verdict(0, f"nothing matches {pattern!r}")
    return Verdict(1, f"{pattern!r} matches {found.group()!r}", (found.group(),))


def _absent(context: GraderContext) -> list[str]:
    ignore_case = context.option("ignore_case", default=True)
    said = _comparable(context.assistant_text, ignore_case=ignore_case)
    return [text for text in context.option("texts") if _comparable(text, ignore_case=ignore_case) not in said]


def _comparable(text: str, *, ignore_case: bool) -> str:
    spaced = " ".join(unicodedata.normalize("NFKC", text).split())
    return ORDINAL_NUMBER.sub(r"\1", spaced.casefold() if ignore_case else spaced)


def _quoted(texts: Sequence[str]) -> str:
    return ", ".join(repr(text) for text in texts)


GRADERS = (
    GraderType("contains", "2", grade_contains, {"texts": TEXTS, "ignore_case": _IGNORE_CASE}, ("texts",)),
    GraderType("not_contains", "2", grade_not_contains, {"texts": TEXTS, "ignore_case": _IGNORE_CASE}, ("texts",)),
    GraderType("regex", "1", grade_regex, {"pattern": PATTERN, "ignore_case": _IGNORE_CASE}, ("pattern",)),
)
