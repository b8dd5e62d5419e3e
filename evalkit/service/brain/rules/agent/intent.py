"""Which of the session's tools an utterance asks for, if any.

A tool is known by the words of its own schema (`profiles`). A word weighs more the fewer of the session's tools share
it. The caller's words count where they are the same word or the same idea (`lexicon`), as far as they say what is
wanted (`wishes`). What else was said counts too: a date speaks for a tool that takes one, a street address for one
that takes an address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalkit.service.brain.rules.agent.fields import Kind, Tool
from evalkit.service.brain.rules.agent.profiles import IDEA_SHARE, LOOKUPS, NAME, Profile, Rarity, profile, rarity
from evalkit.service.brain.rules.agent.slots import Filling, fill
from evalkit.service.brain.rules.agent.wishes import asks_to_know, demands, wish_weights
from evalkit.service.brain.rules.language.lexicon import FUNCTION_WORDS, LIGHT_VERBS, POLITE, SCHEMA_WORDS
from evalkit.service.brain.rules.language.readings import Reading
from evalkit.service.brain.rules.language.words import Token

# How much a value of a kind speaks for the tools that take it.
_TELLING = {
    Kind.ADDRESS: 1.8,
    Kind.EMAIL: 1.5,
    Kind.PHONE: 1.5,
    Kind.MONEY: 1.2,
    Kind.DATE: 1.2,
    Kind.TIME: 1.2,
    Kind.CHOICE: 1.0,
    Kind.COUNT: 0.6,
    Kind.ID: 1.0,
}
_TELLING_OTHERWISE = 0.6
# Kinds that are hardly ever said by chance: a tool that has no use for them is not what is asked for.
_STRONG = frozenset({Kind.ADDRESS, Kind.EMAIL, Kind.PHONE, Kind.DATE, Kind.ID})


@dataclass(frozen=True)
class Scored:
    """How much an utterance asks for a tool.

    Attributes:
        tool: The tool.
        score: The sum of everything below.
        words: What its words contributed.
        named: What words of its name, or the same ideas, contributed.
        action: Whether the caller said what the tool does.
        filling: The arguments that were said.

    """

    tool: Tool
    score: float
    words: float
    named: float
    action: float
    filling: Filling


def score_tools(tools: Sequence[Tool], reading: Reading) -> list[Scored]:
    """Return all tools with their scores, best first; ties keep the session's order."""
    profiles = [profile(tool) for tool in tools]
    rare = rarity(profiles)
    weights = wish_weights(reading)
    fillings = [fill(tool, reading) for tool in tools]
    wanted = _wanted_actions(reading, weights)
    scored = []
    for one, filling, evidence in zip(profiles, fillings, _evidence(tools, fillings), strict=True):
        words = _word_score(one, reading, weights, rare)
        action = _action_score(one, wanted)
        total = words.gain + action + evidence + _completeness(one.tool, filling)
        scored.append(Scored(one.tool, total, words.gain, words.named, action, filling))
    return sorted(scored, key=lambda each: -each.score)


@dataclass(frozen=True)
class _Gain:
    """What words contribute, and how much of it words of the tool's name or the same ideas."""

    gain: float = 0.0
    named: float = 0.0


def _word_score(one: Profile, reading: Reading, weights: Sequence[float], rare: Rarity) -> _Gain:
    """Add up what the words say for a tool; a stem or an idea counts once, where it says most."""
    best: dict[str, _Gain] = {}
    streets = {place for span in (*reading.addresses, *reading.streets) for place in range(span.start, span.end)}
    for index, token in enumerate(reading.said.tokens):
        if token.word in POLITE or token.word in SCHEMA_WORDS or index in streets:
            continue
        key, found = _token_gain(one, token, reading.ideas[index], rare)
        found = _Gain(found.gain * weights[index], found.named * weights[index])
        if key and abs(found.gain) > abs(best.get(key, _Gain()).gain):
            best[key] = found
    return _Gain(sum(found.gain for found in best.values()), sum(found.named for found in best.values()))


