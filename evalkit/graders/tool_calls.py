"""Were the right tools called, with the right arguments, in the right order?

An expected call is answered by the first call of its name; a call that answers nothing is one too many
(:mod:`evalkit.records.pairing`). With several turns, a turn is graded when a call happened in it, and the last turn
when an expected call never came; other turns have no grade.

=================== ============ ================= ====================================
expected            made         `tool_call`       `tool_call_args`
=================== ============ ================= ====================================
no call             none         1                 none: no arguments are expected
no call             some         0                 none
A(x)                A(x)         1                 1
A(x)                A(y)         1                 0
A(x)                B(x)         0                 0
A(x)                A(x), B()    0                 1
A(x)                A(y), A(x)   0                 0: the first call counts
A(x)                A(x), A(x)   0                 1
A(x)                none         0                 0
=================== ============ ================= ====================================

A call that repeats an earlier one is one too many as well, unless the option `repeats_allowed` of `tool_call` leaves it
to `no_duplicate_calls`: then one mistake costs one grade. Who sets it without that grader lets repeats pass.

`no_duplicate_calls` needs nothing expected. A call repeats another when the same tool was called before in the
conversation with the same arguments (``2`` is ``2.0``, the order of names does not count), unless the tool answered
with an error then: to try again is right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

from evalkit.graders.argument_hearing import carried_arguments
from evalkit.graders.context import GraderContext, GraderType
from evalkit.graders.matching import ArgumentVerdict, exact_text, match_arguments
from evalkit.records.case import ExpectedCall
from evalkit.records.grade import Verdict
from evalkit.records.not_shown import TOOL_CALLS
from evalkit.records.pairing import Pairing, pair_calls
from evalkit.records.record import CaseRecord, ToolCall, ToolOutput

_CALLS = frozenset({TOOL_CALLS})
_MOST_PERMUTED = 5  # calls of one tool that are tried in every order; 5! = 120


@dataclass(frozen=True)
class _Scope:
    """The calls a question is about, among all calls of the record."""

    context: GraderContext

    @cached_property
    def calls(self) -> tuple[ToolCall, ...]:
        return tuple(call for turn in self.context.record.turns for call in turn.tool_calls)

    @cached_property
    def expected(self) -> tuple[ExpectedCall, ...]:
        return self.context.record.case.expected_calls

    @cached_property
    def pairing(self) -> Pairing:
        return pair_calls(self.expected, self.calls)

    @cached_property
    def turn_of(self) -> tuple[int, ...]:
        """The turn of each call."""
        return tuple(turn.turn_index for turn in self.context.record.turns for _ in turn.tool_calls)

    @cached_property
    def positions(self) -> tuple[int, ...]:
        """The positions of the calls made in the turns in question."""
        turns = {turn.turn_index for turn in self.context.turns}
        return tuple(position for position, turn_index in enumerate(self.turn_of) if turn_index in turns)

    @cached_property
    def too_many(self) -> tuple[int, ...]:
        """The positions of the calls that should not have been made, in any turn."""
        if not self.context.option("repeats_allowed", default=False):
            return self.pairing.surplus
        asked = [_question(call) for call in self.calls]
        return tuple(position for position in self.pairing.surplus if asked[position] not in asked[:position])

    @cached_property
    def decides(self) -> bool:
        """Whether these turns are where the calls are graded."""
        unseen = not self.calls or not (self.pairing.complete or self.too_many)
        return bool(self.positions) or (self.context.includes_last_turn and unseen)

    @cached_property
    def never_made(self) -> tuple[str, ...]:
        """Names of the expected calls that never came, in any turn."""
        answers = zip(self.expected, self.pairing.answers, strict=True)
        return tuple(wanted.name for wanted, answer in answers if answer is None)

    @cached_property
    def unexpected(self) -> tuple[str, ...]:
        """Names of the calls that should not have been made, and were made here."""
        return tuple(self.calls[position].name for position in self.too_many if position in self.positions)

    @cached_property
    def lacks_arguments(self) -> bool:
        """Whether the arguments of calls that never came are missed here.

        In the turns that made wrong calls only, as if in their place; where there is no such turn, at the end.
        """
        if self.context.turn is None:
            return bool(self.never_made)
        right = {self.turn_of[answer] for answer in self.pairing.answers if answer is not None}
        wrong = {self.turn_of[position] for position in self.pairing.surplus} - right
        here = self.context.turn.turn_index in wrong if wrong else self.context.includes_last_turn
        return here and bool(self.never_made)


def _says_nothing_about_calls(context: GraderContext) -> str | None:
    case = context.record.case
    return None if case.expected_calls or case.expects_no_call else "the case says nothing about tool calls"


def _expects_no_arguments(context: GraderContext) -> str | None:
    return None if context.record.case.expected_calls else "no tool call is expected, so arguments have no grade"


def _expects_no_sequence(context: GraderContext) -> str | None:
    return None if len(context.record.case.expected_calls) > 1 else "fewer than two tool calls are expected"


async def grade_tool_call(context: GraderContext) -> Verdict:
    """Exactly the expected tools were called, or none where none is expected; arguments do not count.

    1: every expected call was made and no other. 0: one is missing or one too many; one that repeats an earlier call,
    with equal arguments, is not with the option `repeats_allowed`. None: the case says nothing about tool calls, or the
    calls are graded at another turn.
    """
    scope = _Scope(context)
    if not scope.decides:
        return Verdict(None, "no tool call in this turn; calls are graded where they happened")
    if scope.unexpected:
        wanted = ", ".join(call.name for call in scope.expected) or "no call"
        return Verdict(0, f"unexpected call of {', '.join(scope.unexpected)}; expected: {wanted}")
    if scope.never_made and context.includes_last_turn:
        return Verdict(0, f"{', '.join(scope.never_made)} was never called")
    if not scope.calls and context.record.failure:
        return Verdict(0, "no tool was called, but the response failed before it was complete")
    called = ", ".join(scope.calls[position].name for position in scope.positions)
    return Verdict(1, f"called {called}" if called else "no tool was called, as expected")


async def grade_tool_call_args(context: GraderContext) -> Verdict:
    """The calls that answer the expected ones carry the expected arguments, by the case's match rules.

    1: all expected arguments are there and match. 0: one is missing or different, the arguments are not a JSON object,
    or the expected call was never made. None: no call is expected, or the call was made in another turn.
    """
    scope = _Scope(context)
    pairs = zip(scope.expected, _best_answers(scope), strict=True)
    answered = [
        (wanted, scope.calls[place]) for wanted, place in pairs if place is not None and place in scope.positions
    ]
    if not answered and not scope.lacks_arguments:
        return Verdict(None, "the expected call was not made in this turn")
    problems = [reason for wanted, call in answered for reason in _argument_problems(wanted, call)]
    if scope.lacks_arguments:
        problems.append(f"{', '.join(scope.never_made)} was never called")
    lost = {verdict.name for wanted, call in answered for verdict in _lost(wanted, call)}
    if scope.lacks_arguments:
        lost |= {name for wanted in scope.expected if wanted.name in scope.never_made for name in wanted.arguments}
    details = _hearing(context, lost)
    if problems:
        return Verdict(0, "; ".join(problems), tuple(call.raw_arguments for _, call in answered), details=details)
    return Verdict(1, "all expected arguments match", details=details)


def _lost(wanted: ExpectedCall, call: ToolCall) -> list[ArgumentVerdict]:
    verdicts = match_arguments(wanted.arguments, call.arguments or {}, wanted.match).verdicts
    return [verdict for verdict in verdicts if not verdict.matched]


def _hearing(context: GraderContext, lost: set[str]) -> dict[str, str | int]:
    """Return how the words that carry arguments were heard, and where some are `lost`, by what."""
    until = context.turn.turn_index if context.turn else len(context.record.turns)
    turns = [turn for turn in context.record.turns if turn.turn_index <= until]
    carried = [
        one for wanted in context.record.case.expected_calls for one in carried_arguments(turns, wanted.arguments)
    ]
    if not carried:
        return {}
    counted: dict[str, str | int] = {
        "argument_words": sum(one.words for one in carried),
        "misheard_words": sum(one.errors for one in carried),
    }
    followed = {one.name: one.errors for one in carried if one.name in lost}
    if not followed:
        return counted
    return {**counted, "arguments_lost": "misheard" if all(followed.values()) else "misunderstood"}


async def grade_tool_sequence(context: GraderContext) -> Verdict:
    """Several expected tools were called in the expected order; further calls between them do not count.

    1: every expected call was made, and in the order of the case unless the option `ordered` is false. 0: otherwise.
    None: fewer than two calls are expected. Graded once, at the last turn or for the whole trace.
    """
    if not context.includes_last_turn:
        return Verdict(None, "the sequence is graded at the last turn")
    scope = _Scope(context)
    wanted, made = [call.name for call in scope.expected], [call.name for call in scope.calls]
    if scope.never_made:
        return Verdict(0, f"{', '.join(scope.never_made)} was never called")
    if context.option("ordered", default=True):
        rest = iter(made)
        if not all(name in rest for name in wanted):
            return Verdict(0, f"expected the order {' -> '.join(wanted)}, found {' -> '.join(made)}")
    return Verdict(1, f"called {' -> '.join(made)}")


async def grade_no_duplicate_calls(context: GraderContext) -> Verdict:
    """No tool was called twice in the conversation with the same arguments, but after an error or where it may be.

    1: no call repeats an earlier one. 0: one does. None: no tool was called in these turns. A call that repeats one of
    an earlier turn is graded where it was made; tools in the option `repeatable` may be asked the same again.
    """
    turns = {turn.turn_index for turn in context.turns}
    if not any(turn.tool_calls for turn in context.turns):
        return Verdict(None, "no tool was called")
    repeats = [
        f"{call.name} was called with {call.raw_arguments} in turn {turn_index}, as before in turn {before}"
        for call, turn_index, before in _find_repeats(context.record, context.option("repeatable", default=()))
        if turn_index in turns
    ]
    return Verdict(0, "; ".join(repeats)) if repeats else Verdict(1, "no call repeats an earlier one")


def _find_repeats(record: CaseRecord, repeatable: Container[str]) -> Iterator[tuple[ToolCall, int, int]]:
    """Yield each call that repeats an earlier one, its turn, and the turn of that one."""
    made: dict[tuple[str, str], int] = {}
    question_of: dict[str, tuple[str, str]] = {}
    for turn in record.turns:
        for step in turn.steps:
            if isinstance(step, ToolCall):
                question = question_of[step.call_id] = _question(step)
                if question in made and step.name not in repeatable:
                    yield step, turn.turn_index, made[question]
                made[question] = turn.turn_index
            elif isinstance(step, ToolOutput) and isinstance(step.output, Mapping) and "error" in step.output:
                made.pop(question_of.get(step.call_id, ("", "")), None)


def _question(call: ToolCall) -> tuple[str, str]:
    """Return what two calls have in common when one repeats the other: the tool, and arguments that are equal."""
    return call.name, call.raw_arguments if call.arguments is None else exact_text(call.arguments)


def _best_answers(scope: _Scope) -> list[int | None]:
    """Return for each expected call the position of the call whose arguments are compared with its own.

    Where one tool is expected several times, its calls may come in any order: the one that fits best is taken.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for index, wanted in enumerate(scope.expected):
        groups[wanted.name].append(index)
    answers = list(scope.pairing.answers)
    for indices in groups.values():
        made = [answer for index in indices if (answer := scope.pairing.answers[index]) is not None]
        if 1 < len(indices) <= _MOST_PERMUTED:
            places: list[int | None] = [*made, *[None] * (len(indices) - len(made))]
            best = max(permutations(places), key=lambda order: _fitting(scope, indices, order))
            for index, answer in zip(indices, best, strict=True):
                answers[index] = answer
    return answers


