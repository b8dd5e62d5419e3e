"""Does the assistant let the caller finish, stop when he cuts in, speak without holes, and who ends the call?

The measures of a turn that these go by are those of full duplex; elsewhere neither side can interrupt the other.
"""

from __future__ import annotations

from evalkit.graders.context import GraderContext, GraderType
from evalkit.records.grade import Verdict
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord

_NOT_HEARD = "who was heard when is not known: the call was not held in full duplex, or the caller was not heard"
_SIDES: JsonObject = {"enum": ["caller", "assistant"], "description": "who must end the call"}


async def grade_lets_caller_finish(context: GraderContext) -> Verdict:
    """The assistant does not begin to speak before the caller has finished, be it in a pause.

    1: in no turn. 0: in one or more. None: the call was not held in full duplex.
    """
    measured = [turn for turn in context.turns if "interrupted_caller" in turn.measures]
    if not measured:
        return Verdict(None, _NOT_HEARD)
    cut = [turn.turn_index for turn in measured if turn.measures["interrupted_caller"]]
    if cut:
        return Verdict(0, f"it began to speak before the caller had finished in turn {', '.join(map(str, cut))}")
    return Verdict(1, "it began to speak when the caller had finished")


async def grade_stops_when_interrupted(context: GraderContext) -> Verdict:
    """The assistant stops when the caller speaks into its words, within 2 s.

    1: whenever he did. 0: it spoke on. None: he never did, or it had ended by itself, or the call was not held in full
    duplex.
    """
    if not any("interrupted_caller" in turn.measures for turn in context.turns):
        return Verdict(None, _NOT_HEARD)
    measured = [turn for turn in context.turns if "yielded" in turn.measures]
    if not measured:
        return Verdict(None, "the caller did not speak into its words, or it had ended by itself then")
    spoke_on = [turn.turn_index for turn in measured if not turn.measures["yielded"]]
    if spoke_on:
        return Verdict(0, f"it spoke on in turn {', '.join(map(str, spoke_on))}")
    slowest_ms = max(turn.measures.get("yield_latency_ms", 0.0) for turn in measured)
    return Verdict(1, f"it stopped after {slowest_ms:.0f} ms at most")


async def grade_speech_without_holes(context: GraderContext) -> Verdict:
    """The application's sound comes in time: nothing breaks off inside a word because the line has nothing to play.

    1: never. 0: once or more. None: no telephone line was called.
    """
    measured = [turn for turn in context.turns if "speech_holes" in turn.measures]
    if not measured:
        return Verdict(None, "how sound arrives is heard over a telephone line only (target=media_stream)")
    broken = [turn for turn in measured if turn.measures["speech_holes"]]
    if not broken:
        return Verdict(1, "its sound came in time")
    count, length_ms = (
        int(sum(turn.measures[name] for turn in broken)) for name in ("speech_holes", "speech_holes_ms")
    )
    where = ", ".join(str(turn.turn_index) for turn in broken)
    return Verdict(0, f"words were cut in two {count} times, {length_ms} ms together, in turn {where}")


async def grade_call_ended_by(context: GraderContext) -> Verdict:
    """The call was ended by the side that `by` names: the assistant has to hang up, or must not.

    1: it was. 0: by the other side, or by nobody before the turns were used up. None: it broke off, or was no call.
    """
    ended_by = _ended_by(context.record)
    if ended_by is None:
        failure = context.record.failure
        why = f"the call broke off: {failure.message}" if failure else "it is not known who ended the call"
        return Verdict(None, why)
    wanted = context.option("by")
    who = "nobody: the turns were used up" if ended_by == "max_turns" else f"the {ended_by}"
    return Verdict(float(ended_by == wanted), f"it was ended by {who}")


def _ended_by(record: CaseRecord) -> str | None:
    ended_by = record.notes.get("ended_by")
    return None if ended_by in (None, "failure") else str(ended_by)


GRADERS = (
    GraderType("lets_caller_finish", "1", grade_lets_caller_finish),
    GraderType("stops_when_interrupted", "1", grade_stops_when_interrupted, fails_on_silence=False),
    GraderType("speech_without_holes", "1", grade_speech_without_holes),
    GraderType("call_ended_by", "1", grade_call_ended_by, {"by": _SIDES}, ("by",), fails_on_silence=False),
)
