"""The rules by which an expected tool argument is compared with the one that was given.

They are data: a case names them per argument (``gt_tool_call_match``), the data check refuses unknown ones, and
:mod:`evalkit.graders.matching` applies them.

========= ============================================================================================
rule      what counts as the same
========= ============================================================================================
number    equal by value: ``3``, ``"3"``, ``"3.0"``, ``"$1,250"`` and ``1250.00``
text      equal but for case, punctuation, white space, the way Unicode spells a letter, and ``14th`` for 14
id        as text without spaces, dashes, ``#`` and case; leading zeros count
address   as text with street types, units, directions, states and number words in one spelling
date      the same day in any of the usual spellings; month first in ``3/5/2026``
exact     the same JSON value, letter by letter
========= ============================================================================================

Without a rule the type of the expected value decides: numbers by `number`, strings by `text`, booleans and nulls
exactly, lists element by element, objects as subsets.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum

from evalkit.records.json import Json, JsonObject


class MatchRule(StrEnum):
    """The closed set of rules."""

    NUMBER = "number"
    TEXT = "text"
    ID = "id"
    ADDRESS = "address"
    DATE = "date"
    EXACT = "exact"


MATCH_RULES: tuple[str, ...] = tuple(rule.value for rule in MatchRule)


def find_match_problems(rules: Mapping[str, Json], arguments: JsonObject) -> list[str]:
    """Return one message for each rule that does not exist or names an argument that `arguments` does not have.

    An argument inside another is named with dots: ``address.street``.
    """
    problems: list[str] = []
    for name, rule in rules.items():
        if rule not in MATCH_RULES:
            near = get_close_matches(str(rule), MATCH_RULES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            problems.append(f"argument {name!r}: match rule {rule!r} is not one of {', '.join(MATCH_RULES)}{hint}")
        if not _names_argument(name, arguments):
            known = ", ".join(arguments) or "none"
            problems.append(f"match rule for {name!r}: no such expected argument (there are: {known})")
    return problems


def _names_argument(name: str, arguments: JsonObject) -> bool:
    if name in arguments:
        return True
    head, _, rest = name.partition(".")
    inner = arguments.get(head)
    return bool(rest) and isinstance(inner, Mapping) and _names_argument(rest, inner)
