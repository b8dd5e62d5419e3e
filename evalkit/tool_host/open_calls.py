"""Which calls are open, and whose a call of a tool is: by what it names, or because there is one only; never a guess.

1. What names the call: its path, the header ``x-evalkit-call``, or an argument ``evalkit_call``. It has to be open.
2. Else the agent's own id of the telephone call, where it is that of one that is open: an argument such as
   ``call_sid``, or what an envelope says.
3. Else the one call that is open, where no other was open at any time since it began.
4. Else nobody knows, and every call that is open is told: one of them got an answer that its mocks did not give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set

from evalkit.records.json import JsonObject
from evalkit.tool_host.hosted_call import CALL_PARAMETER, AskedTool, HostedCall, UnknownCall

CALL_HEADER = "x-evalkit-call"
"""The header that names a call."""

_CALL_ID_ARGUMENTS = ("call_id", "callId", "call_sid", "callSid", "CallSid")
_KEPT_UNKNOWN = 100
_SHOWN = 80


class OpenCalls:
    """The calls of one host.

    Args:
        on_unknown: Is given each call of a tool of which nobody knows whose it is, or whose call has ended.

    """

    def __init__(self, on_unknown: Callable[[UnknownCall], None] = lambda _: None) -> None:
        self._on_unknown = on_unknown
        self._open: dict[str, HostedCall] = {}
        self._ended: set[str] = set()
        self._never_alone: set[str] = set()

    def add(self, call: HostedCall) -> None:
        """Take a call that begins. Raises ValueError where one of its name is open."""
        if call.call_id in self._open:
            raise ValueError(f"call {call.call_id!r} is open already")
        self._ended.discard(call.call_id)
        self._open[call.call_id] = call
        if len(self._open) > 1:
            self._never_alone.update(self._open)

    def remove(self, call: HostedCall) -> None:
        """Forget a call that has ended, but that it was."""
        del self._open[call.call_id]
        self._never_alone.discard(call.call_id)
        self._ended.add(call.call_id)

    def is_known(self, call_id: str) -> bool:
        """Tell whether a call of this name is open, or was."""
        return call_id in self._open or call_id in self._ended

    def claim(self, asked: AskedTool, named: Sequence[str], call_ids: Iterable[str] = ()) -> HostedCall | UnknownCall:
        """Return the call that a call of a tool belongs to; where nobody knows, what is recorded of it.

        Args:
            asked: The call of a tool.
            named: How path and header name its call, where they do.
            call_ids: What else the request says of the telephone call.

        """
        given = dict(asked.arguments or {})
        names = {*named, *([str(given[CALL_PARAMETER])] if CALL_PARAMETER in given else [])}
        further = (value for key in _CALL_ID_ARGUMENTS if isinstance(value := given.get(key), str))
        found = self._find(names, {*call_ids, *further})
        if isinstance(found, HostedCall):
            return found
        unknown = UnknownCall(asked, found, is_over=len(names) == 1 and names <= self._ended)
        for call in () if unknown.is_over else self._open.values():
            if len(call.unknown_calls) < _KEPT_UNKNOWN:
                call.unknown_calls.append(unknown)
        self._on_unknown(unknown)
        return unknown

    def tools(self, named: Sequence[str]) -> list[JsonObject]:
        """Return the tools of the call that is named; where nobody knows which, of all that are open, by name."""
        found = self._find({*named}, set())
        calls = [found] if isinstance(found, HostedCall) else [] if named else self._open.values()
        return list({str(tool["name"]): tool for call in calls for tool in call.tools}.values())

    def _find(self, names: Set[str], call_ids: Set[str]) -> HostedCall | str:
        """Return a call that is open, or why nobody knows which."""
        if len(names) > 1:
            return f"it names several calls: {_list(names)}; name one"
        for name in names:
            return self._open.get(name) or self._explain_name(name)
        theirs = sorted(call_ids & self._open.keys())
        if len(theirs) > 1:
            return f"it belongs to several calls that are open: {_list(theirs)}"
        alone = theirs or [call_id for call_id in self._open if call_id not in self._never_alone]
        if alone:
            return self._open[alone[0]]
        if not self._open:
            return "no call is open"
        return (
            "it does not say which of several calls it belongs to; use the address that the call was started with, "
            f"or the header {CALL_HEADER}"
        )

    def _explain_name(self, name: str) -> str:
        if name in self._ended:
            return f"call {_clip(name)} is over"
        return f"no call {_clip(name)} is open"


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(map(_clip, names)))


def _clip(name: str) -> str:
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…")
