"""What a caller wants now, what is only told, and what is not wanted: a weight for every word of an utterance.

Words of a clause that asks weigh most; words about the past or about what was taken back weigh less; words of what the
caller says is not wanted ("don't cancel it", "I'm not calling about an order") weigh below zero.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.service.brain.rules.language.readings import Reading
from evalkit.service.brain.rules.language.words import SpokenText, word_set

_QUESTION = re.compile(
    r"^(?:(?:and|so|but|hi|hello|okay|um|uh)[ ,]+)*"
    r"(?:what|what's|where|where's|when|when's|how|which|who|why|is|are|has|have|do|does|did|whether|any)\b"
)
_ASKS_TO_KNOW = re.compile(
    r"\b(?:tell me|show me|let me know|i(?:'d| would) like to know|want to know|find out|check|wonder(?:ing)?"
    r"|do you know|any idea|see (?:if|what|whether|when)|look up|how much|where)\b"
)
_POLITE_REQUEST = re.compile(
    r"\b(?:is it possible|is there (?:a|any) (?:way|chance)|would it be|how (?:do|can) (?:i|we)|do you think you c"
    r"|are you able)\b"
)
_WANTS = re.compile(
    r"\b(?:(?:can|could|would|will) (?:you|i|we|somebody|someone|my)"
    r"|(?:i|we)(?:'d| would)? (?:like|want|need|wish|have to)"
    r"|(?:i|we)'d|please|let's|i'm (?:calling|looking)|is it possible|how do i)\b"
)
_UNSURE = re.compile(
    r"\b(?:maybe i should|should i|what would you do|i'm not sure (?:if|whether)|what (?:happens|would happen) if"
    r"|what if)\b"
)
_BYGONE = re.compile(
    r"\b(?:i (?:already|wanted to|was going to|used to|had|have already|thought about|tried to)|i've already|we already"
    r"|last (?:week|month|year|time)|(?:days?|weeks?|months?) ago|yesterday)\b"
)
_NOT_WANTED = re.compile(
    r"\b(?:don't|do not|not|never|without) "
    r"(?:(?:want|need|wish|trying|calling|going|looking|here|asking|have) (?:to|about|for) )?(?:you to )?(?:to )?"
    r"(?P<what>(?:(?:an?|the|my|any|it|please) )?[\w']+(?: (?:an?|the|my|it|about))?(?: [\w']+)?)"
)
_STILL_WANTED = word_set("want need know have see like understand think remember get sure sent yet been only just find")
_NEGATORS = word_set("don't not never without do")


def wish_weights(reading: Reading) -> list[float]:
    """Return for each token how much it speaks of what the caller wants now; below zero: of what is not wanted."""
    said = reading.said
    clauses: dict[int, list[int]] = {}
    for index, token in enumerate(said.tokens):
        clauses.setdefault(token.clause, []).append(index)
    weights = {clause: _clause_weight(said, places) for clause, places in clauses.items()}
    turn, ruled_out = _turning_point(reading), _ruled_out(reading)
    return [
        -0.6 if index in ruled_out else weights[token.clause] * (0.45 if index < turn else 1.0)
        for index, token in enumerate(said.tokens)
    ]


def asks_to_know(said: SpokenText) -> bool:
    """Tell whether the caller asks for information rather than for something to be done."""
    return any(
        _ASKS_TO_KNOW.search(one) or (_QUESTION.match(one) and not _POLITE_REQUEST.search(one))
        for one in _sentences(said)
    )


def demands(said: SpokenText) -> bool:
    """Tell whether a sentence asks for something to be done, whatever else is asked."""
    return any(_WANTS.search(one) and not _ASKS_TO_KNOW.search(one) for one in _sentences(said))


def is_unsure(said: SpokenText) -> bool:
    """Tell whether the caller only thinks aloud or asks what would be."""
    return bool(_UNSURE.search(" ".join(said.words())))


def _sentences(said: SpokenText) -> list[str]:
    sentences: dict[int, list[str]] = {}
    for token in said.tokens:
        sentences.setdefault(token.sentence, []).append(token.word)
    return [" ".join(words) for words in sentences.values()]


def _clause_weight(said: SpokenText, places: Sequence[int]) -> float:
    text = " ".join(said.tokens[place].word for place in places)
    if _BYGONE.search(text):
        return 0.45
    return 1.0 if _WANTS.search(text) or _QUESTION.match(text) else 0.85


def _turning_point(reading: Reading) -> int:
    """Return the token from which on another thing is asked for: a correction that names an action and asks for it."""
    said = reading.said
    for point in reversed(reading.corrections):
        rest = " ".join(said.words(point))
        acts = any(idea.startswith("do:") for ideas in reading.ideas[point:] for idea in ideas)
        if acts and (_WANTS.search(rest) or "just" in rest or "let's" in rest):
            return point
    return 0


def _ruled_out(reading: Reading) -> frozenset[int]:
    """Return the tokens which name what is not wanted; not those of an idea that holds a no ("not working")."""
    said = reading.said
    places: set[int] = set()
    for index, token in enumerate(said.tokens):
        if token.word not in _NEGATORS:
            continue
        later = (place for place in range(index, len(said.tokens)) if said.tokens[place].clause != token.clause)
        end = next(later, len(said.tokens))
        match = _NOT_WANTED.match(" ".join(said.words(index, end)))
        if match and match["what"].split()[0] not in _STILL_WANTED:
            first = index + len(match.group()[: match.start("what")].split())
            named = range(first, min(first + len(match["what"].split()), end))
            places |= {place for place in named if not reading.ideas[place].keys() & reading.ideas[index].keys()}
    return frozenset(places)
