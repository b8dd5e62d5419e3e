"""How something was said: questions, refusals, apologies, blame, agreement. Patterns of English phone calls."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.service.brain.rules.judge.question import CallLine
from evalkit.service.brain.rules.judge.reading import sentences

_APOLOGY = re.compile(r"\b(sorry|apologi[sz]e|apologies|regret|forgive (us|me))\b", re.IGNORECASE)
_BLAME = re.compile(
    r"\b(if you('d| had)? (only |just )?(\w+ )?(read|listened|looked|checked|said|told|paid|been)|"
    r"you should(n't)? have|"
    r"you (didn't|did not|forgot|failed|never|can't even|clearly|obviously|must have (got|mis|made))|"
    r"(your|you're) (own )?(fault|mistake|to blame|problem)|you (gave|told) me the wrong|"
    r"you (got|made) (it|that|a|the) (wrong|mistake)|blame yourself|next time,? (read|listen|check|say|try))",
    re.IGNORECASE,
)
_RUDE = re.compile(
    r"\b(whatever|seriously\?|stupid|idiot|dumb|ridiculous|nonsense|shut up|use (your|ya) (head|brain)|using your "
    r"(head|brain)|not my problem|calm down|like i (already )?said|as i (already )?said|how many times|i don't care|"
    r"stop (calling|asking|yelling|shouting|whining)|what do you want( now)?|hurry up|get (over it|to the point)|"
    r"waste (of )?(my )?time|obviously|duh|come on|good luck with that|are you (deaf|listening)|"
    r"can't you (read|hear|listen)|deal with it|no need to be rude)",
    re.IGNORECASE,
)
_DECLINE = re.compile(
    r"\b(can't|cannot|can not|can only|only (able|help)|not able|unable|won't be able|couldn't|isn't something|"
    r"not something|don't (do|offer|sell|have|handle|book|deal)|outside|beyond what|afraid (not|i|we|that))",
    re.IGNORECASE,
)
_KIND = re.compile(
    r"\b(please|thanks?|thank you|welcome|sorry|apologi|happy to|glad|pleasure|lovely|certainly|of course|goodbye|"
    r"have a (\w+ )?(day|evening|weekend|one|time)|take care|anything else|all the best|understand|bye for now)",
    re.IGNORECASE,
)
_OFFER = re.compile(
    r"\b(would you like|shall i|should i|can i|could i|may i|do you want|i can(?!'t|not)|i could(?!n't)|"
    r"i'd be (happy|glad)|let me|happy to|glad to|we can(?!'t|not)|"
    r"if you (like|wish|want|prefer)|try again|want me to)",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"\?|^\W*(could you|can you|would you|may i have|please (tell|give|say|let)|(and )?what('s| is| was)|tell me|"
    r"i('ll)? (just )?need (your|the|a))|\b(please (tell|give) me|i('ll| will)? (just )?need (to know|your|the))\b",
    re.IGNORECASE,
)
_YES = re.compile(
    r"^\W*(oh,? |well,? |um,? |okay,? )?(yes|yeah|yep|yup|sure|ok(ay)?|please do|go ahead|do it|right|correct|exactly|"
    r"that's (right|fine|correct|it)|sounds good|that works|absolutely|definitely|fine|perfect|please)\b",
    re.IGNORECASE,
)
_NO = re.compile(
    r"\b(no|not|don't|wait|hold on|leave it|never ?mind|let me (think|ask|check)|hang on|rather not|stop)\b",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(might|may be|could be|maybe|perhaps|thinking (about|of)|considering|whether|not sure|what if|"
    r"is it possible|could i still|can i still|would it be possible|how (do|would|can) i|what happens if)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(not|no|never|nothing|none|neither|nobody|without|cannot|unable|fail\w*|\w+n't)\b", re.IGNORECASE
)
_FUTURE = re.compile(
    r"\b(i'll|i will|let me|going to|shall i|should i|would you|could you|can you|if you|i can|we can|i could|"
    r"you'll have to|you can|trying to|try to|about to)\b",
    re.IGNORECASE,
)


def is_question(sentence: str) -> bool:
    """Tell whether `sentence` asks for something."""
    return bool(_QUESTION.search(sentence))


def is_negated(sentence: str) -> bool:
    """Tell whether `sentence` denies."""
    return bool(_NEGATION.search(sentence))


def is_pending(sentence: str) -> bool:
    """Tell whether `sentence` speaks of something to be done, not of something that is so."""
    return bool(_FUTURE.search(sentence))


def is_conditional(sentence: str) -> bool:
    """Tell whether `sentence` holds only under a condition."""
    return bool(re.search(r"\b(if|unless|in case|should you|otherwise)\b", sentence, re.IGNORECASE))


def is_offer(sentence: str) -> bool:
    """Tell whether `sentence` offers something."""
    return bool(_OFFER.search(sentence))


def is_refusal(sentence: str) -> bool:
    """Tell whether `sentence` says that something can't be done."""
    return bool(_DECLINE.search(sentence))


def agrees(text: str) -> bool:
    """Tell whether `text` says yes, and doesn't take it back."""
    return bool(_YES.search(text)) and not _NO.search(text)


def hesitates(text: str) -> bool:
    """Tell whether `text` only considers something, or holds it back."""
    return bool(_HEDGE.search(text) or _NO.search(text))


def find_apology(lines: Sequence[CallLine]) -> CallLine | None:
    """Return the first line that apologises, without turning it against the caller."""
    for line in lines:
        for sentence in sentences(line.text):
            if (
                _APOLOGY.search(sentence)
                and not _BLAME.search(sentence)
                and not re.search(r"sorry,? but", sentence, re.IGNORECASE)
            ):
                return line
    return None


def find_blame(lines: Sequence[CallLine]) -> CallLine | None:
    """Return the first line that puts the blame on the caller."""
    return next((line for line in lines if _BLAME.search(line.text)), None)


def find_rudeness(lines: Sequence[CallLine]) -> CallLine | None:
    """Return the first line that is rude."""
    return next((line for line in lines if _RUDE.search(line.text) or _BLAME.search(line.text)), None)


def find_kindness(lines: Sequence[CallLine]) -> CallLine | None:
    """Return the first line with a polite phrase."""
    return next((line for line in lines if _KIND.search(line.text)), None)


def find_refusal(lines: Sequence[CallLine]) -> CallLine | None:
    """Return the first line that says that something can't be done."""
    return next((line for line in lines if is_refusal(line.text)), None)
