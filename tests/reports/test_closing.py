"""The table that closes a run."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from layouts import layout_of
from rich.console import Console
from turn_taking_notes import interrupted

from evalkit.records.case import Case
from evalkit.reports.closing import closing_table
from evalkit.reports.rows import build_table
from evalkit.reports.summary import RunFacts, summarize


def shown(config: Any, records: Any, grades: Any) -> str:
    table = build_table(layout_of(config["mode"]["name"]), config, records, grades, lambda path: path)
    screen = io.StringIO()
    summary = summarize(RunFacts("[red]nightly", config, "abc"), table, records, grades)
    Console(width=110, file=screen).print(closing_table(summary, table.layout, records))
    return screen.getvalue()


def test_it_says_grades_latency_faults_and_cost(make_record: Any, lost: Any, both_grades: Any, config: Any) -> None:
    """Everything a person wants to know, with n, and names taken literally."""
    records = [make_record("a"), make_record("b", cost_usd={"assistant": None}), lost]
    grades = [*both_grades("a", 1, 1), *both_grades("b", 1, 0), *both_grades("case-lost", None, None)]
    text = shown(config, records, grades)
    for expected in ("[red]nightly", "passed", "0.500", "0.095 to 0.905", "first_audio", "1 infrastructure", "unknown"):
        assert expected in text
    assert "2 counted, 1 broke off" in text
    assert lost.failure is not None
    words = " ".join(text.split())
    assert f"(first {lost.failure.error_type}: {lost.failure.message}); results.csv says why, case by case" in words
    assert "passed 0.333 to 0.667" in text
    assert "tool_call_grade" not in text


def test_trials_are_told(make_record: Any, both_grades: Any, config: Any) -> None:
    """With trials, pass@k and pass^k stand below."""
    records = [make_record("a", 1), make_record("a", 2)]
    text = shown({**config, "trials": 2}, records, [*both_grades("a", 1, 1), *both_grades("a.t2", 0, 0)])
    assert "of 2 trials: one passes 1.000, all pass 0.000" in text


def test_an_empty_run_has_a_table_too(config: Any) -> None:
    """Nothing graded is a dash."""
    text = shown(config, [], [])
    assert "0 counted, 0 broke off" in text
    assert "-" in text


def test_a_latency_gate_over_unpublishable_latencies_is_told(make_record: Any, make_turn: Any, config: Any) -> None:
    """Passing it says little; the table does not keep quiet about that."""
    records = [make_record("a", turns=(make_turn(latencies={"latency_first_audio_ms": 10.0}),))]
    gate = {"max_latency_ms": 500, "latency_column": "latency_first_audio_ms", "latency_percentile": 50}
    text = shown({**config, "real_time": False, "gate": gate}, records, [])
    assert "latencies are not comparable" in text
    assert "gate.max_latency_ms was held" in text


def test_a_grader_that_could_be_applied_to_nothing_is_named(
    make_record: Any, make_grade: Any, both_grades: Any, lost: Any, config: Any
) -> None:
    """With its commonest reason; one that graded a single case is not, and neither is what a lost case has not got."""
    records = [make_record("a"), make_record("b"), lost]
    reason = "not graded: transcribe is not available in this run"
    grades = [make_grade(key, "audio_text_mismatch", None, rationale=reason, unanswered=True) for key in "ab"]
    grades += [*both_grades("a", 1, 1), *both_grades("b", 1, None), make_grade("case-lost", "polite", None)]
    text = " ".join(shown(config, records, grades).split())
    assert f"graded nothing: audio_text_mismatch ({reason})" in text
    assert text.count("graded nothing") == 1
    many = [make_grade("a", f"grader_{number}", None) for number in range(9)]
    assert "graded nothing: 4 graders more" in shown(config, records[:1], many)


def test_a_mode_without_calls_and_sound_shows_neither(make_record: Any, make_turn: Any, make_grade: Any) -> None:
    """What a quiz found, and not one empty line."""
    turn = make_turn(latencies={"latency_first_text_ms": 12.0})
    case = Case("q", "quiz", {"question": "2 + 2?"}, required_graders=("contains",))
    text = shown({"mode": {"name": "quiz"}}, [make_record(case=case, turns=(turn,))], [make_grade("q", "contains", 1)])
    assert "contains_grade" in text
    assert "first_text" in text
    assert not [word for word in ("tool_call", "audio", "voice", "nan", "None") if word in text]


def test_of_many_grades_those_that_say_something_are_shown(
    make_record: Any, make_grade: Any, both_grades: Any, config: Any
) -> None:
    """Where each case has checks of its own, those that are full are counted."""
    grades = [make_grade("a", f"check_{number}", 1) for number in range(20)]
    grades += [make_grade("a", "bad", 0), *both_grades("a", 1, 1)]
    text = " ".join(shown(config, [make_record("a")], grades).split())
    assert "passed" in text
    assert "bad_grade" in text
    assert "check_3_grade" not in text
    assert "further grades are 1 throughout" in text


def test_turn_taking_is_told_where_there_is_any(make_record: Any, config: Any) -> None:
    """The metrics that have events, with what must be read beside them; a call that cannot be read is named."""
    calls = [interrupted(0.5), interrupted(0.5), interrupted(3.0)]
    records = [make_record(f"c{n}", notes={"turn_taking": notes}) for n, notes in enumerate(calls)]
    lines = shown(config, [*records, make_record("bad", notes={"turn_taking": {}})], []).splitlines()

    def line_of(name: str) -> str:
        return next(line for line in lines if name in line)

    assert "2 of 3" in line_of("yield_rate")
    assert "1.00 s" in line_of("yield_latency")
    assert "-" in line_of("backchannel_selectivity")
    assert "bad: its turn-taking cannot be read (KeyError: 'caller')" in lines
    assert not [line for line in lines if "vocal_tic_selectivity" in line]
    assert "turn-taking" not in shown(config, [make_record()], [])


def test_turns_that_the_server_cut_are_told(make_record: Any, make_turn: Any, config: Any) -> None:
    """With where to find them; nothing is said where none was."""
    notes = interrupted(0.5)
    notes["caller"][0]["turn_index"] = 1
    turns = [(make_turn(1, measures={"detected_turns": count}),) for count in (2.0, 1.0)]
    records = [make_record(f"c{n}", turns=turn, notes={"turn_taking": notes}) for n, turn in enumerate(turns)]
    text = " ".join(shown(config, records, []).split())
    assert "cut by the server: 1 of 2 turns of the caller; detected_turns in results.csv says which" in text
    assert "cut by the server" not in shown(config, records[1:], [])


def test_arguments_that_were_misheard_are_told(make_record: Any, make_grade: Any, config: Any) -> None:
    """Beside those that were misunderstood; nothing is said where every word was heard and no argument lost."""

    def grade(key: str, given: float, **details: Any) -> Any:
        return replace(make_grade(key, "tool_call_args", given), details={"argument_words": 5, **details})

    records = [make_record(key) for key in ("a", "b", "c")]
    grades = [
        grade("a", 0, misheard_words=2, arguments_lost="misheard"),
        grade("b", 0, misheard_words=0, arguments_lost="misunderstood"),
        grade("c", 1, misheard_words=0),
    ]
    told = (
        "arguments: lost in 1 case-trials because they were misheard, in 1 because they were misunderstood; 2 of 15 "
        "words that carry them were misheard"
    )
    assert told in " ".join(shown(config, records, grades).split())
    assert "arguments:" not in shown(config, records, [grades[2]])
