"""What a tool is known by: the words, ideas and actions of its own schema, each with its weight.

The words of a tool's name weigh most, then those of its description's first sentence, of its other sentences, of its
fields' names and values. Sentences that say what a tool is not for ("Needs no order", "Only when …") don't count.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from evalkit.service.brain.rules.agent.fields import Field, Kind, Tool
from evalkit.service.brain.rules.language.lexicon import FUNCTION_WORDS, LIGHT_VERBS, SCHEMA_WORDS, weigh_ideas
from evalkit.service.brain.rules.language.words import read_words, split_name, stem, word_set

NAME, FIRST_SENTENCE, SENTENCE, FIELD_NAME, FIELD_TEXT, VALUE = 3.0, 1.8, 1.2, 1.0, 0.35, 1.2
IDEA_SHARE = 0.6
LOOKUPS = frozenset({"do:lookup", "do:search", "do:status", "do:balance", "do:price", "do:stock", "do:compare"})
_NEGATIVE_SENTENCE = re.compile(
    r"\b(?:not|never|don't|no longer|needs no|only (?:if|when|use)|unless|without)\b", re.IGNORECASE
)
# Verbs that schemas put before what is really done, and verbs that only look something up.
_CARRIERS = word_set(
    "request start create make do set submit process initiate handle perform begin open file place setup manage "
    "execute trigger schedule"
)
_LOOKERS = word_set("get check find lookup look retrieve fetch query list view show search track read see tell")
_TELLERS = _LOOKERS | {"tells", "shows", "gets", "returns"}
_LOOKED_UP = {"search": "do:search", "find": "do:search", "track": "do:status"}


@dataclass(frozen=True)
class Profile:
    """What a tool is known by.

    Attributes:
        tool: The tool.
        stems: Its stems and their weights.
        ideas: The ideas that its words say, and their weights.
        actions: What it does: ideas that begin with ``do:``, and how surely.

    """

    tool: Tool
    stems: Mapping[str, float]
    ideas: Mapping[str, float]
    actions: Mapping[str, float]


@dataclass(frozen=True)
class Rarity:
    """How much stems and ideas tell tools apart: about 1 for those of one tool of many, 0.15 for those of all."""

    stems: Mapping[str, float]
    ideas: Mapping[str, float]


def profile(tool: Tool) -> Profile:
    """Return what `tool` is known by."""
    return Profile(tool, *_known_by(tool.name, tool.description, tuple(_field_texts(tool.fields))))


def rarity(profiles: Sequence[Profile]) -> Rarity:
    """Return how much each stem and idea tells the tools of `profiles` apart."""
    return Rarity(_rare([one.stems for one in profiles]), _rare([one.ideas for one in profiles]))


def _rare(every: Sequence[Mapping[str, float]]) -> dict[str, float]:
    counts: dict[str, float] = {}
    for weights in every:
        for key, weight in weights.items():
            counts[key] = counts.get(key, 0.0) + min(weight / FIRST_SENTENCE, 1.0)
    size = 1 + len(every)
    return {key: 0.15 + 0.85 * math.log(size / max(count, 1.0)) / math.log(size) for key, count in counts.items()}


def _field_texts(fields: Sequence[Field]) -> list[tuple[str, str, tuple[str, ...]]]:
    texts = []
    for field in fields:
        values = tuple(str(value) for value in field.schema.get("enum") or ())
        texts.append((field.name, field.description, values))
        texts += _field_texts(field.parts) if field.kind is Kind.GROUP else []
    return texts


def _raise(weights: dict[str, float], key: str, weight: float) -> None:
    weights[key] = max(weights.get(key, 0.0), weight)


def _add_text(stems: dict[str, float], ideas: dict[str, float], text: str, weight: float) -> None:
    tokens = read_words(text).tokens
    for token, found in zip(tokens, weigh_ideas(tuple(token.stem for token in tokens)), strict=True):
        if token.word in SCHEMA_WORDS:
            continue
        if token.word not in FUNCTION_WORDS:
            _raise(stems, token.stem, weight * (0.4 if token.word in LIGHT_VERBS else 1))
        for idea, strength in found.items():
            _raise(ideas, idea, weight * IDEA_SHARE * strength)


def _add_name(stems: dict[str, float], ideas: dict[str, float], words: Sequence[str]) -> None:
    leading = words[0] if words else ""
    looker = leading in _LOOKERS
    named = words[1:] if looker else words
    _add_text(stems, ideas, " ".join(named), NAME)
    for word in named:
        if word not in FUNCTION_WORDS:
            _raise(stems, stem(word), 1.2 if word in _CARRIERS and word == leading and len(words) > 1 else NAME)
    if looker:
        _raise(stems, stem(leading), 1.0)
        for idea in ideas:
            if idea.startswith("do:") and idea not in LOOKUPS:
                ideas[idea] *= 0.3


@lru_cache(maxsize=500)
def _known_by(
    name: str, description: str, fields: tuple[tuple[str, str, tuple[str, ...]], ...]
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    stems: dict[str, float] = {}
    ideas: dict[str, float] = {}
    words = split_name(name)
    _add_name(stems, ideas, words)
    for number, sentence in enumerate(re.split(r"(?<=[.!?])\s+|\n", description)):
        if not number or not _NEGATIVE_SENTENCE.search(sentence):
            _add_text(stems, ideas, sentence, SENTENCE if number else FIRST_SENTENCE)
    for field_name, text, values in fields:
        _add_text(stems, ideas, " ".join(split_name(field_name)), FIELD_NAME)
        _add_text(stems, ideas, text, FIELD_TEXT)
        _add_text(stems, ideas, " ".join(" ".join(split_name(value)) for value in values), VALUE)
    ideas.pop("do:lookup", None)
    return stems, ideas, _own_actions(words, description)


def _own_actions(words: Sequence[str], description: str) -> dict[str, float]:
    """Return what a tool does, with how surely.

    From the verb of its name; where that verb only carries another ("start_claim"), from what it carries; and from
    the verb of its description.
    """
    actions: dict[str, float] = {}
    leading = words[0] if words else ""
    looker, carrier = leading in _LOOKERS, leading in _CARRIERS
    if looker:
        actions = {"do:lookup": 1.0, _LOOKED_UP.get(leading, "do:lookup"): 1.0}
    for place, found in enumerate(weigh_ideas(tuple(stem(word) for word in words))):
        if place == 0:
            trust = 0.0 if looker else 0.3 if carrier and len(words) > 1 else 1.0
        elif looker or carrier:
            trust = 0.9
        else:
            trust = 0.0 if any(idea.startswith("on:") for idea in found) else 0.6
        _add_actions(actions, found, trust)
    _add_actions(actions, _told_action(description), 0.8)
    return actions


def _told_action(description: str) -> Mapping[str, float]:
    """Return what the first verb of a description says is done."""
    tokens = read_words(description).tokens[:12]
    for token, found in zip(tokens[:5], weigh_ideas(tuple(token.stem for token in tokens)), strict=False):
        if token.word not in FUNCTION_WORDS and any(idea.startswith("do:") for idea in found):
            return {"do:lookup": 1.0} if token.word in _TELLERS else found
    return {}


def _add_actions(actions: dict[str, float], found: Mapping[str, float], trust: float) -> None:
    for idea, strength in found.items():
        if idea.startswith("do:") and trust > 0:
            _raise(actions, idea, trust * strength)
