"""Plans: one line and JSON mean the same, and what is wrong with one is said at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import ConfigError
from evalkit.service.faults.catalogue import FAULTS, Parameter, parameters_of
from evalkit.service.faults.plan import FaultPlan, FaultRule, parse_plan, plan_from_json, read_plan


def _values(parameter: Parameter) -> st.SearchStrategy[Any]:
    if parameter.options:
        return st.sampled_from(parameter.options)
    if parameter.kind is str:
        return st.text(min_size=1, max_size=8).filter(lambda text: text.strip() == text and text.isprintable())
    low, high = parameter.minimum or 0, parameter.maximum or 100
    return st.integers(int(low), int(high)) if parameter.kind is int else st.sampled_from([low, (low + high) / 2, high])


@st.composite
def rules(draw: st.DrawFn) -> FaultRule:
    """Any rule there can be."""
    fault = draw(st.sampled_from(sorted(FAULTS)))
    known = parameters_of(fault)
    chosen = draw(st.lists(st.sampled_from(sorted(known)), unique=True, max_size=4))
    return FaultRule(fault, {name: draw(_values(known[name])) for name in chosen})


@given(st.lists(rules(), min_size=1, max_size=4))
def test_a_plans_line_is_the_plan(wanted: list[FaultRule]) -> None:
    """Whatever its values are, the line reads back as the same rules, and as the same line."""
    plan = FaultPlan(tuple(wanted))
    assert parse_plan(plan.line) == plan
    assert parse_plan(plan.line).line == plan.line


def test_a_line_and_a_file_mean_the_same(tmp_path: Path) -> None:
    """Parameters are typed by the catalogue; the order in which they are written does not matter."""
    document = [{"fault": "close", "times": 1, "at": "mid_response", "code": 3000}, {"fault": "rate_limited"}]
    (tmp_path / "plan.json").write_text(json.dumps(document), encoding="utf-8")
    written = read_plan("close@mid_response/code:3000/times:1 + rate_limited", tmp_path)
    assert read_plan("plan.json", tmp_path) == written
    assert written.rules[0].get("code") == 3000
    assert written.rules[0].get("share") == 1.0
    assert written.line == "close@mid_response/code:3000/times:1+rate_limited"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("clos", "'clos' is not a fault (did you mean 'close'?); there are refuse, "),
        ("stall/att:committed", "stall: 'att' is not a parameter (did you mean 'at'?); it has at, "),
        ("close@later", "close: at: 'later' is not allowed; expected session_created | "),
        ("close/code:99", "close: code: '99' is not allowed; expected a whole number ≥ 1000 ≤ 4999"),
        ("close/share:nan", "close: share: 'nan' is not allowed"),
        ("close/times:1.5", "close: times: '1.5' is not allowed"),
        ("close/code", "'code' is not a parameter; write /NAME:VALUE"),
        ("http_stall/case:a", "http_stall: 'case' is not a parameter"),
        ("stall++reset", "'' is not a fault"),
    ],
)
def test_a_wrong_line(text: str, words: str) -> None:
    """The message has what was found, what is allowed and the nearest name."""
    with pytest.raises(ConfigError) as caught:
        parse_plan(text)
    assert words in str(caught.value)
    assert str(caught.value).startswith("service.faults: ")


def test_a_plan_is_checked_without_a_server() -> None:
    """The command line checks plans also where the local extra is not installed."""
    code = (
        "import sys, evalkit.service.faults.plan as plan; plan.parse_plan('flaky'); "
        "print({'starlette', 'numpy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_all_problems_come_at_once() -> None:
    """Nobody fixes a plan one rule at a time."""
    with pytest.raises(ConfigError) as caught:
        parse_plan("clos+stall@never+http_status/role:nobody")
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("document", [{}, [], [1], [{"at": "committed"}], [{"fault": "stall", "nth": True}]])
def test_a_wrong_document(document: Any) -> None:
    """Whatever JSON it is, it is a message and no traceback."""
    with pytest.raises(ConfigError, match=r"service\.faults: plan\.json"):
        plan_from_json(document, "plan.json")


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """Missing, and no JSON."""
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file"):
        read_plan("absent.json", tmp_path)
    (tmp_path / "broken.json").write_text("[{", encoding="utf-8")
    with pytest.raises(ConfigError, match="is not JSON"):
        read_plan("broken.json", tmp_path)
