"""The driver of suites runs one test a request, and knows no other."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from evalkit.modes.coding.harness.suite_driver import make_call

PREAMBLE = "from candidate_of_suite import double\ncount = []\n\ndef helper(x):\n    return double(x)\n"


@pytest.fixture(autouse=True)
def candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("candidate_of_suite")
    module.__dict__["double"] = lambda x: x * 2
    monkeypatch.setitem(sys.modules, "candidate_of_suite", module)


@pytest.mark.parametrize(
    ("body", "expected"),
    [("assert helper(2) == 4", "passed"), ("assert helper(2) == 5", "failed"), ("assert double(2) == 4", "passed")],
)
def test_a_test_passes_or_fails(body: str, expected: str) -> None:
    """By its asserts."""
    assert make_call(PREAMBLE)("test", ["t_1", f"def t_1():\n    {body}\n"]) == expected


def test_another_exception_is_its_own_answer() -> None:
    """A crash is not a failed assert: a decoy that crashes has not failed as it must."""
    with pytest.raises(TypeError):
        make_call(PREAMBLE)("test", ["t_1", "def t_1():\n    assert helper(None) == 4\n"])


def test_the_preamble_is_run_once_and_in_the_first_request() -> None:
    """A workspace that cannot be imported is the answer of every test; helpers keep what they hold."""
    call = make_call(PREAMBLE)
    assert call("test", ["t_1", "def t_1():\n    count.append(1)\n    assert len(count) == 1\n"]) == "passed"
    assert call("test", ["t_2", "def t_2():\n    count.append(1)\n    assert len(count) == 2\n"]) == "passed"
    broken = make_call("import there_is_no_such_module")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError):
            broken("test", ["t_1", "def t_1(): pass"])


def test_a_public_example_names_its_module() -> None:
    """So that the same driver answers it."""
    assert make_call("")("candidate_of_suite.double", [4]) == 8
