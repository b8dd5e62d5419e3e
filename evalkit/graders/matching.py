"""Whether the arguments of a tool call are those a right answer has: a subset match with rules that are data.

Each expected argument must be there and match; further arguments are allowed. Which rule applies to an argument is
named by the case (:mod:`evalkit.records.match_rules` explains each), else decided by the type of the expected value. A
rule given for a list or an object holds for everything in it, unless a dotted name (``address.zip``) says otherwise.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TypeGuard

from evalkit.graders.address import address_words
from evalkit.graders.dates import parse_day
from evalkit.graders.normalise import ORDINAL_NUMBER
from evalkit.records.json import Json, JsonObject
from evalkit.records.match_rules import MatchRule

_ID_FILLERS = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Pd"})  # Unicode categories: spaces, invisible, dashes
_CURRENCY = "$£€¥"
_GROUPED_NUMBER = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")


@dataclass(frozen=True)
class ArgumentVerdict:
    """Whether one expected value was found. `name` is its path; `rule` is the one that was applied."""

    name: str
    rule: str
    matched: bool
    reason: str


@dataclass(frozen=True)
class ArgumentsMatch:
    """One verdict for each expected value that can be compared by itself."""

    verdicts: tuple[ArgumentVerdict, ...]

    @property
    def matched(self) -> bool:
        """Whether every expected value was found."""
        return all(verdict.matched for verdict in self.verdicts)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What is wrong, a sentence for each mismatch."""
        return tuple(verdict.reason for verdict in self.verdicts if not verdict.matched)


def match_arguments(expected: JsonObject, found: JsonObject, rules: Mapping[str, str]) -> ArgumentsMatch:
    """Compare `expected` with `found` by `rules` (argument name -> rule).

    Raises:
        ValueError: A rule is not one of :data:`evalkit.records.match_rules.MATCH_RULES`.

    """
    parsed = {name: MatchRule(rule) for name, rule in rules.items()}
    return ArgumentsMatch(tuple(_match_object("", expected, found, None, parsed)))


def _match_object(
    path: str, expected: JsonObject, found: JsonObject, inherited: MatchRule | None, rules: Mapping[str, MatchRule]
) -> list[ArgumentVerdict]:
    verdicts: list[ArgumentVerdict] = []
    for key, wanted in expected.items():
        name = f"{path}.{key}" if path else key
        rule = rules.get(name, inherited)
        if key in found:
            verdicts += _match_value(name, wanted, found[key], rule, rules)
        else:
            reason = f"{name}: expected {_shown(wanted)}, not given"
            verdicts.append(ArgumentVerdict(name, rule or _default_rule(wanted), matched=False, reason=reason))
    return verdicts


def _match_value(
    name: str, expected: Json, found: Json, rule: MatchRule | None, rules: Mapping[str, MatchRule]
) -> list[ArgumentVerdict]:
    if rule is not MatchRule.EXACT:
        if isinstance(expected, Mapping) and isinstance(found, Mapping):
            return _match_object(name, expected, found, rule, rules)
        if _is_list(expected) and _is_list(found) and len(expected) == len(found) > 0:
            pairs = enumerate(zip(expected, found, strict=True))
            return [
                verdict
                for index, (wanted, given) in pairs
                for verdict in _match_value(f"{name}[{index}]", wanted, given, rule, rules)
            ]
    applied = rule or _default_rule(expected)
    matched = _same(expected, found, applied)
    relation = "matches" if matched else "expected"
    reason = f"{name}: {relation} {_shown(expected)}, found {_shown(found)} (by {applied})"
    return [ArgumentVerdict(name, applied, matched, reason)]


def _default_rule(expected: Json) -> MatchRule:
    if isinstance(expected, str):
        return MatchRule.TEXT
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return MatchRule.NUMBER
    return MatchRule.EXACT


def _same(expected: Json, found: Json, rule: MatchRule) -> bool:
    """Compare two values of which at least one is not an object or a list, or whose shapes differ."""
    if rule is MatchRule.EXACT or not (_is_scalar(expected) and _is_scalar(found)):
        return exact_text(expected) == exact_text(found)
    return _SAME[rule](_as_text(expected), _as_text(found))


def _same_number(expected: str, found: str) -> bool:
    wanted, given = _parse_number(expected), _parse_number(found)
    return wanted == given if wanted is not None and given is not None else _same_text(expected, found)


def _same_text(expected: str, found: str) -> bool:
    wanted, given = _text_key(expected), _text_key(found)
    return wanted == given if wanted else expected.strip() == found.strip()


def _same_id(expected: str, found: str) -> bool:
    return _id_key(expected) == _id_key(found)


def _same_address(expected: str, found: str) -> bool:
    wanted = address_words(expected)
    return wanted == address_words(found) if wanted else _same_text(expected, found)


def _same_day(expected: str, found: str) -> bool:
    wanted, given = parse_day(expected), parse_day(found)
    return wanted.admits(given) if wanted and given else _same_text(expected, found)


_SAME: dict[MatchRule, Callable[[str, str], bool]] = {
    MatchRule.NUMBER: _same_number,
    MatchRule.TEXT: _same_text,
    MatchRule.ID: _same_id,
    MatchRule.ADDRESS: _same_address,
    MatchRule.DATE: _same_day,
}


def _parse_number(text: str) -> Decimal | None:
    bare = text.strip().strip(_CURRENCY).strip()
    if _GROUPED_NUMBER.fullmatch(bare):
        bare = bare.replace(",", "")
    try:
        number = Decimal(bare)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _text_key(text: str) -> str:
    """Drop case, accents' spelling, punctuation, white space and what makes ``14th`` of 14.

    Only between two digits a gap still counts.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words = "".join(" " if unicodedata.category(char)[0] in "PZC" else char for char in folded).split()
    key = ""
    for written in words:
        word = ORDINAL_NUMBER.sub(r"\1", written)
        key += f" {word}" if key[-1:].isdigit() and word[0].isdigit() else word
    return key


def _id_key(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(char for char in folded if char != "#" and unicodedata.category(char) not in _ID_FILLERS)


def _as_text(value: Json) -> str:
    """Return a scalar as one would say it: 3.0 is 3."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _is_scalar(value: Json) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _is_list(value: Json) -> TypeGuard[Sequence[Json]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def exact_text(value: Json) -> str:
    """Return the one text that equal JSON values have, and no others: objects by their names, numbers by value."""
    return _shown(_plain(value))


def _plain(value: Json) -> Json:
    """Return `value` with 3.0 as 3, so that equal JSON numbers are equal bytes and True is still not 1."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shown(value: Json) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
