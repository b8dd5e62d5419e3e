"""Does the caller keep to its role? Cheap checks of one turn by its words and its sound; no model is asked.

What a judge finds beyond them (:mod:`evalkit.simulator.turn_judge`) is `judged_out_of_role`.

=================== ====================================================================================
problem             found when
=================== ====================================================================================
silence             nothing was said, or the sound holds no speech
leaked_instructions the turn speaks of its prompt, repeats a rule of it, or says END_CALL among other words
role_swap           the caller offers help, talks as a service does, or repeats what the assistant just said
invented_fact       an id, a phone number or a day that neither the persona nor the assistant ever named
repetition          the caller says the same again although the assistant went on, asking nothing, or took its leave
=================== ====================================================================================

Each check would rather let an odd turn pass than blame a caller for what an assistant made it do: an assistant that
asks the same question for ever gets the same answer for ever, and that is its own fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from evalkit.audio.g711 import Pcm
from evalkit.audio.levels import speech_end_ms
from evalkit.simulator.conversation import Exchange
from evalkit.simulator.known_numbers import KnownNumbers, find_days, find_runs
from evalkit.simulator.persona import Persona, mentions_end_call


class CallerProblem(StrEnum):
    """What can be wrong with a caller's turn."""

    SILENCE = "silence"
    LEAKED_INSTRUCTIONS = "leaked_instructions"
    ROLE_SWAP = "role_swap"
    INVENTED_FACT = "invented_fact"
    REPETITION = "repetition"
    JUDGED_OUT_OF_ROLE = "judged_out_of_role"


@dataclass(frozen=True)
class CallerFinding:
    """What is wrong with a turn, and the words it shows in."""

    problem: CallerProblem
    detail: str


_SHINGLE_WORDS = 7
_SAME = 0.93
_ECHO_WORDS = 6
_REPEATED_WORDS = 4

_ABOUT_ITSELF = re.compile(
    r"\b(system prompt|my (instructions|prompt|persona|script|rules)|as an ai\b|i am an ai\b|i'm an ai\b|ai assistant"
    r"|language model|role[- ]?play(ing)?|simulated caller|i was (told|instructed) to (play|act)|stage directions?"
    r"|i am (playing|supposed to play)|i'm (playing|supposed to play))\b",
    re.IGNORECASE,
)
_AS_A_SERVICE = re.compile(
    r"\b(how (can|may) i (help|assist) you|what can i (do|help you with)( for you)? today|thank(s| you) for calling"
    r"|(is there )?anything else i can (help|assist|do)|i('d| would) be (happy|glad) to (help|assist)"
    r"|(let me|i('ll| will| can)) (look (that|it|this) up|pull (that|it|this) up|check (that|it|this)) for you"
    r"|i('ve| have) (cancel+ed|updated|changed|scheduled|rescheduled|booked|processed|started) your\b"
    r"|(may|can|could) i (have|get) your (order|account|phone|patient|number)|how may i direct your call)",
    re.IGNORECASE,
)
_LABEL = re.compile(r"^\W*(assistant|agent|operator)\s*:", re.IGNORECASE)
_ASKS_AGAIN = re.compile(
    r"\?|\b(again|repeat|once more|didn't (catch|get|hear|understand)|say that|sorry|pardon|confirm|tell me|give me"
    r"|provide|need (the|your|an?)|please)\b",
    re.IGNORECASE,
)
_CLOSES = re.compile(
    r"\b(anything else|something else|you're welcome|my pleasure|have a (nice|good|great)|good ?bye|take care)\b",
    re.IGNORECASE,
)
_TAKES_BACK = re.compile(
    r"\b(no|sorry|wait|i mean|rather|correction|misread|misspoke|scratch|actually)\b", re.IGNORECASE
)
_NAMES_ITSELF = re.compile(r"\b(?i:my name)(?:'s| is) ([A-Z][\w'-]+(?: [A-Z][\w'-]+)?)")


