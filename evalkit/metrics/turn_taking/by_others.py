"""The definitions of others over the calls of a run, beside evalkit's own of :mod:`evalkit.metrics.turn_taking.panel`.

Which of them they are is in their names, so that a gate and a comparison can tell all metrics apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evalkit.metrics.turn_taking.eva import measure_eva, measure_eva_passed, measure_eva_pre_tool_speech
from evalkit.metrics.turn_taking.full_duplex_bench import measure_full_duplex_bench
from evalkit.metrics.turn_taking.measurement import Measurement
from evalkit.metrics.turn_taking.tau import measure_tau, to_ticks
from evalkit.metrics.turn_taking.timeline import CallTimeline


def measure_by_others(calls: Sequence[CallTimeline]) -> Mapping[str, Mapping[str, Measurement]]:
    """Return benchmark (`tau_voice`, `eva`, `full_duplex_bench`) -> metric -> what was measured.

    The metrics of tau-voice have the names that it has for them; what was measured has :func:`tau_metric`'s.
    """
    tau = measure_tau([to_ticks(call) for call in calls])
    eva = (measure_eva(calls), measure_eva_passed(calls), measure_eva_pre_tool_speech(calls))
    return {
        "tau_voice": {name: replace(one, name=tau_metric(name)) for name, one in tau.items()},
        "eva": {one.name: one for one in eva},
        "full_duplex_bench": {one.name: one for one in measure_full_duplex_bench(calls)},
    }


def tau_metric(name: str) -> str:
    """Return what a metric of tau-voice is called where it stands among all others: `tau_l_r` for `L_R`."""
    return f"tau_{name.lower()}"
