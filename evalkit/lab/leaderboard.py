"""Models ranked on one set of cases, as a pure function of how often each of them passed each case.

* Ranked by the lower end of the interval, so that few tries gain nothing. Every try counts, and each case weighs the
  same however often it was tried; the best of several tries stands in a column that says so and ranks nobody.
* Only what has tried every case of the set is ranked, and has a verdict on every case that anybody has one on: the
  ranked were all measured on the same cases. The others are listed apart, with what they lack.
* Two models whose paired difference is within chance share a rank: between two ranks, each model of the one is surely
  better than each of the other (5 %, adjusted by Holm's method for the number of pairs). Who is surely better than whom
  within a rank stands with the rows.
"""

from __future__ import annotations

import statistics
import weakref
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from evalkit.metrics.cost import sum_known_usd
from evalkit.metrics.paired import case_share_p_values, holm
from evalkit.metrics.statistics import CONFIDENCE, Interval, Trials, estimate_case_share

if TYPE_CHECKING:
    from evalkit.lab.index.queries import Index
    from evalkit.lab.index.rows import CaseSetRow

_SEED = 0
_MOST_KEPT = 64


class CaseTries(Protocol):
    """How one model did on one case, over all runs.

    `decided` counts the tries with a verdict, `passed` those of them that passed, `excluded` those that were lost and
    not by the model's fault. `cost_usd` is that of all tries, None where a price is unknown; `latency_ms_median` is
    None where nothing was measured.
    """

    @property
    def model(self) -> str: ...  # noqa: D102
    @property
    def case_id(self) -> str: ...  # noqa: D102
    @property
    def tries(self) -> int: ...  # noqa: D102
    @property
    def decided(self) -> int: ...  # noqa: D102
    @property
    def passed(self) -> int: ...  # noqa: D102
    @property
    def excluded(self) -> int: ...  # noqa: D102
    @property
    def cost_usd(self) -> float | None: ...  # noqa: D102
    @property
    def latency_ms_median(self) -> float | None: ...  # noqa: D102
    @property
    def run_ids(self) -> Iterable[str]: ...  # noqa: D102


@dataclass(frozen=True)
class ModelStanding:
    """One model on a set of cases.

    Attributes:
        model: Its name.
        rank: From 1; None for one that is listed apart.
        score: Mean over the cases with a verdict of the share of their tries that passed; None for no verdict at all.
        interval: Its 95 % interval; None where none can be given.
        cases: How many cases it has a verdict on.
        cases_tried: How many it has tried.
        coverage: Share of the set's cases that it has a verdict on.
        tries: Every try at every case.
        passed: Those that passed.
        excluded_share: Share of the tries that were lost, and not by the model's fault.
        undecided_share: Share of the tries that have no verdict though nothing was lost.
        cost_usd: Of all tries, lost ones too; None where a price is unknown.
        cost_per_pass_usd: That, over the tries that passed; None where the cost is unknown or nothing passed.
        latency_ms: The median over the cases of the case's median; None where nothing was measured.
        best_of: Share of the cases with a verdict that passed at least once: what the best of its tries would score.
        most_tries: The most tries with a verdict at one case.
        better_than: The ranked models that it is surely better than.
        missing: Cases of the set that it has not tried, or has no verdict on though others have, by name.
        run_ids: The runs that all of it comes from.

    """

    model: str
    score: float | None
    interval: Interval | None
    cases: int
    cases_tried: int
    coverage: float
    tries: int
    passed: int
    excluded_share: float
    undecided_share: float
    cost_usd: float | None
    cost_per_pass_usd: float | None
    latency_ms: float | None
    best_of: float | None
    most_tries: int
    missing: tuple[str, ...]
    run_ids: tuple[str, ...]
    rank: int | None = None
    better_than: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelDifference:
    """Two ranked models on the same cases: `difference` is the score of `first` less that of `second`, 0 or more.

    `p_value` is adjusted for the number of pairs, and `within_chance` what follows from it.
    """

    first: str
    second: str
    difference: float
    p_value: float
    within_chance: bool


@dataclass(frozen=True)
class Leaderboard:
    """The models on one set of cases.

    Attributes:
        cases: How many cases are in the set.
        ranked: The models that have run the whole set, the best first.
        apart: The others, the best first.
        differences: Every two of the ranked models, in the order of their ranks.
        undecided_cases: Cases that no model has a verdict on; they count for nobody.

    """

    cases: int
    ranked: tuple[ModelStanding, ...]
    apart: tuple[ModelStanding, ...]
    differences: tuple[ModelDifference, ...]
    undecided_cases: tuple[str, ...]


_kept: weakref.WeakKeyDictionary[Index, dict[str, tuple[tuple[int, int], Leaderboard]]] = weakref.WeakKeyDictionary()
"""Of each index: set -> its leaderboard, with the version of the sums and the number of cases it was computed from."""


def make_leaderboard(rows: Iterable[CaseTries], cases: int) -> Leaderboard:
    """Return the leaderboard of a set of `cases` cases; `rows` has a row for each model and case that it tried."""
    by_model: dict[str, dict[str, CaseTries]] = defaultdict(dict)
    for row in rows:
        by_model[row.model][row.case_id] = row
    tried = {case_id for found in by_model.values() for case_id, row in found.items() if row.tries}
    judged = {case_id for found in by_model.values() for case_id, row in found.items() if row.decided}
    standings = sorted(
        (_stand(model, found, tried, judged, cases) for model, found in by_model.items()), key=_lower_end_first
    )
    ranked = [one for one in standings if one.cases and one.cases_tried >= cases and not one.missing]
    whole = {one.model for one in ranked}
    differences = _compare_all(ranked, by_model, sorted(judged))
    return Leaderboard(
        cases=cases,
        ranked=tuple(_ranked(ranked, differences)),
        apart=tuple(one for one in standings if one.model not in whole),
        differences=differences,
        undecided_cases=tuple(sorted(tried - judged)),
    )


