"""How a model takes turns, where the session detects them: `local-agent` well, eight others with one known defect each.

The words of all of them are those of `local-agent`; what differs is when they speak, and when they stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Manners:
    """When a model speaks and when it stops; the defaults are good manners.

    Attributes:
        yields: Stop for somebody who interrupts; else finish, and take up then what was said.
        yield_delay_ms: How much longer than others to speak on when interrupted.
        stops_for_any_sound: Stop for a cough, an "mm-hmm", a voice in the background.
        answers_asides: Take what is said to somebody else in the room for said to oneself.
        resumes: After having stopped for nothing, say what was not heard yet.
        answer_delay_ms: How long to be silent before each answer.
        fills_pauses: Say something in every pause.
        talks_over: Say something while the caller speaks.

    """

    yields: bool = True
    yield_delay_ms: int = 0
    stops_for_any_sound: bool = False
    answers_asides: bool = False
    resumes: bool = True
    answer_delay_ms: int = 0
    fills_pauses: bool = False
    talks_over: bool = False


GOOD_MANNERS = Manners()
BAD_MANNERS: Mapping[str, Manners] = {
    "local-deaf": Manners(yields=False),
    "local-slow-yield": Manners(yield_delay_ms=1000),
    "local-yields-to-all": Manners(stops_for_any_sound=True),
    "local-eager": Manners(fills_pauses=True),
    "local-sluggish": Manners(answer_delay_ms=2000),
    "local-talks-over": Manners(talks_over=True),
    "local-answers-side-speech": Manners(answers_asides=True),
    "local-never-resumes": Manners(resumes=False),
}
"""The models with a known defect in taking turns."""


def manners_of(model: str) -> Manners:
    """Return how `model` takes turns: well, unless it is known for the contrary."""
    return BAD_MANNERS.get(model, GOOD_MANNERS)
