"""What was asked, and which fact answers it.

A question's words are compared with the keys of the facts through the concepts they name ("id" and "number", "date" and
"day"). A key's rare words count most: with an order number and a phone number among the facts, "number" alone
asks for neither, and "order" does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rapidfuzz import fuzz

from evalkit.service.brain.rules.caller.persona import CallerPersona, Fact
from evalkit.service.brain.rules.caller.values import contains, id_of, is_address, label, read_values
from evalkit.service.brain.rules.language.lexicon import FUNCTION_WORDS, LIGHT_VERBS
from evalkit.service.brain.rules.language.words import read_words, stem

_SAME = {
    "number": "id identifier identification no num code reference ref digits",
    "day": "date when",
    "time": "hour clock",
    "item": "product article thing",
    "reason": "why cause wrong happened problem matter",
    "birth": "birthday born birthdate dob",
    "phone": "telephone mobile cell cellphone callback reach",
    "address": "street location",
    "email": "mail",
    "name": "who surname called",
    "medication": "medicine prescription drug",
    "specialty": "speciality department doctor",
    "symptoms": "symptom feeling",
    "people": "party guests persons",
}
_CONCEPT = {stem(word): name for name, words in _SAME.items() for word in (name, *words.split())}
_GENERIC = frozenset({"number", "day", "time", "name", "address"})
_CLASHES = frozenset({"birth", "phone", "email", stem("expiry"), stem("expiration"), stem("arrival")})
_SMALL = frozenset(
    {"please", "exact", "exactly", "full", "complete", "correct", "current", "provide", "confirm", "spell"}
)
_PARTS = re.compile(r",? and (?:also )?|, (?=(?:the|your)\b)", re.IGNORECASE)
_REACHES = re.compile(
    r"\b(?:we|i|they|colleague) (?:call|ring|reach|contact)\b|\b(?:reach|call|ring) you\b", re.IGNORECASE
)
_OPTIONS = re.compile(r"\bor\b|\bwhich\b|\bwhat time|\bwhen\b|\bpick\b|\bchoose\b", re.IGNORECASE)
_WHICH_DAY = re.compile(r"\b(?:which|what) (?:day|date)\b|\bwhen (?:would|should|do|shall)\b", re.IGNORECASE)
_WHICH_TIME = re.compile(r"\b(?:which|what) time\b", re.IGNORECASE)
_LOW, _CLOSE = 0.5, 86


def find_asked_facts(question: str, persona: CallerPersona, told: str = "") -> list[Fact]:
    """Return the facts that `question` asks for, in its order; `told` is what was said before it."""
    found: list[Fact] = []
    for part in _PARTS.split(question):
        fact = _best(f"{part} phone" if _REACHES.search(part) else part, persona.facts)
        if fact and fact not in found:
            found.append(fact)
    return found or _offered(question, told, persona.facts)


def answer(facts: Sequence[Fact], times_given: Counter[str]) -> str:
    """Return how the caller tells `facts`; in other words where one was given before."""
    if len(facts) > 1:
        return _sentence(" and ".join(f"the {label(fact.key)} is {_inside(fact.value)}" for fact in facts))
    fact = facts[0]
    again = times_given[fact.key]
    labelled = f"{label(fact.key)} is {_inside(fact.value)}"
    if again:
        return _sentence((f"as I said, it's {_inside(fact.value)}", f"once more, the {labelled}")[min(again, 2) - 1])
    if id_of(fact.value):
        return _sentence(f"the {labelled}" if label(fact.key).split()[0] not in ("date", "name") else f"my {labelled}")
    if "name" in label(fact.key).split() and len(fact.value.split()) < 4:
        return _sentence(f"my {labelled}")
    if is_address(fact.value):
        return _sentence(f"it's {fact.value}")
    return _sentence(fact.value)


def _inside(value: str) -> str:
    """Return a value for the middle of a sentence."""
    value = value.rstrip(".")
    first = value.split()[0] if value else ""
    return value[0].lower() + value[1:] if first in ("It", "My", "The", "A", "An", "Because") else value


def _sentence(text: str) -> str:
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text[-1:] in tuple(".?!") else f"{text}."


def concepts(text: str) -> tuple[str, ...]:
    """Return what the content words of `text` name, in order."""
    dull = FUNCTION_WORDS - {"when", "why", "who"} | (LIGHT_VERBS - {"born", "called", "happened"}) | _SMALL
    tokens = [token for token in read_words(text).tokens if token.word not in dull]
    return tuple(_CONCEPT.get(token.stem, token.stem) for token in tokens)


def _best(question: str, facts: Sequence[Fact]) -> Fact | None:
    asked = concepts(question)
    keys = {fact: concepts(fact.key) or (stem(fact.key),) for fact in facts}
    shared = Counter(concept for key in keys.values() for concept in set(key))
    scored = [
        (_score(asked, key, shared, has_number=bool(id_of(fact.value)) or is_address(fact.value)), -place, fact)
        for place, (fact, key) in enumerate(keys.items())
    ]
    scored = [one for one in scored if one[0] >= _LOW]
    return max(scored, key=lambda one: one[:2])[2] if scored else None


def _score(asked: tuple[str, ...], key: tuple[str, ...], shared: Counter[str], *, has_number: bool) -> float:
    """Return how surely `asked` asks for `key`: 0 for not at all."""
    matched = {concept for concept in key if any(_alike(concept, one) for one in asked)}
    if not matched:
        return 0.0
    extra = [one for one in asked if not any(_alike(one, concept) for concept in key)]
    if set(extra) & _CLASHES or ("number" in extra and not has_number):
        return 0.0
    qualifiers = set(key) - _GENERIC
    if matched <= _GENERIC and qualifiers and (extra or len(asked) > 1):
        return 0.0
    weight = {concept: 1.0 / shared[concept] for concept in key}
    covered = sum(weight[one] for one in matched) / sum(weight.values())
    return covered * (1.0 - 0.3 * len(extra) / len(asked)) + (0.2 if matched & qualifiers else 0.0)


def _alike(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) > 4 and fuzz.ratio(one, other) >= _CLOSE)


def _offered(question: str, told: str, facts: Sequence[Fact]) -> list[Fact]:
    """Return the fact that picks one of the things offered ("9:00, 10:30 or 16:15?"), or the only one of a kind."""
    if _OPTIONS.search(question):
        for fact in facts:
            values = read_values(fact.value)
            if (values.times or values.dates) and contains(f"{told} {question}", fact.value):
                return [fact]
    asked = set(concepts(question))
    for concept, suits, wanted in (("day", "dates", _WHICH_DAY), ("time", "times", _WHICH_TIME)):
        suited = [fact for fact in facts if getattr(read_values(fact.value), suits) and not id_of(fact.value)]
        suited = [fact for fact in suited if "birth" not in concepts(fact.key)]
        if (asked == {concept} or wanted.search(question)) and len(suited) == 1:
            return suited
    return []
