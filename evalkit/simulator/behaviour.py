"""What a caller does beside his turns: he interrupts, murmurs, coughs, speaks to others, hesitates, is silent.

Rules (``simulator.behaviour``, or a simulation file's own) say what a caller does and how often. :func:`plan_turn`
makes of them the acts of one turn. A plan depends on the rules, the seed of the case-trial and the number of the turn,
and on nothing else: not on what was said, and not on what else runs. No I/O.

============== ============================================================ ==========================================
act            what the caller does                                         what is recorded
============== ============================================================ ==========================================
interruption   speaks to the assistant while that speaks, and then goes on  two things said to the assistant
backchannel    says that he listens                                         no answer is wanted
vocal_tic      clears his throat, coughs, says "um"                         no answer is wanted
side_speech    speaks to somebody else in the room                          no answer is wanted
keypress       presses keys of a telephone when the assistant has finished  the keys, which want an answer
pause          is silent for a moment inside what he says                   a pause between two parts of his turn
silence        lets time pass before he speaks                              a silence, with nothing said
============== ============================================================ ==========================================
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from evalkit.records.json import JsonObject
from evalkit.settings.documents import find_document_problems


class BehaviourAct(StrEnum):
    """What a caller may do beside his turns; the first four are words of the timelines of turn-taking too.

    Keys that are pressed stand in a timeline as one more turn of the caller.
    """

    INTERRUPTION = "interruption"
    BACKCHANNEL = "backchannel"
    VOCAL_TIC = "vocal_tic"
    SIDE_SPEECH = "side_speech"
    KEYPRESS = "keypress"
    PAUSE = "pause"
    SILENCE = "silence"

    @property
    def is_heard(self) -> bool:
        """Whether it is something that reaches the assistant, and no silence around what the caller says."""
        return self not in (BehaviourAct.PAUSE, BehaviourAct.SILENCE)

    @property
    def wants_answer(self) -> bool:
        """Whether the assistant is meant."""
        return self in (BehaviourAct.INTERRUPTION, BehaviourAct.KEYPRESS)


class ActTrigger(StrEnum):
    """What an act comes after, by the delay it has."""

    ASSISTANT_SPEAKS = "assistant_speaks"  # the first sound of an answer is heard
    TOOL_CALLED = "tool_called"
    ASSISTANT_FINISHED = "assistant_finished"  # it has nothing under way and has been silent for a moment
    GREETING = "greeting"  # the assistant, asked to speak first, is heard; it is the first turn that cuts in
    ACT_ANSWERED = "act_answered"  # it has dealt with the act before: only for what follows an interruption


@dataclass(frozen=True)
class BehaviourRule:
    """One thing that a caller does now and then.

    Attributes:
        act: What he does.
        share: In how many of his turns he does it, 0 to 1.
        turns: The turns in which he may, counted from 1; empty: in all.
        count: How often in such a turn.
        after: What it comes after; None for a pause and a silence.
        delay_ms: How long after that, least and most; of several in a turn, each after the one before.
        words: What he says, one of them each time; a word in angle brackets is a sound that nobody speaks.
        then: What he says when the assistant has dealt with his interruption, one of them; empty: nothing.
        duration_ms: How long a pause or a silence lasts, least and most.
        voice: Who speaks; None: the caller himself.
        level_db: How much louder than his turns.
        keys: What he presses, one key after the other.

    """

    act: BehaviourAct
    share: float = 1.0
    turns: tuple[int, ...] = ()
    count: int = 1
    after: ActTrigger | None = None
    delay_ms: tuple[int, int] = (0, 0)
    words: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    duration_ms: tuple[int, int] = (0, 0)
    voice: str | None = None
    level_db: float = 0.0
    keys: str = ""


@dataclass(frozen=True)
class PlannedAct:
    """One act of one turn. For what an attribute means see :class:`BehaviourRule`.

    Attributes:
        place: Where in what is said a pause is wanted, as a share of it.

    """

    act: BehaviourAct
    after: ActTrigger | None = None
    delay_ms: int = 0
    words: str = ""
    then: str = ""
    duration_ms: int = 0
    place: float = 0.0
    voice: str | None = None
    level_db: float = 0.0
    keys: str = ""

    def to_json(self) -> JsonObject:
        """Return it as a record keeps it: what is not about such an act is left out."""
        sound: JsonObject = (
            {"words": self.words, "voice": self.voice, "level_db": self.level_db} if self.act.is_heard else {}
        )
        if self.act is BehaviourAct.KEYPRESS:
            sound = {"words": self.words, "keys": self.keys}
        moment: JsonObject = {} if self.after is None else {"after": str(self.after), "delay_ms": self.delay_ms}
        lasts: JsonObject = {} if self.act.is_heard else {"duration_ms": self.duration_ms}
        return {"act": str(self.act), **moment, **sound, **lasts}

    @property
    def said_as(self) -> str:
        """What it is to those who read the call: what follows an interruption is one more turn."""
        return "turn" if self.after is ActTrigger.ACT_ANSWERED else str(self.act)

    @property
    def follow_up(self) -> PlannedAct | None:
        """What follows it when the assistant has dealt with it; None: nothing."""
        if not self.then:
            return None
        return replace(self, after=ActTrigger.ACT_ANSWERED, delay_ms=0, words=self.then, then="")


_SPOKEN = {"act", "share", "turns", "count", "after", "delay_ms", "words", "voice", "level_db"}
_KEYS: Mapping[BehaviourAct, set[str]] = {
    BehaviourAct.INTERRUPTION: (_SPOKEN | {"then"}) - {"count"},
    BehaviourAct.BACKCHANNEL: _SPOKEN,
    BehaviourAct.VOCAL_TIC: _SPOKEN,
    BehaviourAct.SIDE_SPEECH: _SPOKEN,
    BehaviourAct.KEYPRESS: {"act", "share", "turns", "delay_ms", "keys"},
    BehaviourAct.PAUSE: {"act", "share", "turns", "count", "duration_ms"},
    BehaviourAct.SILENCE: {"act", "share", "turns", "duration_ms"},
}
_DEFAULTS: Mapping[BehaviourAct, BehaviourRule] = {
    BehaviourAct.INTERRUPTION: BehaviourRule(
        BehaviourAct.INTERRUPTION,
        after=ActTrigger.ASSISTANT_SPEAKS,
        delay_ms=(500, 1500),
        words=("Sorry, one moment.", "Wait, wait.", "Hold on a second."),
        then=("Sorry, go on. What did you say?", "Okay, sorry. Could you say that again?"),
    ),
    BehaviourAct.BACKCHANNEL: BehaviourRule(
        BehaviourAct.BACKCHANNEL,
        after=ActTrigger.ASSISTANT_SPEAKS,
        delay_ms=(600, 1800),
        words=("Mm-hmm.", "Okay.", "Right.", "Yeah."),
    ),
    BehaviourAct.VOCAL_TIC: BehaviourRule(
        BehaviourAct.VOCAL_TIC,
        after=ActTrigger.ASSISTANT_SPEAKS,
        delay_ms=(500, 2000),
        words=("<cough>", "<throat>", "Um."),
    ),
    BehaviourAct.SIDE_SPEECH: BehaviourRule(
        BehaviourAct.SIDE_SPEECH,
        after=ActTrigger.ASSISTANT_SPEAKS,
        delay_ms=(500, 1500),
        words=("Could you turn that down, please?", "I'm on the phone.", "In a minute."),
        level_db=-12.0,
    ),
    BehaviourAct.KEYPRESS: BehaviourRule(
        BehaviourAct.KEYPRESS, after=ActTrigger.ASSISTANT_FINISHED, delay_ms=(300, 1000)
    ),
    BehaviourAct.PAUSE: BehaviourRule(BehaviourAct.PAUSE, duration_ms=(300, 900)),
    BehaviourAct.SILENCE: BehaviourRule(BehaviourAct.SILENCE, duration_ms=(4000, 8000)),
}
_RANGES = ("delay_ms", "duration_ms")


def find_behaviour_problems(document: Any, item: str) -> list[str]:
    """Return one message for everything that is wrong with a list of rules; `item` is what one of them is called."""
    problems = find_document_problems("behaviour", document, item)
    return problems or [
        f"{item} #{number}: {problem}" for number, rule in enumerate(document, 1) for problem in _find_misfits(rule)
    ]


def needs_duplex(rule: Mapping[str, Any]) -> bool:
    """Whether a rule, as its document has it, makes sense only where the assistant hears all the time."""
    return bool(rule["act"] != BehaviourAct.PAUSE)


def presses_keys(rule: Mapping[str, Any]) -> bool:
    """Whether a rule, as its document has it, makes sense only where the caller has a telephone."""
    return bool(rule["act"] == BehaviourAct.KEYPRESS)


def read_behaviour(document: Sequence[Mapping[str, Any]]) -> tuple[BehaviourRule, ...]:
    """Return the rules of a document in which :func:`find_behaviour_problems` finds none."""
    return tuple(_read_rule(rule) for rule in document)


def plan_turn(rules: Sequence[BehaviourRule], seed: int, turn_index: int) -> tuple[PlannedAct, ...]:
    """Return what the caller does in a turn beside what he says in it, in the order of the rules.

    Each rule draws for itself: another rule beside it, before or behind, changes nothing of what it does.
    """
    drawn: dict[BehaviourAct, int] = {}
    planned: list[PlannedAct] = []
    for rule in rules:
        number = drawn[rule.act] = drawn.get(rule.act, 0) + 1
        rng = random.Random(f"{seed}:behaviour:{turn_index}:{rule.act}:{number}")
        planned += _plan_rule(rule, rng, turn_index)
    return tuple(planned)


def _plan_rule(rule: BehaviourRule, rng: random.Random, turn_index: int) -> Iterator[PlannedAct]:
    does_it = rng.random() < rule.share
    if not does_it or (rule.turns and turn_index not in rule.turns):
        return
    delay_ms = 0
    for _ in range(rule.count):
        delay_ms += rng.randint(*rule.delay_ms)
        words = rng.choice(rule.words) if rule.words else ""
        yield PlannedAct(
            rule.act,
            rule.after,
            delay_ms,
            words=f"<keys {rule.keys}>" if rule.keys else words,
            then=rng.choice(rule.then) if rule.then else "",
            duration_ms=rng.randint(*rule.duration_ms),
            place=rng.uniform(0.2, 0.8),
            voice=rule.voice,
            level_db=rule.level_db,
            keys=rule.keys,
        )


def _read_rule(document: Mapping[str, Any]) -> BehaviourRule:
    given: dict[str, Any] = {name: value for name, value in document.items() if value is not None}
    act = BehaviourAct(given.pop("act"))
    for name in _RANGES:
        if name in given:
            given[name] = _range(given[name])
    for name in ("turns", "words", "then"):
        if name in given:
            given[name] = tuple(given[name])
    if "after" in given:
        given["after"] = ActTrigger(given["after"])
    if given.get("after") is ActTrigger.GREETING:
        given |= {"turns": (1,), "words": (), "then": ()}
    return replace(_DEFAULTS[act], **given)


def _range(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _find_misfits(rule: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a rule's schema cannot say."""
    act = BehaviourAct(rule["act"])
    known = _KEYS[act]
    for name in rule:
        if name not in known:
            yield f"{name!r}: act {act} has no such key; it has: {', '.join(key for key in _ALL_KEYS if key in known)}"
    for name in _RANGES:
        if name in known and (low_high := _range(rule.get(name) or 0))[0] > low_high[1]:
            yield f"{name!r}: is {rule[name]}, expected the least first"
    if act is BehaviourAct.KEYPRESS and "keys" not in rule:
        yield "'keys': is missing; expected the keys that are pressed, for example '48213#'"
    if act is BehaviourAct.INTERRUPTION and rule.get("after") == ActTrigger.ASSISTANT_FINISHED:
        yield f"'after': is '{rule['after']}', but whoever has finished cannot be interrupted; expected another event"
    if rule.get("after") == ActTrigger.GREETING:
        if act is not BehaviourAct.INTERRUPTION:
            yield f"'after': is 'greeting', which only an interruption can come after; found act {act}"
        for name in ("words", "then", "turns"):
            if name in rule:
                yield f"{name!r}: what cuts into a greeting is the caller's first turn; leave {name} out"
    sounds = [word for word in rule.get("words") or () if word.startswith("<") and word not in MADE_SOUNDS]
    for word in sounds:
        yield f"'words': {word!r} is no sound that can be made; expected {' or '.join(MADE_SOUNDS)}, or words"


MADE_SOUNDS = ("<cough>", "<throat>")
"""Words that stand for a sound that nobody speaks."""
_ALL_KEYS = (
    "act", "share", "turns", "count", "after", "delay_ms", "words", "then", "duration_ms", "voice", "level_db", "keys",
)  # fmt: skip
