"""What others have published of the turn-taking of known systems: ``data/turn_taking.json``, for a row of reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TAU_METRICS = ("L_R", "L_Y", "R_R", "R_Y", "I_A", "S_BC", "S_VT", "S_ND")

_TAU_EVENTS = ("turns", "interruptions", "backchannels")


@dataclass(frozen=True)
class PublishedSystem:
    """What was published of one system by one benchmark.

    Attributes:
        benchmark: The key of the benchmark: `tau_voice`, `eva` or `full_duplex_bench`.
        system: The system's name there.
        values: Value by metric; latencies in seconds.
        events: How many events values rest on, by kind of event; None where that was not published.

    """

    benchmark: str
    system: str
    values: Mapping[str, float]
    events: Mapping[str, int | None]


@dataclass(frozen=True)
class PublishedBenchmark:
    """One benchmark's published values.

    Attributes:
        source: Where they were read, with commit and date.
        definition: Of what, in words.
        systems: The systems, in the order of the file.

    """

    source: str
    definition: str
    systems: tuple[PublishedSystem, ...]


def read_published(document: Mapping[str, Any]) -> Mapping[str, PublishedBenchmark]:
    """Return the benchmarks in a parsed ``data/turn_taking.json``, by key.

    Raises KeyError or TypeError where they are not in it.
    """
    return {
        key: PublishedBenchmark(
            part["source"], part["definition"], tuple(_read_system(key, system) for system in part["systems"])
        )
        for key, part in document.items()
        if key != "note"
    }


def _read_system(benchmark: str, system: Mapping[str, Any]) -> PublishedSystem:
    values = {name: float(value) for name, value in system.items() if name not in ("system", *_TAU_EVENTS)}
    return PublishedSystem(
        benchmark, system["system"], values, {name: system[name] for name in _TAU_EVENTS if name in system}
    )
