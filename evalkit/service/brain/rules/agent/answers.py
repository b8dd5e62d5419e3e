"""Small talk, and answers that stand in the instructions: what the agent says when no tool is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from evalkit.service.brain.rules.agent.fields import Tool
from evalkit.service.brain.rules.agent.speech import abilities
from evalkit.service.brain.rules.language.lexicon import FUNCTION_WORDS, LIGHT_VERBS, ideas_of
from evalkit.service.brain.rules.language.words import read_words

_BYE = re.compile(
    r"\b(?:bye|goodbye|that's (?:all|everything|it)|that was all|have a (?:nice|good|great)|nothing else"
    r"|all i needed)\b"
)
_THANKS = re.compile(r"\b(?:thanks|thank you|appreciate it|cheers)\b")
_HELLO = re.compile(r"^(?:um |uh )*(?:hello|hi|hey|good (?:morning|afternoon|evening))\b")
_YES_NO = re.compile(
    r"(?:yes|no|yeah|nope|okay|ok|alright|sure|great|perfect|correct|that's right|right)[ ,.!]*"
    r"(?:please|that's (?:right|correct|fine))?[.!]*"
)
_HOW = re.compile(r"\bhow are you\b|\bhow's it going\b")
_ORDERS = re.compile(
    r"\b(?:you are|you're|never|always|use a tool|call the tool|do not|don't|must|write|keep|ask|answer in"
    r"|be (?:warm|kind|brief)|today is)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"\?|^(?:what|when|where|how|who|which|why|are|is|do|does|can|could)\b")


def small_talk(heard: str, instructions: str, tools: Sequence[Tool]) -> str:
    """Return the reply to an utterance that asks for no tool."""
    text = " ".join(heard.lower().split())
    if not text:
        return "I'm sorry, I didn't catch that. Could you say it again?"
    if _BYE.search(text):
        return "You're welcome. Thank you for calling, goodbye."
    known = from_instructions(heard, instructions) if _QUESTION.search(text) else ""
    return known or _courtesy(text) or _sorry(abilities(tools))


def _courtesy(text: str) -> str:
    """Return the reply to thanks, a greeting, a yes or a no; "" where `text` is more than that."""
    size = len(text.split())
    replies = (
        (_YES_NO.fullmatch(text), "Okay. Is there anything else I can do for you?"),
        (_THANKS.search(text) and size < 12, "You're welcome. Is there anything else I can do for you?"),
        (_HOW.search(text), "I'm doing well, thank you. How can I help you?"),
        (_HELLO.search(text) and size < 16, "Hello, how can I help you today?"),
    )
    return next((reply for holds, reply in replies if holds), "")


def _sorry(offer: str) -> str:
    return (
        f"I'm sorry, I can't help with that. I can, for example, {offer}."
        if offer
        else "I'm sorry, I can't help with that."
    )


@lru_cache(maxsize=200)
def _statements(instructions: str) -> tuple[tuple[str, frozenset[str], frozenset[str]], ...]:
    found = []
    for line in instructions.splitlines():
        text = line.strip().lstrip("-*• ").strip()
        parts = [text] if ":" in text else re.split(r"(?<=[.!?])\s+", text)
        found += [(part, *_content(part)) for part in parts if len(part.split()) > 3 and not _ORDERS.search(part)]
    return tuple(found)


def _content(text: str) -> tuple[frozenset[str], frozenset[str]]:
    tokens = [token for token in read_words(text).tokens if token.word not in FUNCTION_WORDS | LIGHT_VERBS]
    stems = tuple(token.stem for token in tokens)
    return frozenset(stems), frozenset(idea for ideas in ideas_of(stems) for idea in ideas)


def from_instructions(heard: str, instructions: str) -> str:
    """Return the statement of the instructions that answers the question `heard`, or ""."""
    stems, ideas = _content(heard)
    best, most = "", 0.0
    for text, own, about in _statements(instructions):
        overlap = 1.0 * len(stems & own) + 0.5 * len(ideas & about)
        if overlap > most:
            best, most = text, overlap
    if most < 1.0:
        return ""
    best = re.sub(r"^[A-Z][\w ]{2,24}: ", "", best)
    best = best[0].upper() + best[1:]
    return best if best[-1] in ".?!" else best + "."
