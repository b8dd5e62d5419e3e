"""The leaderboard, on sets of cases whose answer is known."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import Any

import pytest
import stored_runs
from labs import make_lab

from evalkit.lab.leaderboard import (
    Leaderboard,
    ModelStanding,
    leaderboard_to_json,
    make_leaderboard,
    read_leaderboard,
)
from evalkit.metrics.statistics import wilson_interval


@dataclass(frozen=True)
class Tries:
    """How one model did on one case."""

    model: str
    case_id: str
    tries: int
    decided: int
    passed: int
    excluded: int = 0
    cost_usd: float | None = 0.01
    latency_ms_median: float | None = 100.0
    run_ids: tuple[str, ...] = ("run",)


def _once(model: str, passed: Sequence[int], **fields: Any) -> Iterator[Tries]:
    """Yield a row per case that was tried once; `passed` is 0 or 1 for each."""
    for number, value in enumerate(passed):
        yield Tries(model, f"case-{number:03}", 1, 1, value, **fields)


def _standing(leaderboard: Leaderboard, model: str) -> ModelStanding:
    return next(one for one in (*leaderboard.ranked, *leaderboard.apart) if one.model == model)


def test_few_tries_gain_nothing() -> None:
    """One case passed of one is listed apart; the whole set at 95 % leads."""
    rows = [*_once("one-task", [1]), *_once("whole", [1] * 19 + [0])]
    leaderboard = make_leaderboard(rows, 20)
    assert [(one.model, one.rank) for one in leaderboard.ranked] == [("whole", 1)]
    assert [(one.model, one.rank, one.score, one.coverage) for one in leaderboard.apart] == [
        ("one-task", None, 1, 0.05)
    ]
    assert len(leaderboard.apart[0].missing) == 19


def test_the_interval_is_wilsons_over_cases_tried_once() -> None:
    """The same as the run's own page has."""
    whole = _standing(make_leaderboard(_once("a", [1] * 15 + [0] * 5), 20), "a")
    assert whole.score == 0.75
    assert whole.interval == wilson_interval(15, 20)


def test_the_lower_end_ranks_not_the_score() -> None:
    """Passing the same half of the cases each of ten times says less than it seems; the mean alone would mislead."""
    clumped = [Tries("clumped", f"case-{number:03}", 10, 10, 10 if number < 13 else 0) for number in range(20)]
    spread = [Tries("spread", f"case-{number:03}", 10, 10, 6) for number in range(20)]
    leaderboard = make_leaderboard([*clumped, *spread], 20)
    assert [one.model for one in leaderboard.ranked] == ["spread", "clumped"]
    scores = [one.score for one in leaderboard.ranked]
    assert scores == pytest.approx([0.6, 0.65])


def test_within_chance_is_one_rank_and_sure_is_another() -> None:
    """Exact McNemar: of 5 that differ all one way p is 0.06, of 6 it is 0.03."""
    within = make_leaderboard([*_once("a", [1] * 20), *_once("b", [1] * 15 + [0] * 5)], 20)
    assert [(one.model, one.rank, one.better_than) for one in within.ranked] == [("a", 1, ()), ("b", 1, ())]
    assert within.differences[0].p_value == pytest.approx(2 / 2**5)
    assert within.differences[0].within_chance
    sure = make_leaderboard([*_once("a", [1] * 20), *_once("b", [1] * 14 + [0] * 6)], 20)
    assert [(one.model, one.rank, one.better_than) for one in sure.ranked] == [("a", 1, ("b",)), ("b", 2, ())]
    assert (sure.differences[0].first, sure.differences[0].difference) == ("a", pytest.approx(0.3))


def test_any_two_within_chance_share_a_rank() -> None:
    """Also where a third lies between them; who is surely better within the rank is said."""
    rows = [*_once("a", [1] * 40), *_once("b", [1] * 35 + [0] * 5), *_once("c", [1] * 30 + [0] * 10)]
    rows += _once("d", [0] * 40)
    leaderboard = make_leaderboard(rows, 40)
    ranks = {one.model: one.rank for one in leaderboard.ranked}
    assert ranks == {"a": 1, "b": 1, "c": 1, "d": 4}
    assert _standing(leaderboard, "a").better_than == ("c", "d")
    assert all(ranks[found.first] == ranks[found.second] for found in leaderboard.differences if found.within_chance)


