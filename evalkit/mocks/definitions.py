"""What a mock is, and how a list of them is read from JSON.

::

    [{"name": "get_order_status", "match": {"order_id": "48213"}, "output": {"status": "shipped"}},
     {"name": "get_order_status", "outputs": [{"status": "busy"}, {"status": "not found"}], "delay_ms": 250},
     {"name": "cancel_order", "set": {"order": "cancelled"}, "output": {"status": "cancelled"}},
     {"name": "refund", "error": "payments are down", "times": 1},
     {"name": "refund", "output": {"status": "done"}}]

The first mock that takes a call answers it: same `name`, `match` fits the arguments (:mod:`evalkit.mocks.matching`),
`state` was set by earlier mocks of the conversation, and `times` is not used up. ``{"name": …, "output": …}`` takes
every call of its tool. ``schemas/mocks.schema.json`` says what each key may hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evalkit.errors import DataError
from evalkit.mocks.matching import find_match_problems
from evalkit.records.json import Json, JsonObject
from evalkit.settings.documents import describe_place, find_document_problems
from evalkit.settings.names import did_you_mean


@dataclass(frozen=True)
class Mock:
    """What a tool answers to some of its calls.

    Attributes:
        origin: Where it comes from, for traces: ``mock #3`` of its list, or an overlay.
        name: The tool.
        outputs: Its answers to the first call, the second, …; the last one repeats. At least one.
        match: Condition on the arguments; None takes any.
        state: What must have been set before.
        times: How many calls it answers at most; None: no limit.
        delay_ms: How long the tool takes.
        sets: What is remembered once it has answered.
        fails: Whether the tool fails: its output says how.

    """

    origin: str
    name: str
    outputs: tuple[Json, ...]
    match: JsonObject | None = None
    state: JsonObject = field(default_factory=dict)
    times: int | None = None
    delay_ms: float = 0.0
    sets: JsonObject = field(default_factory=dict)
    fails: bool = False


def failure_output(message: str) -> JsonObject:
    """Return what the assistant sees of a tool that fails."""
    return {"error": message}


def parse_mocks(document: Any, where: str, tools: Iterable[JsonObject] | None = None) -> tuple[Mock, ...]:
    """Return the mocks in a JSON list, in its order.

    Args:
        document: The JSON value as it was read.
        where: Names the file in messages.
        tools: The tools of the conversation, which the mocks must fit; None where mocks are not for these tools alone.

    Raises:
        DataError: Everything that is wrong, as ``file: mock #3: 'delay_ms': …``.

    """
    problems = find_document_problems("mocks", document, item="mock")
    if not problems:
        problems = list(_find_contradictions(document, None if tools is None else tuple(tools)))
    if problems:
        raise DataError([f"{where}: {problem}" for problem in problems])
    return tuple(_read_mock(number, entry) for number, entry in enumerate(document, 1))


def _read_mock(number: int, entry: Mapping[str, Any]) -> Mock:
    if "error" in entry:
        outputs: tuple[Json, ...] = (failure_output(entry["error"]),)
    else:
        outputs = tuple(entry["outputs"]) if "outputs" in entry else (entry["output"],)
    return Mock(
        origin=f"mock #{number}",
        name=entry["name"],
        outputs=outputs,
        match=entry.get("match"),
        state=entry.get("state", {}),
        times=entry.get("times"),
        delay_ms=float(entry.get("delay_ms", 0)),
        sets=entry.get("set", {}),
        fails="error" in entry,
    )


def _find_contradictions(entries: Sequence[Mapping[str, Any]], tools: Sequence[JsonObject] | None) -> Iterator[str]:
    """Yield what the schema of mocks cannot see: conditions that make no sense, tools and states that don't exist."""
    parameters: dict[str, Any] = {str(tool["name"]): tool.get("parameters") for tool in tools or ()}
    settable = {name for entry in entries for name in entry.get("set", {})}
    for index, entry in enumerate(entries):
        name = entry["name"]
        if tools is not None and name not in parameters:
            hint = did_you_mean(name, parameters)
            known = ", ".join(parameters) or "none"
            yield f"{describe_place([index, 'name'], 'mock')}: no tool is called {name!r}{hint}; tools: {known}"
        if "match" in entry:
            for problem in find_match_problems(entry["match"], parameters.get(name)):
                yield f"{describe_place([index, 'match'], 'mock')}: {problem}"
        for key in entry.get("state", {}):
            if key not in settable:
                place = describe_place([index, "state"], "mock")
                yield f"{place}: no mock sets {key!r}{did_you_mean(key, settable)}; it would never hold"
