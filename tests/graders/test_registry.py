"""All grader types, and the check of what a config asks of them."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from evalkit.graders.registry import GRADER_TYPES, find_grader_problems
from evalkit.records.grade import GraderSpec


def test_every_type_says_what_it_is() -> None:
    """Each type has a version, a one-line summary, described options with valid schemas, and stands under its name."""
    for name, grader in GRADER_TYPES.items():
        assert grader.name == name
        assert grader.version
        assert grader.summary.endswith(".")
        for option, schema in grader.options.items():
            Draft202012Validator.check_schema(schema)
            assert schema["description"], option
        assert set(grader.required) | set(grader.one_required) <= set(grader.options)


def test_the_types_of_the_contract_are_there() -> None:
    """A renamed or lost type is noticed; an installed package may add its own."""
    assert set(GRADER_TYPES) >= {
        "tool_call", "tool_call_args", "tool_sequence", "no_duplicate_calls", "contains", "not_contains", "regex",
        "latency", "audio_text_mismatch", "wer", "stt_then_text", "llm_as_judge", "instruction_following",
    }  # fmt: skip


def test_good_specs_have_no_problems() -> None:
    """What the documentation shows is accepted."""
    specs = [
        GraderSpec("calls", "tool_call", {"repeats_allowed": True}),
        GraderSpec("once", "no_duplicate_calls", {"repeatable": ["get_time"]}),
        GraderSpec("polite", "contains", {"texts": ["please"], "ignore_case": True}),
        GraderSpec("id", "regex", {"pattern": r"\d+"}),
        GraderSpec("fast", "latency", {"max_ms": 800}),
        GraderSpec("said", "stt_then_text", {"contains": ["48213"]}),
    ]
    assert find_grader_problems(specs) == []


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("tool_cal", {}, "type 'tool_cal' is not one of "),
        ("tool_cal", {}, "did you mean 'tool_call'?"),
        ("contains", {}, "option 'texts' is required by type 'contains'"),
        ("no_duplicate_calls", {"repeatable": "a"}, "option 'repeatable': 'a' is not of type 'array'"),
        ("tool_call", {"repeats_allowed": "no"}, "option 'repeats_allowed': 'no' is not of type 'boolean'"),
        ("contains", {"texts": []}, "option 'texts': "),
        ("contains", {"texts": "one"}, "option 'texts': 'one' is not of type 'array'"),
        ("regex", {"pattern": "("}, "option 'pattern': '(' is not a 'regex'"),
        ("latency", {"max_ms": 0}, "option 'max_ms': 0 is less than or equal to the minimum of 0"),
        ("latency", {"max_ms": 9, "min": 1}, "type 'latency' has no option 'min' (it has: metric, max_ms)"),
        ("stt_then_text", {}, "option 'contains' or 'not_contains' or 'regex' is required"),
        ("wer", {"speaker": "nobody"}, "option 'speaker': 'nobody' is not one of ['assistant', 'user']"),
    ],
)
def test_a_problem_names_grader_option_and_what_is_allowed(kind: str, options: dict[str, Any], message: str) -> None:
    """Each mistake gives a message that a person can act on."""
    assert any(message in problem and "grader 'mine'" in problem for problem in problems(kind, options))


def problems(kind: str, options: dict[str, Any]) -> list[str]:
    return find_grader_problems([GraderSpec("mine", kind, options)])


def test_all_problems_come_at_once() -> None:
    """Two graders with one id and a bad option each: three messages."""
    specs = [GraderSpec("x", "contains"), GraderSpec("x", "latency", {"max_ms": "soon"})]
    assert len(find_grader_problems(specs)) == 3
