"""Bad days for any list of mocks: tools that fail at first, tools that take their time.

An overlay changes no file. It is made from a few settings, so that one word in the config (``tool_mocks=flaky``) tries
every simulation again under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evalkit.mocks.definitions import Mock, failure_output

_ORIGIN = "overlay"


@dataclass(frozen=True)
class OverlaySpec:
    """What is laid over a list of mocks.

    Attributes:
        fail_first_calls: How many calls of each mocked tool fail before its own mocks answer.
        error_message: What such a call is told.
        delay_ms: Added to what each mock takes anyway, failures included.

    """

    fail_first_calls: int = 0
    error_message: str = "temporarily unavailable, try again"
    delay_ms: float = 0.0


def overlay(mocks: Sequence[Mock], spec: OverlaySpec) -> tuple[Mock, ...]:
    """Return `mocks` with `spec` laid over them; they are not changed.

    The failures of a tool take any arguments, leave sequences and memory of its mocks alone, and are counted per tool:
    with one, its first call fails and its second gets the answer that the first would have had.
    """
    failing = tuple(
        Mock(_ORIGIN, name, (failure_output(spec.error_message),), times=spec.fail_first_calls, fails=True)
        for name in dict.fromkeys(mock.name for mock in mocks)
        if spec.fail_first_calls > 0
    )
    return tuple(replace(mock, delay_ms=mock.delay_ms + spec.delay_ms) for mock in (*failing, *mocks))
