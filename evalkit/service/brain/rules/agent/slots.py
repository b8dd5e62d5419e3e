"""Which arguments of a tool were said: the candidates of all its fields, weighed against each other.

Three things decide between candidates: what the caller took back (a later value wins), which end of a pair a
preposition names ("from Boston to Rome", "instead of Friday"), and that one stretch of speech fills one field only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evalkit.service.brain.rules.agent.candidates import Candidate, EitherHalf, field_stems, form_candidates
from evalkit.service.brain.rules.agent.fields import Field, Kind, Tool
from evalkit.service.brain.rules.agent.mishearing import is_one_character_off
from evalkit.service.brain.rules.agent.naming import listed, name_candidates, whole_answer
from evalkit.service.brain.rules.language.corrections import is_negated
from evalkit.service.brain.rules.language.lexicon import NEGATIONS
from evalkit.service.brain.rules.language.readings import Reading
from evalkit.service.brain.rules.language.words import SpokenText, split_name, stem, word_set

_FIRST = word_set(
    "from origin source previous former start starts starting begin begins beginning checkin pickup collection "
    "outbound old current sender in opening since"
)
_SECOND = word_set(
    "to destination end ends ending finish checkout dropoff return until new target recipient out due closing inbound"
)
_FIRST_LEADS = word_set("from leaving starting beginning between departing since of")
_SECOND_LEADS = word_set("to into until till through and returning back ending towards")
_OPEN_KINDS = frozenset({Kind.THING, Kind.TEXT, Kind.PERSON, Kind.PLACE})
_NAMED_KINDS = frozenset({Kind.THING, Kind.PERSON, Kind.PLACE})
_FLOORS = {
    Kind.COUNT: 1.0,
    Kind.MONEY: 1.0,
    Kind.CHOICE: 1.0,
    Kind.TEXT: 0.9,
    Kind.THING: 1.2,
    Kind.PERSON: 1.3,
    Kind.PLACE: 1.4,
    Kind.DATE: 1.0,
}
_OPTIONAL_FLOORS = {
    Kind.COUNT: 2.0,
    Kind.MONEY: 2.2,
    Kind.CHOICE: 1.2,
    Kind.TEXT: 2.2,
    Kind.THING: 2.6,
    Kind.PERSON: 1.9,
    Kind.PLACE: 2.4,
    Kind.ID: 2.8,
    Kind.DATE: 1.5,
}


@dataclass(frozen=True)
class Filling:
    """What of a tool's arguments an utterance holds.

    Attributes:
        values: Field name to value.
        unclear: Field name to a time of which nobody knows the half of the day.
        scores: Field name to how well its value suited.
        spans: Field name to the tokens it was read from.

    """

    values: Mapping[str, Any]
    unclear: Mapping[str, EitherHalf]
    scores: Mapping[str, float]
    spans: Mapping[str, tuple[int, int]]

    @property
    def said(self) -> frozenset[str]:
        """The names of the fields of which something was said, clear or not."""
        return frozenset(self.values) | frozenset(self.unclear)


def fill(tool: Tool, reading: Reading, asked: str = "") -> Filling:
    """Return the arguments of `tool` that `reading` holds; `asked` is the field that the caller was just asked for."""
    stems = frozenset(stem(word) for word in split_name(tool.name)).union(
        *(field_stems(field) for field in tool.fields)
    )
    return _fill_fields(tool.fields, reading, stems, asked)


def _fill_fields(fields: Sequence[Field], reading: Reading, stems: frozenset[str], asked: str) -> Filling:
    roles = _roles(fields)
    offers: list[Offer] = []
    for number, field in enumerate(fields):
        paired = sum(one.kind is field.kind for one in fields) > 1
        found = _candidates(field, reading, stems, asked, roles.get(field.name, ""), paired=paired)
        verbs = _verb_places(field, reading, stems)
        floor = _FLOORS.get(field.kind, 0.8) if field.required else _OPTIONAL_FLOORS.get(field.kind, 1.0)
        for one in found:
            near_verb = any(0 < one.start - place <= 6 for place in verbs)
            score = one.score + 3 * (field.name == asked) + 0.8 * near_verb
            if score >= floor:
                offers.append((score + 0.6 * field.required, -number, field, replace(one, score=score)))
    offers = _without_claimed(offers)
    offers.sort(key=lambda offer: (-offer[0], -offer[1], offer[3].start))
    chosen: dict[str, Candidate] = {}
    for _, _, field, candidate in offers:
        if field.name not in chosen and not _in_use(candidate, field, chosen, fields):
            chosen[field.name] = candidate
    _in_order(fields, chosen, roles)
    said = {field.name: _without_kind(field, chosen[field.name].value) for field in fields if field.name in chosen}
    unclear = {name: value for name, value in said.items() if isinstance(value, EitherHalf)}
    values = {name: value for name, value in said.items() if name not in unclear}
    _fill_lists(fields, reading, stems, values)
    spans = {name: (one.start, one.end) for name, one in chosen.items()}
    return Filling(values, unclear, {name: one.score for name, one in chosen.items()}, spans)


Offer = tuple[float, int, Field, Candidate]
_SAID_AS_SUCH = 2.5


def _without_claimed(offers: list[Offer]) -> list[Offer]:
    """Return the offers without things that are only words of a choice, or the name of a person, said beside a thing.

    "Lavender in the large pots" speaks of lavender, and "rose bushes for Martin Cole" of rose bushes.
    """
    spoken = {
        kind: [(one.start, one.end) for _, _, field, one in offers if field.kind is kind and one.score >= _SAID_AS_SUCH]
        for kind in (Kind.CHOICE, Kind.PERSON)
    }

    def is_claimed(one: Candidate, kind: Kind) -> bool:
        return any(start <= one.start and one.end <= end for start, end in spoken[kind])

    things = [(field.name, one) for _, _, field, one in offers if field.kind is Kind.THING]
    elsewhere = {name for name, one in things if not is_claimed(one, Kind.PERSON)}
    return [
        offer
        for offer in offers
        if offer[2].kind is not Kind.THING
        or not (is_claimed(offer[3], Kind.CHOICE) or (is_claimed(offer[3], Kind.PERSON) and offer[2].name in elsewhere))
    ]


def _without_kind(field: Field, value: Any) -> Any:
    """Return a name without the common noun that the field is named for: "the Harbor garage" is the garage Harbor.

    A noun in capitals belongs to the name: the hotel "Grand Hotel".
    """
    if field.kind not in _NAMED_KINDS or not isinstance(value, str):
        return value
    *name, last = value.split()
    own = {stem(word) for word in split_name(field.name)}
    return " ".join(name) if name and last.islower() and stem(last) in own else value


def _verb_places(field: Field, reading: Reading, stems: frozenset[str]) -> list[int]:
    """Return where the tool's own words stand, for ids of which there may be several: "keep 81120 and cancel 81121"."""
    if field.kind is not Kind.ID or len(reading.ids) < 2:
        return []
    known = {stem(word) for word in field.words}
    return [place for place, token in enumerate(reading.said.tokens) if token.stem in stems - known]