def read_leaderboard(index: Index, case_set: CaseSetRow) -> Leaderboard:
    """Return the leaderboard of `case_set` as the index is now; one that has not changed is not computed again."""
    state = (index.summed_version(case_set.case_set), case_set.cases)  # before the rows, which may be newer already
    kept = _kept.setdefault(index, {})
    known = kept.get(case_set.case_set)
    if known is not None and known[0] == state:
        return known[1]
    board = make_leaderboard(index.list_model_cases(case_set.case_set), case_set.cases)
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[case_set.case_set] = (state, board)
    return board


def leaderboard_to_json(leaderboard: Leaderboard) -> dict[str, Any]:
    """Return `leaderboard` as plain JSON values."""
    return {
        "cases": leaderboard.cases,
        "ranked": [asdict(standing) for standing in leaderboard.ranked],
        "apart": [asdict(standing) for standing in leaderboard.apart],
        "differences": [asdict(difference) for difference in leaderboard.differences],
        "undecided_cases": list(leaderboard.undecided_cases),
    }


def _stand(model: str, found: Mapping[str, CaseTries], tried: set[str], judged: set[str], cases: int) -> ModelStanding:
    """Return how a model stands by itself; `tried` and `judged` are the cases that any model has tried, and decided."""
    decided = [row for row in found.values() if row.decided]
    estimate = estimate_case_share([Trials(row.decided, row.passed) for row in decided])
    tries, passed = sum(row.tries for row in found.values()), sum(row.passed for row in decided)
    excluded = sum(row.excluded for row in found.values())
    undecided = tries - excluded - sum(row.decided for row in decided)
    cost_usd = sum_known_usd(row.cost_usd for row in found.values() if row.tries)
    latencies_ms = [row.latency_ms_median for row in found.values() if row.latency_ms_median is not None]
    lacks = {case_id for case_id in tried if case_id not in found or not found[case_id].tries}
    lacks |= judged - {row.case_id for row in decided}
    return ModelStanding(
        model=model,
        score=estimate.mean,
        interval=estimate.interval,
        cases=len(decided),
        cases_tried=sum(row.tries > 0 for row in found.values()),
        coverage=len(decided) / cases if cases else 0.0,
        tries=tries,
        passed=passed,
        excluded_share=excluded / tries if tries else 0.0,
        undecided_share=undecided / tries if tries else 0.0,
        cost_usd=cost_usd,
        cost_per_pass_usd=cost_usd / passed if passed and cost_usd is not None else None,
        latency_ms=statistics.median(latencies_ms) if latencies_ms else None,
        best_of=sum(row.passed > 0 for row in decided) / len(decided) if decided else None,
        most_tries=max((row.decided for row in decided), default=0),
        missing=tuple(sorted(lacks)),
        run_ids=tuple(sorted({run_id for row in found.values() for run_id in row.run_ids})),
    )


def _lower_end_first(standing: ModelStanding) -> tuple[float, float, str]:
    """Sort by the lower end, then by the score; what has none comes last."""
    low = standing.interval.low if standing.interval else -1.0
    return (-low, -(standing.score if standing.score is not None else -1.0), standing.model)


def _compare_all(
    ranked: Sequence[ModelStanding], by_model: Mapping[str, Mapping[str, CaseTries]], judged: Sequence[str]
) -> tuple[ModelDifference, ...]:
    """Return every two of `ranked`, who all have a verdict on each of `judged`."""
    of_each = [[by_model[standing.model][case_id] for case_id in judged] for standing in ranked]
    shares = np.array([[row.passed / row.decided for row in found] for found in of_each])
    once = [all(row.decided == 1 for row in found) for found in of_each]
    p_values = case_share_p_values(shares, once, _SEED)
    adjusted = holm({f"{first} {second}": p_value for (first, second), p_value in p_values.items()})
    differences = []
    for first, second in p_values:
        difference = float(shares[first].mean() - shares[second].mean())
        upper, lower = (first, second) if difference >= 0 else (second, first)
        p_value = adjusted[f"{first} {second}"]
        differences.append(
            ModelDifference(
                ranked[upper].model, ranked[lower].model, abs(difference), p_value, p_value >= 1 - CONFIDENCE
            )
        )
    return tuple(differences)


def _ranked(ranked: Sequence[ModelStanding], differences: Sequence[ModelDifference]) -> list[ModelStanding]:
    """Return `ranked`, the best first, with their ranks: a new one begins where all above are surely better."""
    better: dict[str, set[str]] = defaultdict(set)
    for found in differences:
        if not found.within_chance:
            better[found.first].add(found.second)
    models = [standing.model for standing in ranked]
    placed: list[ModelStanding] = []
    rank = 1
    for position, standing in enumerate(ranked):
        below = set(models[position:])
        if all(below <= better[above] for above in models[:position]):
            rank = position + 1
        beaten = tuple(model for model in models if model in better[standing.model])
        placed.append(replace(standing, rank=rank, better_than=beaten))
    return placed