def test_p_values_are_adjusted_for_the_number_of_pairs() -> None:
    """With many models some two differ by chance: Holm's method takes the smallest times the number of pairs."""
    rows = [*_once("a", [1] * 20), *_once("b", [1] * 14 + [0] * 6), *_once("c", [1] * 19 + [0])]
    adjusted = {(found.first, found.second): found.p_value for found in make_leaderboard(rows, 20).differences}
    assert adjusted["a", "b"] == pytest.approx(3 * 2 / 2**6)


def test_all_tries_count_and_the_best_of_them_ranks_nobody() -> None:
    """Three tries a case of which one passes is a third, whatever the best of three would be."""
    rows = [Tries("lucky", f"case-{number}", 3, 3, 1) for number in range(10)]
    lucky = _standing(make_leaderboard(rows, 10), "lucky")
    assert (lucky.score, lucky.best_of, lucky.most_tries, lucky.tries, lucky.passed) == (
        pytest.approx(1 / 3),
        1.0,
        3,
        30,
        10,
    )


def test_trying_the_easy_cases_again_gains_nothing() -> None:
    """A run that is broken off after the easy ones, over and over, does not raise the score."""
    fair = make_leaderboard([Tries("a", "easy", 1, 1, 1), Tries("a", "hard", 1, 1, 0)], 2)
    again = make_leaderboard([Tries("a", "easy", 50, 50, 50), Tries("a", "hard", 1, 1, 0)], 2)
    assert _standing(fair, "a").score == _standing(again, "a").score == 0.5


def test_tries_of_the_same_case_are_paired_by_case() -> None:
    """Sign flips over the ten cases, all in the same direction: 2 of 2^10."""
    rows = [Tries("a", f"case-{number}", 2, 2, 2) for number in range(10)]
    rows += [Tries("b", f"case-{number}", 2, 2, 1) for number in range(10)]
    (found,) = make_leaderboard(rows, 10).differences
    assert (found.first, found.difference, found.p_value) == ("a", pytest.approx(0.5), pytest.approx(2 / 2**10))


def test_lost_tries_are_shown_and_do_not_score() -> None:
    """A provider that was down says nothing about the model; that it was down is said."""
    rows = [Tries("a", "one", 4, 3, 3, excluded=1), Tries("a", "two", 4, 2, 0, excluded=0)]
    standing = _standing(make_leaderboard(rows, 2), "a")
    assert (standing.score, standing.excluded_share, standing.undecided_share) == (0.5, 1 / 8, 2 / 8)


def test_a_case_without_a_verdict_that_others_have_is_not_the_whole_set() -> None:
    """Being lost on the hard cases would pay otherwise."""
    rows = [*_once("a", [1, 0, 1]), Tries("b", "case-000", 1, 1, 1), Tries("b", "case-002", 1, 1, 1)]
    rows += [Tries("b", "case-001", 1, 0, 0, excluded=1)]
    leaderboard = make_leaderboard(rows, 3)
    assert [one.model for one in leaderboard.ranked] == ["a"]
    assert [(one.model, one.missing, one.cases_tried) for one in leaderboard.apart] == [("b", ("case-001",), 3)]


def test_a_case_that_nobody_has_a_verdict_on_counts_for_nobody() -> None:
    """A judge that never can tell must not empty the board."""
    rows = [*_once("a", [1, 0]), *_once("b", [0, 0])]
    rows += [Tries(model, "case-002", 1, 0, 0) for model in "ab"]
    leaderboard = make_leaderboard(rows, 3)
    assert {one.model for one in leaderboard.ranked} == {"a", "b"}
    assert leaderboard.undecided_cases == ("case-002",)
    assert _standing(leaderboard, "a").coverage == pytest.approx(2 / 3)


def test_a_model_alone_that_broke_off_is_not_ranked() -> None:
    """Nobody else has tried the rest either; the set is known all the same."""
    leaderboard = make_leaderboard(_once("a", [1] * 3), 10)
    assert leaderboard.ranked == ()
    assert [(one.model, one.cases_tried) for one in leaderboard.apart] == [("a", 3)]


