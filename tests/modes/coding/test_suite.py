"""A suite becomes calls in pairs that only right code can tell apart."""

from __future__ import annotations

import ast
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from coding_tasks import DRIVER, lines_of
from hypothesis import given, settings
from hypothesis import strategies as st
from suite_programs import CHEATS, HALF, MUTANTS, NOTHING, RIGHT, SUITE, write_suite_task

from evalkit.errors import DataError
from evalkit.modes.coding.cases import make_case
from evalkit.modes.coding.prompt import write_prompt
from evalkit.modes.coding.suite import FEWEST_TESTS, make_decoy, make_suite
from evalkit.modes.coding.task import EditFormat
from evalkit.modes.coding.tasks import read_task, task_files
from evalkit.records.code_answers import judge_answers
from evalkit.records.json import JsonObject

_CONSTANTS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6) | st.binary(max_size=4)
)  # fmt: skip
_VALUES = st.recursive(
    _CONSTANTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def suite_of(*asserts: str, fill: int = FEWEST_TESTS) -> str:
    """Return a suite with a test for each assert, filled up to the fewest that are allowed."""
    given_tests = [f"def test_{number}():\n    {line}\n" for number, line in enumerate(asserts)]
    filling = [f"def test_more_{number}():\n    assert same({number}) == {number}\n" for number in range(fill)]
    return "\n".join(["from solution import same", *given_tests, *filling])


def run(function: ast.FunctionDef, space: dict[str, Any]) -> bool:
    """Whether a test passes."""
    scope = dict(space)
    exec(compile(ast.unparse(function), "test", "exec"), scope)  # noqa: S102 - written by this test
    test: Callable[[], None] = scope[function.name]
    try:
        test()
    except AssertionError:
        return False
    return True


def problems_of(source: str) -> list[str]:
    with pytest.raises(DataError) as caught:
        make_suite(source, "secret")
    return list(caught.value.problems)


@given(_VALUES, st.integers(0, 2**32))
@settings(deadline=None, max_examples=60)
def test_right_code_passes_the_test_and_fails_the_decoy(value: Any, seed: int) -> None:
    """Whatever value is expected, in whichever place the constant is changed."""
    (test,) = ast.parse(f"def test_value():\n    assert answer() == {value!r}\n").body
    assert isinstance(test, ast.FunctionDef)
    (other,) = ast.parse("def test_other():\n    assert answer([1, 'b'], {'c': 2.5}, (None,)) == [True]\n").body
    assert isinstance(other, ast.FunctionDef)
    decoy = make_decoy(test, random.Random(seed), [test, other])
    assert decoy is not None
    assert run(test, {"answer": lambda: value})
    assert not run(decoy, {"answer": lambda: value})


@given(_VALUES, st.integers(0, 2**32))
@settings(deadline=None, max_examples=60)
def test_a_decoy_differs_in_one_place(value: Any, seed: int) -> None:
    """Nothing else of it gives it away: same shape, same names, same lines."""
    (test,) = ast.parse(f"def test_value():\n    got = answer(1)\n    assert got == [{value!r}, 7]\n").body
    assert isinstance(test, ast.FunctionDef)
    decoy = make_decoy(test, random.Random(seed))
    assert decoy is not None
    before, after = ast.unparse(test).splitlines(), ast.unparse(decoy).splitlines()
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, True, False]
    assert after[2].startswith("    assert got == [")


def test_who_guesses_is_right_on_nothing() -> None:
    """All passed, all failed, or the first of each pair: none of them is a pass, and the first is fraud."""
    calls = make_suite(SUITE, "secret").calls
    expected = {call.call_id: call.expected for call in calls}

    def judge(answers: dict[str, str]) -> str:
        observed = {"status": "answered", "answers": {name: {"ok": answer} for name, answer in answers.items()}}
        return judge_answers(observed, expected).status

    assert judge(dict.fromkeys(expected, "passed")) == "tampered"
    assert judge(dict.fromkeys(expected, "failed")) == "fail"
    first: dict[str, str] = {}
    for call in calls:
        pair = call.call_id.removesuffix(" (decoy)")
        first[call.call_id] = "failed" if pair in map(_pair, first) else "passed"
    assert judge(first) == "fail"
    assert judge({name: str(wanted["expect"]) for name, wanted in expected.items()}) == "pass"


def _pair(call_id: str) -> str:
    return call_id.removesuffix(" (decoy)")


@pytest.mark.parametrize("seed", range(10))
def test_names_and_order_say_nothing(seed: int) -> None:
    """They are drawn by what never enters a box: real tests and decoys are mixed, and neither comes first."""
    calls = make_suite(SUITE, f"secret {seed}").calls
    names = [str(call.args[0]) for call in calls]
    assert names == sorted(names)
    assert len(set(names)) == 2 * 12
    text = " ".join(str(call.request) for call in calls)
    assert not [word for word in ("decoy", "test_two", "Two that overlap", "expected [[1, 6]]") if word in text]
    first_is_real = [
        next(call.call_id for call in calls if _pair(call.call_id) == name) == name
        for name in {_pair(call.call_id) for call in calls}
    ]
    assert 0 < sum(first_is_real) < 12


def test_another_secret_makes_another_suite() -> None:
    """And the same one makes the same, so that a run can be resumed and compared."""
    assert make_suite(SUITE, "a") == make_suite(SUITE, "a")
    assert make_suite(SUITE, "a").calls != make_suite(SUITE, "b").calls


