"""Which jobs of a sweep differ in what passed by more than chance: case-trials paired by content, Holm's correction.

A case that was lost, or not decided, in one of two jobs takes no part between them. With many jobs only the best is
compared with each other one, and with very many, with those that come next: what passed has to be read for each, and a
correction for ten thousand comparisons would leave no difference to be seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from evalkit.metrics.paired import Pair, PairedDifference, compare_pairs, holm

MOST_JOBS_IN_ALL_PAIRS = 10
MOST_JOBS_COMPARED = 200
_SIGNIFICANT = 0.05


@dataclass(frozen=True)
class CasePass:
    """Whether one case-trial passed."""

    case_id: str
    passed: bool


@dataclass(frozen=True)
class JobDifference:
    """Two jobs side by side.

    Attributes:
        first: Number of one job.
        second: Number of the other.
        found: What the second is better (or worse) by; None where they have no case in common.
        first_only: Case-trials that passed in the first alone.
        second_only: In the second alone.
        p_adjusted: The p-value after Holm's correction for all the pairs shown.

    """

    first: int
    second: int
    found: PairedDifference | None
    first_only: int = 0
    second_only: int = 0
    p_adjusted: float | None = None

    @property
    def verdict(self) -> str:
        """What can be said, in words."""
        if self.found is None or self.p_adjusted is None:
            return "no case in common"
        if self.p_adjusted >= _SIGNIFICANT:
            return "no difference shown"
        return f"job {self.second if self.found.difference > 0 else self.first} is better"


def compare_jobs(
    passes: Mapping[int, Mapping[tuple[str, int], CasePass]],
    best: int | None,
    rankings: Mapping[int, str] | None = None,
) -> list[JobDifference]:
    """Return every pair of jobs whose cases are decided, or, with many jobs, the `best` beside each other one.

    `passes` has for each job (hash of the case, trial) -> whether it passed. Jobs of different `rankings` (job -> name;
    None: there is one) are no pair, for what passed in one might not have in the other.
    """
    graded = [job for job, found in passes.items() if found]
    if len(graded) > MOST_JOBS_IN_ALL_PAIRS and best in graded:
        pairs = [(best, job) for job in graded if job != best]
    else:
        pairs = list(combinations(graded, 2))
    if rankings is not None:
        pairs = [(first, second) for first, second in pairs if rankings[first] == rankings[second]]
    differences = [_compare(first, second, passes[first], passes[second]) for first, second in pairs]
    adjusted = holm({str(place): d.found.p_value for place, d in enumerate(differences) if d.found})
    return [replace(d, p_adjusted=adjusted.get(str(place))) for place, d in enumerate(differences)]


def best_jobs(lower_bounds: Sequence[tuple[int, float | None]]) -> list[int]:
    """Return the jobs with the highest lower bound of their interval; several when they tie, none without any."""
    known = [(job, low) for job, low in lower_bounds if low is not None]
    highest = max((low for _, low in known), default=None)
    return [job for job, low in known if low == highest]


def find_compared(lower_bounds: Sequence[tuple[int, float | None]], best: Sequence[int]) -> list[int]:
    """Return the jobs to compare, in order: of very many the `best`, and the next by the lower bound of their interval.

    `lower_bounds` has them for every job; None: it has no interval.
    """
    if len(lower_bounds) <= MOST_JOBS_COMPARED:
        return [job for job, _ in lower_bounds]
    known = sorted(((low, -job) for job, low in lower_bounds if low is not None), reverse=True)
    chosen = [*best[:MOST_JOBS_COMPARED], *(-job for _, job in known)]
    return sorted(list(dict.fromkeys(chosen))[:MOST_JOBS_COMPARED])


def _compare(
    first: int,
    second: int,
    before: Mapping[tuple[str, int], CasePass],
    after: Mapping[tuple[str, int], CasePass],
) -> JobDifference:
    pairs = [
        Pair(found.case_id, float(found.passed), float(after[key].passed))
        for key, found in before.items()
        if key in after
    ]
    if not pairs:
        return JobDifference(first, second, None)
    return JobDifference(
        first,
        second,
        compare_pairs(pairs, seed=0),
        first_only=sum(pair.before == 1 and pair.after < 1 for pair in pairs),
        second_only=sum(pair.after == 1 and pair.before < 1 for pair in pairs),
    )