def test_costs_count_every_try_and_stay_unknown_where_one_is() -> None:
    """What was lost was paid for too; an unknown price is never 0."""
    known = make_leaderboard([*_once("a", [1, 0, 0, 1], cost_usd=0.05)], 4)
    assert _standing(known, "a").cost_usd == pytest.approx(0.2)
    assert _standing(known, "a").cost_per_pass_usd == pytest.approx(0.1)
    unknown = make_leaderboard([*_once("a", [1, 1]), Tries("a", "case-002", 1, 1, 1, cost_usd=None)], 3)
    assert _standing(unknown, "a").cost_per_pass_usd is None
    never = make_leaderboard(_once("a", [0, 0]), 2)
    assert _standing(never, "a").cost_per_pass_usd is None


def test_the_latency_is_the_median_over_cases() -> None:
    """One slow case does not move it; what was not measured is no 0."""
    latencies_ms = [100.0, 300.0, 9_000.0, None]
    rows = [Tries("a", f"case-{number}", 1, 1, 1, latency_ms_median=ms) for number, ms in enumerate(latencies_ms)]
    assert _standing(make_leaderboard(rows, 4), "a").latency_ms == 300.0


def test_nothing_has_a_leaderboard_too() -> None:
    """A set whose runs have only begun."""
    assert make_leaderboard([], 5) == Leaderboard(5, (), (), (), ())
    nothing = make_leaderboard([Tries("a", "one", 1, 0, 0, excluded=1)], 1)
    assert (nothing.ranked, nothing.apart[0].score, nothing.apart[0].excluded_share) == ((), None, 1.0)


def test_it_is_plain_json() -> None:
    """What the API answers with."""
    found = leaderboard_to_json(make_leaderboard([*_once("a", [1, 1]), *_once("b", [0, 1]), *_once("c", [1])], 2))
    assert [row["model"] for row in found["ranked"]] == ["a", "b"]
    assert found["ranked"][0]["interval"]["low"] == pytest.approx(0.342, abs=1e-3)
    assert found["apart"][0]["missing"] == ("case-001",)
    assert found["differences"][0]["within_chance"] is True


def test_the_order_of_the_rows_changes_nothing() -> None:
    """The index may give them in any."""
    rows = [*_once("a", [1, 0] * 10), *_once("b", [1, 1, 0, 0] * 5), *_once("c", [0] * 20)]
    assert make_leaderboard(rows, 20) == make_leaderboard(rows[::-1], 20)
    assert comb(3, 2) == len(make_leaderboard(rows, 20).differences)


def test_what_has_not_changed_is_not_computed_again(tmp_path: Path) -> None:
    """A run of other cases changes nothing for a set; a run of its own cases is in it as soon as it is indexed."""
    stored_runs.write_crawl(tmp_path / "outputs" / "a", "model-a")
    lab = make_lab(tmp_path)
    (case_set,) = lab.index.list_case_sets()
    board = read_leaderboard(lab.index, case_set)
    assert board == make_leaderboard(lab.index.list_model_cases(case_set.case_set), case_set.cases)
    stored_runs.write_coding(tmp_path / "outputs" / "b")
    lab.follower.catch_up()
    assert read_leaderboard(lab.index, case_set) is board
    stored_runs.write_crawl(tmp_path / "outputs" / "c", "model-c")
    lab.follower.catch_up()
    assert {one.model for one in read_leaderboard(lab.index, case_set).ranked} == {"model-a", "model-c"}
    shutil.rmtree(tmp_path / "outputs" / "c")
    lab.follower.catch_up()
    assert read_leaderboard(lab.index, case_set) == board


def test_each_lab_has_its_own(tmp_path: Path) -> None:
    """Two indices of the same cases know nothing of each other."""
    boards = []
    for name, passing in (("one", (True, True)), ("two", (False, False))):
        stored_runs.write_crawl(tmp_path / name / "outputs" / "a", passing=passing)
        lab = make_lab(tmp_path / name)
        (case_set,) = lab.index.list_case_sets()
        boards.append(read_leaderboard(lab.index, case_set))
    assert [board.ranked[0].score for board in boards] == [1.0, 0.0]