def test_the_driver_has_helpers_and_no_test() -> None:
    """What a program finds when it is loaded is nothing that it could prepare for."""
    driver = make_suite(SUITE, "a").driver
    assert "def kind_of" in driver
    assert "from solution import merge_intervals" in driver
    assert "[[1, 3]]" not in driver
    compile(driver, "driver.py", "exec")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def test_x(:", "is not valid Python"),
        ("a = '\0'", "is not valid Python"),
        (suite_of(fill=9), "has 9 tests, expected at least 10"),
        (suite_of("pass"), "line 2: test_0: has no assert that compares"),
        (suite_of("assert same(2)"), "has no assert that compares"),
        (suite_of("assert same(2) != 3"), "has no assert that compares"),
        (suite_of("assert same(2) == same(2)"), "has no assert that compares"),
        (suite_of("assert same(2) == expected"), "has no assert that compares"),
        (suite_of() + "def test_f(tmp_path): assert 1 == 1\n", "has parameters or a decorator"),
        (suite_of() + "@cache\ndef test_f(): assert 1 == 1\n", "has parameters or a decorator"),
        (suite_of() + "async def test_f(): assert 1 == 1\n", "is asynchronous"),
        (suite_of() + "def test_more_3(): assert 1 == 1\n", "is the name of the test at line"),
        (suite_of() + "class TestMore:\n    pass\n", "class TestMore: expected test functions"),
    ],
)
def test_what_cannot_be_a_suite_is_said_with_its_line(source: str, expected: str) -> None:
    """Whoever writes one reads what to change."""
    assert any(expected in problem for problem in problems_of(source)), problems_of(source)


@pytest.mark.parametrize(
    "line",
    [
        "assert same(2) == 2",
        "assert 2 == same(2)",
        "assert same(2) is True",
        "assert same([]) == []",
        "assert same({}) == {}",
        "assert same(2) == 2 and same(3) == 3",
        "assert same('ab')[0] == 'a'",
        "assert same(2) == 1 + 1",
        "assert f'{same(2)}' == '2'",
    ],
)
def test_common_ways_to_write_an_assert_are_understood(line: str) -> None:
    """Each becomes a test and a decoy that differ."""
    calls = {call.call_id: call for call in make_suite(suite_of(line), "a").calls}
    real, decoy = calls["test_0"], calls["test_0 (decoy)"]
    assert str(real.args[1]).partition("\n")[2] != str(decoy.args[1]).partition("\n")[2]


def test_a_task_with_a_suite_is_read_whole(tmp_path: Path) -> None:
    """Its case has what is asked inside, and which are decoys outside."""
    task = read_task(write_suite_task(tmp_path))
    assert (task.judged_by, len(task.judge.calls), len(task.decoys)) == ("suite", 24, 12)
    assert "judge/suite.py" in [path.relative_to(task.folder).as_posix() for path in task_files(task)]
    assert all(path.is_file() for path in task_files(task))
    case = make_case(task)
    assert case.inputs["judged_by"] == "suite"
    assert "decoy_of" not in str(case.inputs)
    assert "decoy_of" in str(case.extra)
    shown = write_prompt(task, EditFormat.DIFF, include_tests=True)
    assert "solution.merge_intervals([[1, 2], [2, 3]])" in shown
    assert "test_" not in shown


def test_a_suite_stands_alone(tmp_path: Path) -> None:
    """Calls and a suite are not mixed, and only Python has suites; what is wrong in one is said with its file."""
    mixed = {
        "judge/driver.py": DRIVER,
        "judge/cases.jsonl": lines_of([{"id": "a", "fn": "f", "args": [], "expect": 1}]),
    }
    with pytest.raises(DataError) as caught:
        read_task(write_suite_task(tmp_path / "a", **mixed))
    assert sum("must not stand beside judge/suite.py" in problem for problem in caught.value.problems) == 2
    with pytest.raises(DataError, match=r"judge/suite\.py: has 0 tests"):
        read_task(write_suite_task(tmp_path / "b", **{"judge/suite.py": "x = 1\n"}))
    as_go = {"task.yaml": "title: x\nlanguage: go\nkind: bugfix\ndifficulty: easy\ntags: []\neditable: ['*.py']\n"}
    with pytest.raises(DataError, match=r"judge/suite\.py: must not stand there: the task is in go"):
        read_task(write_suite_task(tmp_path / "c", **as_go))


def _judge_in_process(program: str, secret: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the status of a program of ours under the suite drawn by `secret`, without a box."""
    module = ModuleType("solution")
    exec(program, module.__dict__)  # noqa: S102 - written by these tests
    monkeypatch.setitem(sys.modules, "solution", module)
    suite = make_suite(SUITE, secret)
    scope: dict[str, Any] = {"__name__": "driver"}
    exec(compile(suite.driver, "driver.py", "exec"), scope)  # noqa: S102
    answers: dict[str, JsonObject] = {}
    for call in suite.calls:
        try:
            answers[call.call_id] = {"ok": scope["call"](call.fn, list(call.args))}
        except Exception as error:  # noqa: BLE001
            answers[call.call_id] = {"error": type(error).__name__}
    expected = {call.call_id: call.expected for call in suite.calls}
    return judge_answers({"status": "answered", "answers": answers}, expected).status


@pytest.mark.parametrize("secret", [f"secret {number}" for number in range(12)])
def test_verdicts_do_not_hang_on_what_was_drawn(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right code passes under every draw, honest mistakes fail and are no fraud, and no guess passes."""
    assert _judge_in_process(RIGHT, secret, monkeypatch) == "pass"
    for wrong in (NOTHING, HALF, *MUTANTS.values()):
        assert _judge_in_process(wrong, secret, monkeypatch) == "fail"
    for guess in ("the first of two alike passes", "drawn by a coin", "what looks likely passes"):
        assert _judge_in_process(CHEATS[guess][1]["solution.py"], secret, monkeypatch) in ("fail", "tampered")
    everything = CHEATS["equal to everything"][1]["solution.py"]
    assert _judge_in_process(everything, secret, monkeypatch) == "tampered"
