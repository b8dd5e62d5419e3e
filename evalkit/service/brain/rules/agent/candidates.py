"""What in an utterance could fill a field that has a form: an id, a date, a sum, an address, a choice.

Each function offers :class:`Candidate` values with a score (about 1: possible, 3 and more: said with its label or
unit). Fields without a form (names, places, things, free text) are served by `naming`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from evalkit.service.brain.rules.agent.choices import choices, flag
from evalkit.service.brain.rules.agent.fields import Field, Kind
from evalkit.service.brain.rules.agent.mishearing import mended_runs
from evalkit.service.brain.rules.language.amounts import Amount
from evalkit.service.brain.rules.language.contacts import read_phones
from evalkit.service.brain.rules.language.ids import IdRun, id_parts
from evalkit.service.brain.rules.language.lexicon import FUNCTION_WORDS, LIGHT_VERBS, SCHEMA_WORDS, ideas_of
from evalkit.service.brain.rules.language.numbers import read_ordinal
from evalkit.service.brain.rules.language.readings import Reading
from evalkit.service.brain.rules.language.words import SpokenText, read_words, stem, word_set

_LABEL_WORDS = frozenset(stem(word) for word in word_set("number id code reference is it's that's for of"))
_GENERIC = frozenset(
    stem(word) for word in word_set("id ids number num no code reference ref the new old of date time type")
)
_PAST_FIELDS = re.compile(
    r"birth|dob|happened|occurred|purchase|incident|past|issued|since|graduat|was (?:made|bought)", re.IGNORECASE
)


_CLOCK = re.compile(r"\d{2}:\d{2}(?=:\d{2}\b|$)")


@dataclass(frozen=True)
class Candidate:
    """A value that a field may take, where it was said, and how well it suits."""

    value: Any
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class EitherHalf:
    """A time that was said without the half of the day, as it is in the morning and in the evening."""

    morning: str
    evening: str

    @property
    def clock(self) -> str:
        """What was said, as one writes it: 8:15."""
        return str(_CLOCK.findall(self.morning)[0]).lstrip("0")

    def beside(self, other: Any) -> str:
        """Return the one that is in the same half of the day as the time `other`, "" where that is no time."""
        times = _CLOCK.findall(str(other))
        return "" if not times else self.morning if times[0] < "12" else self.evening


def field_stems(field: Field) -> frozenset[str]:
    """Return the telling stems of a field's name."""
    return frozenset(stem(word) for word in field.words) - _GENERIC


def description_stems(field: Field) -> frozenset[str]:
    """Return the telling stems of a field's description."""
    words = (token.word for token in read_words(field.description).tokens)
    return frozenset(stem(word) for word in words if word not in FUNCTION_WORDS and word not in SCHEMA_WORDS) - _GENERIC


def field_ideas(field: Field) -> frozenset[str]:
    """Return the things that a field's name is about."""
    return frozenset(idea for ideas in ideas_of(tuple(stem(word) for word in field.words)) for idea in ideas)


def label_score(field: Field, said: SpokenText, start: int) -> float:
    """Score how clearly the words before token `start` name the field: "the card number is …"."""
    stems = field_stems(field)
    ideas = frozenset(idea for idea in field_ideas(field) if idea.startswith("on:"))
    score = 0.0
    for distance, place in enumerate(range(start - 1, max(start - 8, -1), -1)):
        token = said.tokens[place]
        if distance and said.tokens[place + 1].sentence != token.sentence and distance > 1:
            break
        if token.stem in stems:
            return score + 2.5 - 0.25 * distance
        if ideas and ideas_of((token.stem,))[0] & ideas:
            return score + 1.5 - 0.2 * distance
        if token.stem in _LABEL_WORDS and distance < 3:
            score = max(score, 0.5)
    return score


def form_candidates(field: Field, reading: Reading, topic: frozenset[str] = frozenset()) -> list[Candidate]:
    """Return the candidates for a field that has a form; none for the other kinds.

    Args:
        field: The field.
        reading: What was said.
        topic: Stems of what its tool is about, which tell no value of a choice.

    """
    if field.kind is Kind.CHOICE:
        return _choices(field, reading, topic)
    readers = {
        Kind.ID: _ids,
        Kind.PHONE: _phones,
        Kind.EMAIL: _emails,
        Kind.ADDRESS: _addresses,
        Kind.DATE: _dates,
        Kind.TIME: _times,
        Kind.DATETIME: _datetimes,
        Kind.MONEY: _money,
        Kind.COUNT: _counts,
        Kind.FLAG: _flags,
    }
    reader = readers.get(field.kind)
    if field.kind is Kind.PLACE and (reading.addresses or reading.streets):
        reader = _addresses
    return reader(field, reading) if reader else []