def _in_use(candidate: Candidate, field: Field, chosen: Mapping[str, Candidate], fields: Sequence[Field]) -> bool:
    soft = field.kind in (Kind.CHOICE, Kind.FLAG, Kind.TEXT)
    kinds = {one.name: one.kind for one in fields}
    for name, other in chosen.items():
        if candidate.start < other.end and other.start < candidate.end:
            both_choices = kinds[name] is Kind.CHOICE and field.kind is Kind.CHOICE
            if both_choices or not (soft or kinds[name] in (Kind.CHOICE, Kind.FLAG, Kind.TEXT)):
                return True
    return False


def _fill_lists(fields: Sequence[Field], reading: Reading, stems: frozenset[str], values: dict[str, Any]) -> None:
    for field in fields:
        if field.kind is Kind.LIST:
            found = _list_values(field, reading, stems)
            if found:
                values[field.name] = found


def _list_values(field: Field, reading: Reading, stems: frozenset[str]) -> list[Any]:
    item = field.parts[0]
    if item.kind in _OPEN_KINDS:
        found = listed(field, reading, stems - field_stems(field))
    else:
        floor = 1.2 if item.kind is Kind.CHOICE else 2.0
        found = [one for one in form_candidates(item, reading) if one.score >= floor]
        found = sorted((one for one in found if not isinstance(one.value, EitherHalf)), key=lambda one: one.start)
        found = _revised(found, reading, item, "")
    values: list[Any] = []
    for one in found:
        if one.value not in values:
            values.append(one.value)
    return values