def _fitting(scope: _Scope, indices: list[int], order: tuple[int | None, ...]) -> int:
    return sum(
        answer is not None and not _argument_problems(scope.expected[index], scope.calls[answer])
        for index, answer in zip(indices, order, strict=True)
    )


def _argument_problems(wanted: ExpectedCall, call: ToolCall) -> tuple[str, ...]:
    if call.arguments is None:
        return (f"the arguments of {call.name} are not a JSON object: {call.raw_arguments!r}",)
    return match_arguments(wanted.arguments, call.arguments, wanted.match).reasons


GRADERS = (
    GraderType(
        "tool_call",
        "1",
        grade_tool_call,
        options={
            "repeats_allowed": {
                "type": "boolean",
                "description": "whether a call may repeat an earlier one, arguments and all (default: false)",
            }
        },
        inapplicable=_says_nothing_about_calls,
        reads=_CALLS,
    ),
    GraderType("tool_call_args", "3", grade_tool_call_args, inapplicable=_expects_no_arguments, reads=_CALLS),
    GraderType(
        "tool_sequence",
        "1",
        grade_tool_sequence,
        options={"ordered": {"type": "boolean", "description": "whether the order counts (default: true)"}},
        inapplicable=_expects_no_sequence,
        reads=_CALLS,
    ),
    GraderType(
        "no_duplicate_calls",
        "1",
        grade_no_duplicate_calls,
        options={
            "repeatable": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "description": "tools that may be called again with the same arguments (default: none)",
            }
        },
        reads=_CALLS,
    ),
)