def _choices(field: Field, reading: Reading, topic: frozenset[str]) -> list[Candidate]:
    found = [Candidate(one.value, one.start, one.end, one.score) for one in choices(field, reading.said, topic)]
    return [replace(one, score=one.score + 0.3 * label_score(field, reading.said, one.start)) for one in found]


def _flags(field: Field, reading: Reading) -> list[Candidate]:
    found = flag(field, reading.said)
    return [Candidate(found.value, found.start, found.end, found.score)] if found else []


def _emails(_field: Field, reading: Reading) -> list[Candidate]:
    return [Candidate(span.value, span.start, span.end, 3) for span in reading.emails]


def _addresses(field: Field, reading: Reading) -> list[Candidate]:
    spans = [(span, 3.0) for span in reading.addresses] or [(span, 1.6) for span in reading.streets]
    return [
        Candidate(span.value, span.start, span.end, base + 0.2 * label_score(field, reading.said, span.start))
        for span, base in spans
    ]


def _phones(field: Field, reading: Reading) -> list[Candidate]:
    shaped = (
        [one for one in _ids(field, reading) if sum(char.isdigit() for char in str(one.value)) >= 7]
        if field.shape
        else []
    )
    plain = read_phones(list(reading.ids)) if not field.shape else []
    return shaped + [
        Candidate(span.value, span.start, span.end, 2.5 + label_score(field, reading.said, span.start))
        for span in plain
    ]


def _ids(field: Field, reading: Reading) -> list[Candidate]:
    found = []
    likely = field.likely if reading.is_heard else ""
    for run in mended_runs(reading, field.shape or likely, field_stems(field)):
        base = 0.0 if _is_count(reading, run) else 1.0
        for part in id_parts(run, field.shape):
            label = label_score(field, reading.said, part.start)
            if not field.shape and len(part.value) < 3 and label < 1:
                continue
            score = base + label + (1.5 if field.shape else 0.15 * min(len(part.value), 8)) + 0.5 * part.whole
            if label < 1 and _labelled_otherwise(reading.said, part.start):
                score -= 0.5 if field.shape else 1.2
            value: Any = int(part.value) if field.numeric and part.value.isdigit() else part.value
            if score > 1.2:
                found.append(Candidate(value, part.start, part.end, score))
    return found


def _labelled_otherwise(said: SpokenText, start: int) -> bool:
    """Tell whether an id was called something by the noun before it: "order AB-1294", "the account is 0093312"."""
    place = start - 1
    while place > 0 and (
        said.tokens[place].stem in _LABEL_WORDS or said.word(place) in ("was", "number's", "my", "the")
    ):
        place -= 1
    word = said.word(place)
    return place >= 0 and word.isalpha() and word not in FUNCTION_WORDS and word not in LIGHT_VERBS


def _is_count(reading: Reading, run: IdRun) -> bool:
    """Tell whether a run is a number that counts a thing ("two nights") or a price."""
    for amount in reading.amounts:
        if amount.start <= run.start and run.end <= amount.end:
            unit = amount.unit and amount.unit not in FUNCTION_WORDS and len(run.text) <= 3
            return amount.money or bool(unit)
    return False


def _dates(field: Field, reading: Reading) -> list[Candidate]:
    told = " ".join(field.words) + " " + field.description
    past = bool(_PAST_FIELDS.search(told))
    found = []
    for one in reading.dates:
        day = one.past if past else one.day
        if "birth" in told.lower() and not one.full:
            continue
        score = 2.0 + 0.4 * label_score(field, reading.said, one.start) + (0.5 if one.full and past else 0)
        if day:
            found.append(Candidate(day.isoformat(), one.start, one.end, score))
    return found


def _times(field: Field, reading: Reading) -> list[Candidate]:
    return [
        Candidate(
            EitherHalf(one.text, one.later.text) if one.unclear else one.text,
            one.start,
            one.end,
            2.0 + 0.4 * label_score(field, reading.said, one.start) + (0.5 if one.sure or one.half else 0),
        )
        for one in reading.times
        if not any(run.start <= one.start < run.end and len(run.text) > 4 for run in reading.ids)
    ]