def _candidates(
    field: Field, reading: Reading, stems: frozenset[str], asked: str, role: str, *, paired: bool
) -> list[Candidate]:
    found = form_candidates(field, reading, stems)
    if reading.is_heard and field.likely and field.name != asked:
        found = [one for one in found if not is_one_character_off(str(one.value), field.likely)]
    found = found or name_candidates(field, reading, stems - field_stems(field))
    found = [replace(one, score=one.score + _role_score(reading.said, one, role)) for one in found]
    found = _revised(found, reading, field, role, paired=paired)
    if field.name == asked and field.kind in _OPEN_KINDS and not any(one.score > 2 for one in found):
        answer = whole_answer(reading.said)
        if answer and len(reading.said.tokens) <= 25:
            found.append(Candidate(answer, 0, len(reading.said.tokens), 1.5))
    if field.name == asked and field.kind is Kind.FLAG and not found:
        found = _yes_or_no(reading.said)
    return found


_YES = word_set("yes yeah yep yup sure correct absolutely definitely certainly")
_SOUNDS_LIKE_YES = word_set("please right okay ok")
_NO = NEGATIONS | {"nope", "nah"}
_UNDECIDED = re.compile(
    r"\b(?:not (?:so |quite |really )?sure|(?:don't|do not) (?:know|mind|care)|no idea|whatever|maybe|perhaps"
    r"|either (?:way|one|is))\b"
)
_EARLY = 4


def _yes_or_no(said: SpokenText) -> list[Candidate]:
    """Return what an answer to a question of yes or no begins with; nothing where it is neither.

    A "please" or a "right" says yes only where nothing says no: "Not right now, please." is a no.
    """
    words = said.words(0, _EARLY)
    if _UNDECIDED.search(" ".join(said.words())):
        return []
    for word in words:
        if word in _NO or word.endswith("n't"):
            return [Candidate(value=False, start=0, end=1, score=2)]
        if word in _YES:
            return [Candidate(value=True, start=0, end=1, score=2)]
    return [Candidate(value=True, start=0, end=1, score=2)] if _SOUNDS_LIKE_YES & set(words) else []


def _revised(
    found: list[Candidate], reading: Reading, field: Field, role: str, *, paired: bool = False
) -> list[Candidate]:
    """Take out what was ruled out or corrected, and lower what stands in a clause about the past or the impossible."""
    kept = [one for one in found if not (one.start and is_negated(reading.said, one.start)) or field.kind is Kind.FLAG]
    for point in reading.corrections:
        after = [one for one in kept if point <= one.start <= point + 16]
        if not after or field.kind is Kind.TEXT:
            continue
        if role and max(_role_score(reading.said, one, role) for one in after) < 0:
            continue
        nearest = max((one.end for one in kept if one.end <= point), default=0)
        kept = [one for one in kept if one.end > point or (paired and one.end != nearest)]
    coming = role == "second" and field.kind in (Kind.DATE, Kind.TIME)
    return [replace(one, score=one.score - _doubt(reading.said, one.start) * (3.0 if coming else 1.0)) for one in kept]


