"""What a few words want: the floor, an answer, or nothing. English; by rules, from the words alone.

Recognisers make words of sounds that are none: an "mm-hmm" of 0.3 s becomes "Mama." or "Hello.". So of what is short
only a few words are believed while somebody else has the floor.
"""

from __future__ import annotations

import re

from evalkit.service.turns.finished import sounds_finished

_WORD = re.compile(r"[a-z0-9']+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HESITATIONS = _words("um uhm umm uh er erm hmm hm mm mmm ah eh ahem huh ha")
_AGREEMENTS = _HESITATIONS | _words(
    "yeah yes yep okay ok right sure see got it i oh alright great good fine nice mhm mhmm aha mama "
    "perfect understood of course makes sense that's cool well"
)
_FLOOR = _words("wait stop no hold hang excuse sorry hey pardon listen actually help")
_MAX_AGREEMENT_WORDS = 8


def takes_the_floor(text: str) -> bool:
    """Whether a short `text`, said while somebody else speaks, asks them to stop."""
    words = _WORD.findall(text.lower())
    return bool(words) and words[0] in _FLOOR


def only_agrees(text: str) -> bool:
    """Whether `text`, said while somebody else speaks, says no more than "I am listening", or nothing at all."""
    words = _WORD.findall(text.lower())
    return len(words) <= _MAX_AGREEMENT_WORDS and not text.rstrip().endswith("?") and set(words) <= _AGREEMENTS


def says_something(text: str) -> bool:
    """Whether `text`, a few words said to somebody who is silent, wants an answer: no to "Um," and to a cough."""
    words = _WORD.findall(text.lower())
    return bool(set(words) - _HESITATIONS) and sounds_finished(text)
