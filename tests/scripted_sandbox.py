"""A sandbox that runs nothing: it answers each job as a test says, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from evalkit.sandbox.box import BoxJob, BoxLimits, BoxResult, Ending


@dataclass(frozen=True)
class AskedBox:
    """One box that was asked for."""

    job: BoxJob
    limits: BoxLimits
    requests: tuple[bytes, ...] | None


def box_result(ending: Ending = Ending.EXITED, **changed: object) -> BoxResult:
    """Return what a box left that ended well and said nothing."""
    fields: dict[str, object] = {
        "exit_code": 0 if ending is Ending.EXITED else None,
        "stdout": b"",
        "stderr": b"",
        "truncated": False,
        "answers": (),
        "wall_s": 0.01,
        "peak_memory_bytes": 2**20,
    }
    return BoxResult(ending, **{**fields, **changed})  # type: ignore[arg-type]


@dataclass
class ScriptedSandbox:
    """Gives `answer` of what is asked; without one, an end that is well."""

    answer: Callable[[AskedBox], BoxResult] = lambda _: box_result()
    asked: list[AskedBox] = field(default_factory=list)
    name: str = "scripted"

    def run(self, job: BoxJob, limits: BoxLimits, requests: Sequence[bytes] | None = None) -> BoxResult:
        """Return the scripted result."""
        self.asked.append(AskedBox(job, limits, None if requests is None else tuple(requests)))
        return self.answer(self.asked[-1])