_DOUBTFUL = word_set(
    "can't cannot won't couldn't was were supposed originally already other previous yesterday old unable"
)


_UNSUITABLE = re.compile(
    r"\b(?:(?:don't|doesn't|won't|didn't) (?:work|suit)|(?:is|are) (?:bad|impossible)|isn't (?:good|possible))\b"
)


def _doubt(said: SpokenText, start: int) -> float:
    """Return how doubtful it is that what was said at `start` is wanted: it may be the old value, or impossible."""
    if start >= len(said.tokens):
        return 0.0
    clause = said.tokens[start].clause
    before = {token.word for token in said.tokens[:start] if token.clause == clause}
    own = " ".join(token.word for token in said.tokens if token.clause == clause)
    if _UNSUITABLE.search(own):
        return 1.0
    doubtful = bool(before & _DOUBTFUL) or own.startswith(("i have a", "i've got a", "i have an", "i had a"))
    return 0.5 if doubtful else 0.0


def _roles(fields: Sequence[Field]) -> dict[str, str]:
    """Return for each field which of a pair of its kind it is: by its name, else by the order."""
    roles: dict[str, str] = {}
    for field in fields:
        words = set(field.words)
        first, second = bool(words & _FIRST), bool(words & _SECOND)
        roles[field.name] = "first" if first and not second else "second" if second and not first else ""
    for kind in {field.kind for field in fields}:
        pair = [field for field in fields if field.kind is kind]
        if len(pair) == 2 and kind not in (Kind.CHOICE, Kind.FLAG, Kind.TEXT, Kind.GROUP, Kind.LIST):
            named = [roles[field.name] for field in pair]
            if named[0] == named[1]:
                told = {"arrival", "arrive", "departure", "depart"} & (set(pair[0].words) | set(pair[1].words))
                roles[pair[0].name], roles[pair[1].name] = ("first", "second") if told or named[0] else ("", "")
            elif "" in named:
                known = named[0] or named[1]
                other = "second" if known == "first" else "first"
                roles[pair[0].name], roles[pair[1].name] = (named[0] or other, named[1] or other)
    return roles


def _role_score(said: SpokenText, candidate: Candidate, role: str) -> float:
    if not role or candidate.start == 0:
        return 0.0
    place = candidate.start - 1
    while place > 0 and said.word(place) in ("the", "my", "a", "on", "around", "about", "our", "in", "at", "account"):
        place -= 1
    word = said.word(place)
    leads = {"first": (_FIRST_LEADS, _SECOND_LEADS), "second": (_SECOND_LEADS, _FIRST_LEADS)}[role]
    if word == "out" and said.words(place - 1, place) == ["checking"]:
        return 2.0 if role == "second" else -2.0
    if word == "in" and said.word(place - 1) == "checking":
        return 2.0 if role == "first" else -2.0
    if word in leads[0]:
        return 2.0 if word != "of" else 1.0
    return -2.0 if word in leads[1] and word not in ("and", "of") else 0.0


def _in_order(fields: Sequence[Field], chosen: dict[str, Candidate], roles: Mapping[str, str]) -> None:
    """Swap the values of a pair of dates or times that would end before it starts."""
    for kind in (Kind.DATE, Kind.TIME):
        pair = [field for field in fields if field.kind is kind and field.name in chosen and roles.get(field.name)]
        if len(pair) != 2:
            continue
        first, second = sorted(pair, key=lambda field: roles[field.name])
        if any(isinstance(chosen[field.name].value, EitherHalf) for field in pair):
            continue
        if roles[first.name] != roles[second.name] and str(chosen[first.name].value) > str(chosen[second.name].value):
            chosen[first.name], chosen[second.name] = chosen[second.name], chosen[first.name]