def _datetimes(_field: Field, reading: Reading) -> list[Candidate]:
    found = []
    for day in reading.dates:
        for time in reading.times:
            if day.day:
                start, end = min(day.start, time.start), max(day.end, time.end)
                texts = [f"{day.day.isoformat()}T{one.text}:00" for one in (time, time.later)]
                found.append(Candidate(EitherHalf(*texts) if time.unclear else texts[0], start, end, 3))
    return found[:1]


def _money(field: Field, reading: Reading) -> list[Candidate]:
    found = []
    for amount in _countable(reading):
        label = label_score(field, reading.said, amount.start)
        unit = amount.unit and amount.unit not in FUNCTION_WORDS and not amount.money
        score = 3.0 if amount.money else 0.2 if unit else 1.0
        if amount.digits < 5 or amount.money or label > 1:
            found.append(_number(field, amount, score + 0.4 * label))
    return _bounded(field, found)


def _counts(field: Field, reading: Reading) -> list[Candidate]:
    found = [_count(field, reading, amount) for amount in _countable(reading) if not amount.money]
    if "day" in field.words:
        ordinals = (read_ordinal(reading.said, index) for index in range(len(reading.said.tokens)))
        found += [Candidate(int(one.value), one.start, one.end, 3) for one in ordinals if one]
    if "year" in field.words:
        found = [
            replace(one, score=one.score + 2.5)
            for one in found
            if isinstance(one.value, int) and 1900 <= one.value <= 2100
        ]
    return _bounded(field, [one for one in found if one.score > 0.4])


def _count(field: Field, reading: Reading, amount: Amount) -> Candidate:
    said = reading.said
    names, told = field_stems(field), description_stems(field)
    ideas = frozenset(idea for idea in field_ideas(field) | _ideas(told) if idea.startswith("on:"))
    score = 1.0 if amount.digits < 5 or "," in said.gap(amount.start + 1) else 0.3
    counts = bool(set(field.words) & {"quantity", "qty", "count", "copies", "many", "units", "amount"})
    ahead = said.tokens[amount.end : amount.end + 3]
    for distance, token in enumerate(ahead):
        if token.gap.strip() or (distance and token.word in FUNCTION_WORDS - {"us", "people"}):
            break
        if token.stem in names:
            score += 3 - 0.5 * distance
            break
        if token.stem in told or (ideas_of((token.stem,))[0] & ideas):
            score += 2 - 0.5 * distance
            break
        if distance == 0 and token.word not in FUNCTION_WORDS:
            score += 1.2 if counts else -0.8
    lead = said.word(amount.start - 1)
    groups = (["party", "of"], ["group", "of"], ["be", "the"], ["to", "be"])
    if "on:guest" in ideas and (lead in ("for", "we're") or said.words(amount.start - 2, amount.start) in groups):
        score += 1.5
    return _number(field, amount, score + 0.5 * label_score(field, said, amount.start))


def _ideas(stems: Iterable[str]) -> frozenset[str]:
    return frozenset(idea for ideas in ideas_of(tuple(sorted(stems))) for idea in ideas)


def _countable(reading: Reading) -> list[Amount]:
    """Return the amounts that are no part of a date, a sure time, an address or a spelled id."""
    spelled = (run for run in reading.ids if len(run.elements) > 3 or not run.text.isdigit())
    clock = (one for one in reading.times if one.sure or one.half or reading.said.word(one.start - 1) == "at")
    blocked = [
        *((one.start, one.end) for one in reading.dates),
        *((one.start, one.end) for one in (*reading.addresses, *reading.emails)),
        *((one.start, one.end) for one in clock),
        *((run.start, run.end) for run in spelled),
    ]
    return [
        one
        for one in reading.amounts
        if one.money or not any(one.start < end and start < one.end for start, end in blocked)
    ]


def _number(field: Field, amount: Amount, score: float) -> Candidate:
    value: Any = amount.value
    if not field.numeric:
        value = str(value)
    return Candidate(value, amount.start, amount.end, score)


def _bounded(field: Field, found: list[Candidate]) -> list[Candidate]:
    low, high = field.schema.get("minimum", float("-inf")), field.schema.get("maximum", float("inf"))
    whole = field.schema.get("type") == "integer"
    return [
        one
        for one in found
        if isinstance(one.value, str) or (low <= one.value <= high and not (whole and isinstance(one.value, float)))
    ]
