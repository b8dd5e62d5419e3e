"""What the other side said, cut into what a caller reacts to: questions, statements, refusals, offers, goodbyes.

It was heard through a telephone and a recogniser: question marks get lost, so a sentence that begins as questions do
is one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_APOSTROPHES = re.compile("[\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}`]")
# What harnesses and recognisers write for sound without words.
_INAUDIBLE = re.compile(r"\W*|\W*[(\[][^)\]]*[)\]]\W*")
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[\"'(]?[A-Z0-9])|\n+")
_OPENERS = re.compile(
    r"^(?:(?:sure|of course|okay|ok|certainly|absolutely|yes|no|well|great|perfect|alright|all right|right|thanks|"
    r"thank you|got it|i see|no problem|oh|so|and|um|uh|hello|hi|hey|i'm sorry|sorry|i'm so sorry|i apologi[sz]e|"
    r"understood|good|very good|wonderful|thank you very much|yes please|in that case)\b[,.!;: -]*)+",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"^(?:please |but |then |first,? |now,? |to start,? |for that,? |in order to .{3,40}?, )*"
    r"(?:(?:could|can|may|might|would|will) (?:you|i|we) |what(?:'s| is| are| was| would| can| do)?\b|which\b|when\b"
    r"|where\b|who\b|why\b|how (?:many|much|can|may|long|old|do|would)\b|for (?:which|what|when|how)\b"
    r"|at (?:which|what)\b"
    r"|on (?:which|what)\b|under (?:which|what)\b|to (?:which|what)\b|is (?:it|that|this|there|your|the)\b"
    r"|are (?:you|there)\b|do (?:you|i)\b|did you\b|does (?:that|it)\b|have you\b|shall (?:i|we)\b|should (?:i|we)\b"
    r"|one question\b|tell me\b|give me\b|provide\b|confirm\b|i(?:'ll| will|'d| would)? need (?:your|the|to know)\b)",
    re.IGNORECASE,
)
_EMPTY = re.compile(
    r"(?:one (?:moment|second|minute)|just (?:a|one) (?:moment|second|minute)|a moment|let me|hold on|"
    r"please (?:hold|wait|bear)|"
    r"bear with me|i(?:'ll| will|'m going to) (?:look|check|take care|do|get|see|find|pull|be happy|go ahead|help)|"
    r"i(?:'d| would) be (?:happy|glad)|happy to|i can help|i'm (?:checking|looking|happy|here|doing)|"
    r"i understand|i hear you|"
    r"i apologi[sz]e|i'm sorry|my apologies|(?:about|for|to hear) |thank|you're welcome|welcome|no problem|my pleasure|"
    r"my name is|this is (?:the|your)\b.*\b(?:assistant|line)|good (?:morning|afternoon|evening|day)|i didn't catch|"
    r"i'm afraid i didn't|have a (?:nice|good|great|lovely)|take care|"
    r"good ?bye|bye|(?:i|we) (?:can|could) (?!see|confirm|tell))\b",
    re.IGNORECASE,
)
_REMNANT = re.compile(r"(?:(?:with|about|for) )?(?:it|that|this|you|there|dear|please)[.!, ]*", re.IGNORECASE)
_REFUSES = re.compile(
    r"\b(?:can't|cannot|can not|unable|not able|not possible|impossible|isn't possible|won't be able|couldn't|"
    r"could not|can only|only (?:able|help|handle)|wrong number|"
    r"didn't work|doesn't work|did not work|failed|failure|unavailable|not available|not found|no such|error|"
    r"(?:do|does)(?: not|n't) (?:match|have|exist|offer|know)|not something|nothing was (?:changed|done)|unsupported|"
    r"nothing more that i need)\b",
    re.IGNORECASE,
)
_MORE = re.compile(
    r"\b(?:anything|something|what|nothing) else\b|\bany other\b|\banything more\b|\bwhat more\b|"
    r"\bhow (?:can|may|could) i (?:help|assist|be of)|\bwhat can i (?:do|help)|\bwhat would you like (?:me )?to do\b|"
    r"\bhow can i\b.*\btoday\b|\bwhat (?:brings you|is this about|is it about|are you calling)",
    re.IGNORECASE,
)
_BYE = re.compile(r"\b(?:good ?bye|bye|have a (?:nice|good|great|lovely|wonderful)|take care)\b", re.IGNORECASE)
_PUZZLED = re.compile(
    r"\b(?:didn't|did not|couldn't) (?:catch|hear|understand|get) (?:that|you|it)|say (?:it|that) again|"
    r"repeat (?:that|it)\b|\bpardon\b|come again",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Remark:
    """One turn of the other side.

    Attributes:
        text: As heard.
        questions: The sentences that ask something of the caller, without offers of more help.
        statements: The sentences that tell something.
        refuses: Whether something can't be done or went wrong.
        offers_more: Whether the caller is asked what (else) there is to do.
        says_bye: Whether it ends the call.
        is_puzzled: Whether the caller was not understood.

    """

    text: str
    questions: tuple[str, ...]
    statements: tuple[str, ...]
    refuses: bool
    offers_more: bool
    says_bye: bool
    is_puzzled: bool

    @property
    def told(self) -> str:
        """All statements."""
        return " ".join(self.statements)

    @property
    def is_inaudible(self) -> bool:
        """Whether no word was heard."""
        return bool(_INAUDIBLE.fullmatch(self.text))


@lru_cache(maxsize=256)
def read_remark(text: str) -> Remark:
    """Return what `text` does to a caller; never raises."""
    text = " ".join(_APOSTROPHES.sub("'", text).split())
    questions, statements = [], []
    offers_more = is_puzzled = False
    for sentence in _SENTENCES.split(text):
        core = _OPENERS.sub("", sentence).strip()
        if _PUZZLED.search(sentence):
            is_puzzled = True
        elif _MORE.search(sentence):
            offers_more = True
        elif core and _is_question(core):
            questions.append(core)
        elif (
            re.search(r"\w", core)
            and not _REMNANT.fullmatch(core)
            and (not _EMPTY.match(core) or _REFUSES.search(core))
        ):
            statements.append(core)
    bye = bool(_BYE.search(text)) and not questions
    refuses = bool(_REFUSES.search(" ".join(statements)))
    return Remark(text, tuple(questions), tuple(statements), refuses, offers_more, bye, is_puzzled)


def _is_question(sentence: str) -> bool:
    return sentence.endswith("?") or bool(_ASKS.match(sentence))