def _token_gain(one: Profile, token: Token, ideas: Mapping[str, float], rare: Rarity) -> tuple[str, _Gain]:
    """Return the stem or the idea by which a token says most for a tool, and how much."""
    key, gain, named = "", 0.0, False
    if token.stem in one.stems and token.word not in FUNCTION_WORDS:
        key, named = "s:" + token.stem, one.stems[token.stem] >= NAME
        gain = one.stems[token.stem] * rare.stems[token.stem] * (0.5 if token.word in LIGHT_VERBS else 1)
    for idea, strength in sorted(ideas.items()):
        value = one.ideas.get(idea, 0.0) * rare.ideas.get(idea, 0.0) * strength
        if value > gain:
            key, gain, named = idea, value, one.ideas[idea] >= NAME * IDEA_SHARE
    return key, _Gain(gain, gain if named else 0.0)


def _wanted_actions(reading: Reading, weights: Sequence[float]) -> dict[str, float]:
    """Return the actions in the utterance with how clearly each is asked for, and ``do:lookup`` for questions."""
    wanted: dict[str, float] = {}
    for index, found in enumerate(reading.ideas):
        if reading.said.word(index) in POLITE:
            continue
        for idea, strength in found.items():
            value = weights[index] * strength
            if idea.startswith("do:") and idea != "do:lookup" and abs(value) > abs(wanted.get(idea, 0.0)):
                wanted[idea] = value
    if asks_to_know(reading.said):
        wanted["do:lookup"] = 1.0 if not demands(reading.said) else 0.6
    return wanted


def _action_score(one: Profile, wanted: Mapping[str, float]) -> float:
    """Score how well what a tool does fits what is asked for; a question is no order to act."""
    best = worst = 0.0
    for idea, trust in one.actions.items():
        value = wanted.get(idea, 0.0) * trust * (1.0 if idea in LOOKUPS else 1.7)
        best, worst = max(best, value), min(worst, value)
    if best > 0:
        return best
    if worst < 0:
        return 1.2 * worst
    lookup = bool(LOOKUPS & one.actions.keys())
    return -0.8 if wanted.get("do:lookup") == 1.0 and one.actions and not lookup else 0.0


def _completeness(tool: Tool, filling: Filling) -> float:
    """Score that everything a tool needs was said; the more it needs, the less that is chance."""
    needed = [field for field in tool.required if field.kind in _TELLING]
    complete = all(field.name in filling.said for field in tool.required)
    return 0.4 * min(len(needed), 3) if complete else 0.0


def _evidence(tools: Sequence[Tool], fillings: Sequence[Filling]) -> list[float]:
    """Return for each tool how far the values that were said speak for it: those that few tools can use count most."""
    users: dict[tuple[int, int], int] = {}
    for filling in fillings:
        for span in set(filling.spans.values()):
            users[span] = users.get(span, 0) + 1
    kinds = {
        filling.spans[field.name]: field.kind
        for tool, filling in zip(tools, fillings, strict=True)
        for field in tool.fields
        if field.name in filling.spans
    }
    strong = {span: _TELLING[kind] for span, kind in kinds.items() if kind in _STRONG}
    scores = []
    for tool, filling in zip(tools, fillings, strict=True):
        shares = {span: users[span] / len(tools) for span in filling.spans.values()}
        unused = sum(telling for span, telling in strong.items() if span not in shares)
        scores.append(_filled_score(tool, filling, shares) - 0.5 * unused)
    return scores


def _filled_score(tool: Tool, filling: Filling, shares: Mapping[tuple[int, int], float]) -> float:
    """Score what a tool's fields got; `shares` is the share of the tools that could use each stretch of speech."""
    score = 0.0
    for field in tool.fields:
        span = filling.spans.get(field.name)
        if span is not None and (field.kind in _TELLING or filling.scores[field.name] >= 2):
            telling = _TELLING.get(field.kind, _TELLING_OTHERWISE) * (1.0 if field.required else 0.5)
            score += telling * (1.3 - shares[span])
        elif field.required and field.name not in filling.values:
            score -= 0.35
    return score
