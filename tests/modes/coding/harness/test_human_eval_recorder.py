"""The recorder finds every call of a test with its right value, and refuses tests that ask for more than values."""

from __future__ import annotations

import random

import pytest

from evalkit.modes.coding.harness.human_eval_recorder import MOST_CALLS, MOST_MUTANTS, Unfair, check_test, record


def problem(test: str, **changed: str) -> dict[str, str]:
    lines = "".join(f"    {line}\n" for line in test.split("; "))
    return {
        "task_id": "HumanEval/1",
        "entry_point": "grow",
        "prompt": 'def grow(items):\n    """ For grow([1]) it is [1, 2], and grow(x) is longer. """\n',
        "canonical_solution": "    items.append(len(items) + 1)\n    return items\n",
        "test": f"def check(candidate):\n{lines}",
        **changed,
    }


@pytest.mark.parametrize(
    "line",
    [
        "assert candidate(1) == 2", "assert 2 == candidate(1)", "assert candidate(1) is True", "assert candidate(1)",
        "assert not candidate(1)", "assert tuple(candidate(1)) == (1,)", "assert abs(candidate(1) - 2) < 1e-6",
        "assert math.fabs(candidate(1) - 2.0) < 1e-6", "assert candidate(1) == 2, 'not ' + str(candidate(1))",
        "for x in range(3): assert candidate(x) == x",
    ],
)  # fmt: skip
def test_results_that_are_compared_with_values_are_fair(line: str) -> None:
    """However that is written."""
    check_test(f"def check(candidate):\n    {line}\n")


@pytest.mark.parametrize(
    "line",
    [
        "x = candidate(1)", "assert f(candidate(1)) == 2", "assert candidate(1) > 2", "assert candidate(1) != 2",
        "assert candidate(1)[0] == 2", "candidate(1)", "assert abs(f(candidate(1)) - 2) < 1e-6",
    ],
)  # fmt: skip
def test_results_that_are_taken_further_are_not(line: str) -> None:
    """There may be more than one right answer."""
    with pytest.raises(Unfair, match="takes it further"):
        check_test(f"def check(candidate):\n    {line}\n")


def test_calls_are_recorded_as_they_were_made() -> None:
    """Before the solution changed its argument; each once; what the docstring shows is an example."""
    found = record(problem("assert candidate([]) == [1]; assert candidate([]) == [1]; assert candidate([5]) == [5, 2]"))
    assert found["calls"] == [{"args": [[]], "expect": [1]}, {"args": [[5]], "expect": [5, 2]}]
    assert found["examples"] == [{"args": [[1]], "expect": [1, 2]}]
    assert 1 <= len(found["mutants"]) <= MOST_MUTANTS


def test_without_an_example_the_first_call_is_one() -> None:
    """And is no hidden call then."""
    found = record(
        problem("assert candidate([]) == [1]; assert candidate([5]) == [5, 2]; assert candidate([7]) == [7, 2]",
                prompt="def grow(items):\n    ''' Longer. '''\n")
    )  # fmt: skip
    assert found["examples"] == [{"args": [[]], "expect": [1]}]
    assert len(found["calls"]) == 2


def test_random_inputs_are_drawn_alike_and_bounded() -> None:
    """So that two people get the same tasks."""
    test = "import random; for _ in range(500): assert len([candidate([random.random()])]) == 1"
    drawn = test.replace("len([candidate([random.random()])]) == 1", "candidate([random.random()])")
    state = random.getstate()
    first, second = record(problem(drawn)), record(problem(drawn))
    random.setstate(state)
    assert first == second
    assert len(first["calls"]) == MOST_CALLS


def test_half_is_right_on_some_calls_only() -> None:
    """By a mistake in the solution, or by giving up on some arguments where none does it."""
    found = record(
        problem("assert candidate([]) == [1]; assert candidate([5]) == [5, 2]; assert candidate([6]) == [6, 2]")
    )
    space: dict[str, object] = {}
    exec(found["half"], space)  # noqa: S102 - made of what stands above
    grow = space["grow"]
    assert callable(grow)
    right = [grow(*call["args"]) == call["expect"] for call in found["calls"]]
    assert set(right) == {True, False}
