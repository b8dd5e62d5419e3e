"""Was the answer in time? A limit on one of the latencies in the record."""

from __future__ import annotations

from evalkit.graders.context import GraderContext, GraderType
from evalkit.records.grade import Verdict


async def grade_latency(context: GraderContext) -> Verdict:
    """A latency of the record, named by `metric`, is at most `max_ms`; of several turns the slowest counts.

    1: in time. 0: later. None: it was not measured.
    """
    metric, limit_ms = context.option("metric", "latency_first_audio_ms"), context.option("max_ms")
    measured = [turn.latencies[metric] for turn in context.turns if metric in turn.latencies]
    if not measured:
        return Verdict(None, f"{metric} was not measured")
    slowest_ms = max(measured)
    relation = "at most" if slowest_ms <= limit_ms else "more than"
    return Verdict(float(slowest_ms <= limit_ms), f"{metric} is {slowest_ms:.0f}, {relation} {limit_ms:g}")


GRADERS = (
    GraderType(
        "latency",
        "1",
        grade_latency,
        {
            "metric": {
                "type": "string",
                "pattern": "_ms$",
                "description": "which latency (default: latency_first_audio_ms)",
            },
            "max_ms": {"type": "number", "exclusiveMinimum": 0, "description": "the limit, in milliseconds"},
        },
        ("max_ms",),
    ),
)