def find_problem(
    text: str, pcm: Pcm, sample_rate_hz: int, persona: Persona, past: Sequence[Exchange]
) -> CallerFinding | None:
    """Return what is wrong with a caller's turn, the gravest first, or None.

    Args:
        text: What the caller says, as its transcript has it.
        pcm: How that sounds, mono.
        sample_rate_hz: Of `pcm`.
        persona: Its instructions.
        past: The call so far, this turn left out.

    """
    if not text.strip() or speech_end_ms(pcm, sample_rate_hz) is None:
        return CallerFinding(
            CallerProblem.SILENCE, "nothing was said" if not text.strip() else "the sound holds no speech"
        )
    return find_text_problem(text, persona, past)


def find_text_problem(text: str, persona: Persona, past: Sequence[Exchange]) -> CallerFinding | None:
    """Return what is wrong with the words of a caller's turn, the gravest first, or None; nothing said is silence."""
    if not text.strip():
        return CallerFinding(CallerProblem.SILENCE, "nothing was said")
    checks = (_leaks(text, persona), _swaps(text, past), _invents(text, persona, past), _repeats(text, past))
    return next((finding for check in checks for finding in check), None)


def _leaks(text: str, persona: Persona) -> Iterator[CallerFinding]:
    told = _ABOUT_ITSELF.search(text)
    if told:
        yield CallerFinding(CallerProblem.LEAKED_INSTRUCTIONS, told.group())
    if mentions_end_call(text):
        yield CallerFinding(CallerProblem.LEAKED_INSTRUCTIONS, "END_CALL among other words")
    said = _words(text)
    for line in persona.acting_lines:
        directed = _words(line)
        shingles = {tuple(directed[i : i + _SHINGLE_WORDS]) for i in range(len(directed) - _SHINGLE_WORDS + 1)}
        for start in range(len(said) - _SHINGLE_WORDS + 1):
            if tuple(said[start : start + _SHINGLE_WORDS]) in shingles:
                yield CallerFinding(CallerProblem.LEAKED_INSTRUCTIONS, " ".join(said[start : start + _SHINGLE_WORDS]))


def _swaps(text: str, past: Sequence[Exchange]) -> Iterator[CallerFinding]:
    served = _AS_A_SERVICE.search(text) or _LABEL.search(text)
    if served:
        yield CallerFinding(CallerProblem.ROLE_SWAP, served.group())
    reads_back = text.rstrip().endswith("?") and past and not past[-1].assistant.rstrip().endswith("?")
    if past and not reads_back and len(_words(text)) >= _ECHO_WORDS and _alike(text, past[-1].assistant):
        yield CallerFinding(CallerProblem.ROLE_SWAP, "repeats what the assistant said")


def _invents(text: str, persona: Persona, past: Sequence[Exchange]) -> Iterator[CallerFinding]:
    sources = [persona.prompt, *(said for exchange in past for said in (exchange.caller, exchange.assistant))]
    known = KnownNumbers.of(sources)
    runs = find_runs(text)
    for position, run in enumerate(runs):
        is_taken_back = any(known.knows(later) for later in runs[position + 1 :]) and _TAKES_BACK.search(text, run.end)
        if not known.knows(run) and not is_taken_back:
            yield CallerFinding(CallerProblem.INVENTED_FACT, f"number {' '.join(run.groups)}")
    days = find_days(text)
    for position, day in enumerate(days):
        if not known.knows_day(day) and not (position + 1 < len(days) and _TAKES_BACK.search(text)):
            yield CallerFinding(CallerProblem.INVENTED_FACT, f"{day[0].title()} {day[1]}")
    named = _NAMES_ITSELF.search(text)
    if named and not all(word.casefold() in persona.prompt.casefold() for word in named[1].split()):
        yield CallerFinding(CallerProblem.INVENTED_FACT, f"name {named[1]}")


def _repeats(text: str, past: Sequence[Exchange]) -> Iterator[CallerFinding]:
    if not past or len(_words(text)) < _REPEATED_WORDS or not _alike(text, past[-1].caller):
        return
    last = past[-1].assistant
    is_new = len(past) > 1 and not _alike(last, past[-2].assistant)
    if _CLOSES.search(last) or (is_new and not _ASKS_AGAIN.search(last)):
        yield CallerFinding(
            CallerProblem.REPETITION, "the same as the turn before, although the assistant was done with it"
        )


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def _alike(left: str, right: str) -> bool:
    return SequenceMatcher(None, _words(left), _words(right)).ratio() >= _SAME
