"""``junit.xml`` as CI systems read it: elements, counts, and text that would break XML."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

from layouts import layout_of

from evalkit.records.case import Case
from evalkit.records.faults import Failure, Stage
from evalkit.reports.junit import junit_xml
from evalkit.reports.rows import build_table

GATES = [
    {"gate": "gate.min_grade", "found": 0.5, "allowed": 0.9, "passed": False, "reason": "gate.min_grade: grade is low"},
    {"gate": "gate.max_cost_usd", "found": 0.0, "allowed": 1, "passed": True, "reason": ""},
]


def document(config: Any, records: Any, grades: Any, gates: Any = (), mode: str = "crawl") -> ET.Element:
    table = build_table(layout_of(mode), config, records, grades, str)
    content = junit_xml({"run_name": "nightly <1>", "gates": list(gates)}, table, records)
    assert content.startswith(b"<?xml version='1.0' encoding='utf-8'?>")
    root = ET.fromstring(content)  # noqa: S314  our own document
    check_form(root)
    return root


def check_form(root: ET.Element) -> None:
    """Hold a document against what JUnit's readers ask for: names, order, required attributes, true counts."""
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite"
        required = {"name", "timestamp", "hostname", "tests", "failures", "errors", "skipped", "time", "id", "package"}
        assert set(suite.attrib) == required
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
        tags = [child.tag for child in suite]
        cases = suite.findall("testcase")
        assert tags == ["properties", *["testcase"] * len(cases), "system-out", "system-err"]
        assert int(suite.attrib["tests"]) == len(cases)
        for kind in ("failure", "error"):
            assert int(suite.attrib[f"{kind}s"]) == len(suite.findall(f"testcase/{kind}"))
        assert int(suite.attrib["skipped"]) == len(suite.findall("testcase/skipped"))
        for case in cases:
            assert set(case.attrib) == {"name", "classname", "time"}
            assert float(case.attrib["time"]) >= 0
            assert len(case) <= 1
            for outcome in case:
                assert outcome.tag in ("failure", "error", "skipped")
                assert "message" in outcome.attrib
                assert outcome.tag == "skipped" or "type" in outcome.attrib


def test_each_kind_of_case_trial(make_record: Any, both_grades: Any, make_grade: Any, lost: Any, config: Any) -> None:
    """Passed, failed by its graders, lost by fault, not graded: one test case each, and a suite for the gates."""
    strict = Case("bad", "crawl", {}, required_graders=("tool_call", "tool_call_args", "polite"))
    records = [make_record("good"), make_record("bad", 2, case=strict), make_record("open"), lost]
    grades = [*both_grades("good", 1, 1), *both_grades("bad.t2", 1, 0), make_grade("bad.t2", "polite", 0)]
    grades.append(make_grade("good", "polite", 0))  # not required there
    root = document(config, records, grades, GATES)
    good, bad, unknown, gone = root[0].findall("testcase")
    assert (good.attrib["name"], good.attrib["classname"], len(good)) == ("good", "evalkit.crawl", 0)
    failure = bad.find("failure")
    assert failure is not None
    assert bad.attrib["name"] == "bad.t2"
    assert failure.attrib["message"] == "failed: tool_call_args, polite"
    assert failure.text == "tool_call_args: because 0\npolite: because 0"
    assert unknown.find("skipped") is not None
    error = gone.find("error")
    assert error is not None
    assert error.attrib == {"type": "infrastructure", "message": "lost, fault infrastructure"}
    assert error.text == "connect: connection_refused: nobody listens"
    minimum, cost = root[1].findall("testcase")
    assert [found.attrib["message"] for found in minimum] == ["gate.min_grade: grade is low"]
    assert len(cost) == 0
    assert root[1].attrib["name"] == "nightly <1>: gates"


def test_a_call_says_in_which_turn_it_failed(make_record: Any, make_turn: Any, make_grade: Any, config: Any) -> None:
    """One test case per call, whatever number of turns."""
    case = Case("sim", "run", {}, required_graders=("brief", "kind"))
    record = make_record(case=case, turns=(make_turn(1), make_turn(2)))
    grades = [make_grade("sim", "brief", 1, 1), make_grade("sim", "brief", 0, 2), make_grade("sim", "kind", 0, None)]
    [case] = document(config, [record], grades, mode="run")[0].findall("testcase")
    assert case[0].text == "turn 2: brief: because 0\nturn 2: kind: because 0"


def test_text_of_a_model_breaks_nothing(make_record: Any, make_grade: Any, config: Any) -> None:
    """Markup, control characters, lone surrogates and CDATA ends arrive as text or as replacement characters."""
    evil = "</failure><x a='&'> ]]> \x00\x1b[31m \ud800 \U0001f600 \ufffe"
    grade = make_grade("case-1", "tool_call", 0, rationale=evil)
    [case] = document(config, [make_record()], [grade])[0].findall("testcase")
    text = case[0].text
    assert text is not None
    assert text == "tool_call: </failure><x a='&'> ]]> ��[31m � \U0001f600 �"


def test_a_run_without_anything(config: Any) -> None:
    """No case is no error: an empty suite."""
    root = document(config, [], [])
    assert [suite.attrib["tests"] for suite in root] == ["0"]


def test_a_call_that_broke_off_by_the_assistants_fault_failed(make_record: Any, both_grades: Any, config: Any) -> None:
    """Also where all that was graded is full: the failure says where it broke off."""
    record = make_record(failure=Failure(Stage.RESPONSE_STATUS, "incomplete", "cut short"))
    [case] = document(config, [record], both_grades("case-1", 1, 1, None))[0].findall("testcase")
    assert case[0].tag == "failure"
    assert case[0].attrib["message"] == "broke off, fault assistant"
    assert case[0].text == "response_status: incomplete: cut short"
