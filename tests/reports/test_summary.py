"""summary.json: flat, complete, honest about n."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from layouts import layout_of

from evalkit.compose.planning import plan
from evalkit.records.case import Case
from evalkit.records.faults import Failure, Stage
from evalkit.reports.history import PriceDates, RunHistory
from evalkit.reports.rows import build_table
from evalkit.reports.summary import RunFacts, summarize
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import read_settings


def summary_of(config: Any, records: Any, grades: Any = ()) -> dict[str, Any]:
    mode = config["mode"]["name"]
    table = build_table(layout_of(mode), config, records, grades, lambda path: path)
    return summarize(RunFacts("nightly", config, "abc"), table, records, grades)


METRICS = ("grade", "passed", "tool_call_correctness", "tool_call_arg_correctness")
GRADES = " ".join(f"{metric}_{part}" for metric in METRICS for part in ("mean", "n", "ci95"))
GRADERS = (
    "tool_call_grade_mean tool_call_grade_n tool_call_grade_ci95 tool_call_args_grade_mean tool_call_args_grade_n "
    "tool_call_args_grade_ci95"
)
NUMBERS = (
    "latency_first_audio_ms latency_first_text_ms latency_response_done_ms latency_voice_to_voice_ms output_tokens "
    "output_audio_tokens output_text_tokens input_tokens"
)
OURS = (
    "planned finished n trials pass_at_k pass_hat_k pass_k_cases noise_floor excluded blame score_bounds cost_usd "
    "cost_usd_total price_date"
)
ENDING = "pacing publishable_latencies publishable_latencies_reason ungraded concurrency config_sha256 gates"


@pytest.mark.parametrize(
    ("mode", "counts"),
    [
        ("crawl", "total_examples failed_examples"),
        ("walk", "total_examples failed_examples"),
        ("run", "total_rows failed_simulations"),
    ],
)
def test_the_keys_of_each_mode(make_record: Any, both_grades: Any, config: Any, mode: str, counts: str) -> None:
    """The golden list: names and order, with one case that has everything but two latencies."""
    config["mode"]["name"] = mode
    found = summary_of(config, [make_record(mode=mode)], both_grades("case-1", 1, 1))
    callers = ["simulator"] if mode == "run" else []
    distributions = [f"{name}_{part}" for name in NUMBERS.split() for part in ("avg", "p50", "p95", "p99", "n")]
    assert list(found) == [
        "run_name",
        "mode",
        *counts.split(),
        *GRADES.split(),
        *GRADERS.split(),
        *(setting.key for setting in layout_of(mode).settings),
        *distributions,
        *OURS.split(),
        *callers,
        *ENDING.split(),
    ]


def test_settings_stand_flat_and_are_never_null(config: Any) -> None:
    """Values come from the config; what it leaves open is a word, 0 or false, not null."""
    found = summary_of(config, [])
    assert found["model"] == "model-a"
    assert found["tts_model"] == "tts-a"
    assert found["output_audio_format"] == "g711_ulaw"
    assert found["real_time"] is False
    for mode in ("crawl", "walk", "run"):
        bare = summary_of({"mode": {"name": mode}, "assistant": {"model": None}}, [])
        assert not [setting.key for setting in layout_of(mode).settings if bare[setting.key] is None]
    assert summary_of({**config, "mode": {"name": "walk"}}, [])["max_output_tokens"] == 0


def test_means_counts_and_intervals(make_record: Any, both_grades: Any, config: Any) -> None:
    """Three of four right calls, two of three right arguments, one case without arguments."""
    records = [make_record(f"c{index}") for index in range(4)]
    outcomes = [(1, 1), (1, 0), (0, None), (1, 1)]
    grades = [grade for index, pair in enumerate(outcomes) for grade in both_grades(f"c{index}", *pair)]
    found = summary_of(config, records, grades)
    assert (found["tool_call_correctness_mean"], found["tool_call_correctness_n"]) == (0.75, 4)
    assert found["tool_call_arg_correctness_mean"] == pytest.approx(2 / 3)
    assert (found["grade_mean"], found["grade_n"]) == (0.5, 4)
    assert found["grade_ci95"] == [pytest.approx(0.15, abs=0.001), pytest.approx(0.85, abs=0.001)]
    assert found["latency_first_audio_ms_p50"] == 100.0
    assert found["cost_usd"] == {"assistant": 1.0, "speech": 0.5}


def test_a_lost_case_is_excluded_counted_and_bounded(
    make_record: Any, make_turn: Any, lost: Any, both_grades: Any, config: Any
) -> None:
    """It is in no mean, not even its latencies, and never a grade of 0."""
    late = replace(lost, turns=(make_turn(latencies={"latency_first_audio_ms": 9e9}),))
    grades = [*both_grades("case-1", 1, 1), *both_grades("case-lost", None, None)]
    found = summary_of(config, [make_record(), late], grades)
    assert (found["total_examples"], found["failed_examples"], found["n"]) == (2, 1, 1)
    assert found["grade_mean"] == 1.0
    assert found["latency_first_audio_ms_avg"] == 100.0
    assert found["excluded"] == {"infrastructure": 1}
    assert found["score_bounds"] == [0.5, 1.0]


def test_an_assistants_own_failure_counts(make_record: Any, both_grades: Any, config: Any) -> None:
    """A case that the assistant failed is failed and graded, not excluded."""
    silent = make_record("c2", failure=Failure(Stage.RESPONSE_EMPTY, "empty", "nothing"))
    found = summary_of(config, [make_record(), silent], [*both_grades("case-1", 1, 1), *both_grades("c2", 0, 0, None)])
    assert (found["failed_examples"], found["n"], found["excluded"]) == (1, 2, {})
    assert found["grade_mean"] == 0.5


def test_a_run_that_lost_everything(lost: Any, both_grades: Any, config: Any) -> None:
    """No mean at all: `grade_mean` is left out, other means are null, and the bounds say 0 to 1."""
    found = summary_of(config, [lost], both_grades("case-lost", None, None, None))
    assert "grade_mean" not in found
    assert found["tool_call_correctness_mean"] is None
    assert found["tool_call_grade_mean"] is None
    assert found["latency_first_audio_ms_avg"] is None
    assert (found["n"], found["score_bounds"]) == (0, [0.0, 1.0])


def test_blame_is_by_fault_and_stage(make_record: Any, lost: Any, config: Any) -> None:
    """Of all that broke off, also what counts; the commonest stage of a fault first."""
    silent = [
        make_record(f"c{number}", failure=Failure(stage, "kind", "words"))
        for number, stage in enumerate((Stage.RESPONSE_EMPTY, Stage.RESPONSE_TIMEOUT, Stage.RESPONSE_TIMEOUT))
    ]
    found = summary_of(config, [make_record(), lost, *silent])
    assert found["blame"] == {
        "assistant": {"response_timeout": 2, "response_empty": 1},
        "infrastructure": {str(lost.failure.stage): 1},
    }
    assert list(found["blame"]["assistant"]) == ["response_timeout", "response_empty"]


def test_an_empty_run(config: Any) -> None:
    """Before the first case has ended there is a summary, with nothing in it."""
    found = summary_of(config, [])
    assert (found["total_examples"], found["n"], found["score_bounds"]) == (0, 0, None)
    assert (found["pass_at_k"], found["excluded"], found["cost_usd"], found["pacing"]) == ({}, {}, {}, None)


def test_trials_say_how_reliable_a_pass_is(make_record: Any, both_grades: Any, config: Any) -> None:
    """Two cases, three trials: one always passes, the other once."""
    records = [make_record(case_id, trial) for case_id in ("a", "b") for trial in (1, 2, 3)]
    passed = {"a": 1, "a.t2": 1, "a.t3": 1, "b": 1, "b.t2": 0, "b.t3": 0}
    grades = [grade for key, value in passed.items() for grade in both_grades(key, value, value)]
    found = summary_of({**config, "trials": 3}, records, grades)
    assert found["pass_at_k"] == {"1": pytest.approx(2 / 3), "2": pytest.approx(5 / 6), "3": 1.0}
    assert found["pass_hat_k"] == {"1": pytest.approx(2 / 3), "2": 0.5, "3": 0.5}
    assert found["pass_k_cases"] == {"1": 2, "2": 2, "3": 2}
    assert found["trials"] == 3


def test_a_dialogue_passes_when_all_its_graded_turns_do(
    make_record: Any, make_turn: Any, both_grades: Any, config: Any
) -> None:
    """`grade` is over simulations: the lowest of the turns; the other means are over rows."""
    config["mode"]["name"] = "run"
    record = make_record(mode="run", turns=tuple(make_turn(index) for index in (1, 2, 3)))
    grades = [
        *both_grades("case-1", 1, 1, 1),
        *both_grades("case-1", 0, None, 2),
        *both_grades("case-1", None, None, 3),
    ]
    found = summary_of(config, [record], grades)
    assert (found["grade_mean"], found["grade_n"]) == (0.0, 1)
    assert (found["tool_call_correctness_mean"], found["tool_call_correctness_n"]) == (0.5, 2)
    assert (found["total_rows"], found["n"]) == (3, 1)


LATE = {"lateness_p50_ms": 0.1, "lateness_p99_ms": 25.0, "lateness_max_ms": 40.0}
GOOD = {"lateness_p50_ms": 0.3, "lateness_p99_ms": 2.0, "lateness_max_ms": 3.0}


def test_latencies_of_the_embedded_provider_are_never_publishable(
    make_record: Any, make_turn: Any, config: Any
) -> None:
    """It answers from memory what it has heard before."""
    local = {**config, "real_time": True, "assistant": {**config["assistant"], "provider": {"name": "local"}}}
    found = summary_of(local, [make_record("a", turns=(make_turn(measures=GOOD),))])
    assert found["publishable_latencies"] is False
    assert "embedded provider" in found["publishable_latencies_reason"]
    for kind in ("media_stream", "gemini_live"):  # which are called in its place
        elsewhere = summary_of(
            {**local, "target": {"kind": kind}}, [make_record("a", turns=(make_turn(measures=GOOD),))]
        )
        assert elsewhere["publishable_latencies"] is True


@pytest.mark.parametrize(
    ("real_time", "measures", "publishable", "reason"),
    [
        (True, [GOOD, GOOD], True, ""),
        (True, [GOOD, LATE], False, "chunks were sent late: p99 25.0 ms, more than 20 ms"),
        (True, [{}], False, "no chunk of sound was timed"),
        (False, [GOOD], False, "real_time is false"),
    ],
)
def test_latencies_are_publishable_only_when_the_sound_was_sent_in_time(
    make_record: Any, make_turn: Any, config: Any, real_time: bool, measures: Any, publishable: bool, reason: str
) -> None:
    """The worst turn's p99 decides, and the reason is said."""
    records = [make_record(f"c{index}", turns=(make_turn(measures=given),)) for index, given in enumerate(measures)]
    found = summary_of({**config, "real_time": real_time}, records)
    assert found["publishable_latencies"] is publishable
    assert found["publishable_latencies_reason"].startswith(reason)
    assert bool(reason) == bool(found["publishable_latencies_reason"])


@pytest.mark.parametrize(
    ("configured", "held", "expected"),
    [(False, [True, True], True), (False, [True, False], False), (True, [True], True), (True, [], True)],
)
def test_real_time_is_what_held(
    make_record: Any, make_turn: Any, config: Any, configured: bool, held: list[bool], expected: bool
) -> None:
    """A simulation's own pacing counts, not the run's, which left it open; a run that was paced in part was not."""
    records = [
        make_record(f"c{index}", settings={"real_time": paced}, turns=(make_turn(measures=GOOD),))
        for index, paced in enumerate(held)
    ]
    found = summary_of({**config, "real_time": configured}, records)
    assert found["real_time"] is expected
    assert found["publishable_latencies_reason"].startswith("real_time is false") is not expected


def test_pacing_is_that_of_all_turns(make_record: Any, make_turn: Any, config: Any) -> None:
    """Median of medians, worst p99, worst of all."""
    records = [make_record(f"c{index}", turns=(make_turn(measures=given),)) for index, given in enumerate([LATE, GOOD])]
    assert summary_of(config, records)["pacing"] == {
        "lateness_p50_ms": pytest.approx(0.2), "lateness_p99_ms": 25.0, "lateness_max_ms": 40.0,
    }  # fmt: skip


def test_how_many_ran_at_once_is_told(make_record: Any, config: Any) -> None:
    """The most that was allowed, the fewest there were, and each change with its reason."""
    changes = [{"at_s": 1.5, "limit": 2, "reason": "429"}, {"at_s": 9.0, "limit": 3, "reason": "2 went well"}]
    records = [make_record("c1")]
    facts = RunFacts("r", {**config, "concurrency": 4}, "0", history=RunHistory(concurrency=changes))
    table = build_table(layout_of("crawl"), config, records, [], str)
    assert summarize(facts, table, records, [])["concurrency"] == {"most": 4, "fewest": 2, "changes": changes}


def test_a_mode_without_sound_needs_no_pacing(make_record: Any) -> None:
    """Where nothing is paced, nothing speaks against its latencies."""
    found = summary_of({"mode": {"name": "quiz"}, "seed": 0}, [make_record(mode="quiz")])
    assert (found["publishable_latencies"], found["mode"], found["model"]) == (True, "quiz", "")


def test_the_same_records_give_the_same_summary(
    make_record: Any, make_turn: Any, both_grades: Any, config: Any
) -> None:
    """Intervals are resampled with the run's seed."""
    records = [
        make_record(f"c{index}", turns=(make_turn(latencies={"latency_first_audio_ms": 100.0 + index**2}),))
        for index in range(9)
    ]
    grades = [grade for index in range(9) for grade in both_grades(f"c{index}", index % 2, 1)]
    assert summary_of(config, records, grades) == summary_of(config, records, grades)
    other = summary_of({**config, "seed": 1}, records, grades)
    assert other["latency_first_audio_ms_ci95"] != summary_of(config, records)["latency_first_audio_ms_ci95"]


def test_percentiles_have_intervals_where_there_are_enough_values(
    make_record: Any, make_turn: Any, config: Any
) -> None:
    """Of ten latencies the median has one; p95 and p99 have none, and their keys are left out, not null."""
    records = [
        make_record(f"c{index}", turns=(make_turn(latencies={"latency_first_audio_ms": 100.0 + index}),))
        for index in range(10)
    ]
    found = summary_of(config, records)
    assert found["latency_first_audio_ms_p50_ci95"] == [101.0, 108.0]
    assert "latency_first_audio_ms_p95_ci95" not in found
    assert "latency_first_audio_ms_p99_ci95" not in found
    assert "output_tokens_p50_ci95" not in found


def test_the_noise_floor(make_record: Any, both_grades: Any, make_grade: Any, config: Any) -> None:
    """Every metric that has a value has its parts; the judge's votes are told apart by the newest poll."""
    records = [make_record(f"c{case}", trial) for case in range(4) for trial in (1, 2)]
    grades = [grade for record in records for grade in both_grades(record.key, float(record.trial == 1), None)]
    polls = [["pass", "fail", "none"], ["pass", "pass", "fail"]]
    grades += [make_grade("c0", "polite", 1, judge={"verdicts": poll}) for poll in polls]
    floor = summary_of(config, records, grades)["noise_floor"]
    assert (floor["alpha"], floor["power"]) == (0.05, 0.8)
    assert list(floor["metrics"]) == ["passed", "grade", "tool_call_correctness", "polite_grade"]
    grade = floor["metrics"]["grade"]
    assert (grade["cases"], grade["values"], grade["between_trials"], grade["between_cases"]) == (4, 8, 0.5, 0.0)
    assert set(grade["smallest_detectable_difference"]) == {"paired", "unpaired"}
    assert floor["metrics"]["polite_grade"]["between_votes"] == pytest.approx(1 / 3)


def test_what_a_run_cost_in_all(make_record: Any, make_grade: Any, config: Any) -> None:
    """The sum over roles, listening and unanswered questions included; null as soon as one price is unknown."""
    heard = make_grade("case-1", "wer", 1, cost_usd={"transcription": 0.5})
    silent = make_grade("case-1", "polite", None, judge={"cost_usd": 0.0625}, in_force=False)
    table = build_table(layout_of("crawl"), config, [make_record()], [heard], str)
    history = RunHistory(PriceDates((("2026", "2026-01-01"),)), [silent])
    facts = RunFacts("nightly", config, "abc", history=history)
    found = summarize(facts, table, [make_record()], [heard])
    assert found["cost_usd"] == {"assistant": 0.25, "judge": 0.0625, "speech": 0.125, "transcription": 0.5}
    assert (found["cost_usd_total"], found["price_date"]) == (0.9375, "2026-01-01")
    assert summary_of(config, [make_record(cost_usd={"assistant": None})])["cost_usd_total"] is None
    assert summary_of(config, [])["cost_usd_total"] == 0


def test_gates_are_judged_in_the_summary(make_record: Any, both_grades: Any, config: Any) -> None:
    """What was found, what is allowed, and whether it is reached."""
    config["gate"] = {"min_grade": 0.5, "bound": "point"}
    found = summary_of(config, [make_record()], both_grades("case-1", 1, 0))
    assert found["gates"] == [
        {
            "gate": "gate.min_grade",
            "found": 0.0,
            "allowed": 0.5,
            "passed": False,
            "reason": "gate.min_grade: passed_mean is 0.000, below 0.5",
        }
    ]


def test_a_thousand_cases_are_summed_up_quickly(make_record: Any, make_grade: Any, config: Any) -> None:
    """1,000 cases with ten graders, two of them measures: well below the ten seconds that a loaded machine may take."""
    import time

    records = [make_record(f"c{index}") for index in range(1000)]
    grades = [
        make_grade(record.key, f"g{grader}", float(index % 3 > 0) if grader < 8 else index % 17 / 17)
        for index, record in enumerate(records)
        for grader in range(10)
    ]
    began = time.monotonic()
    assert summary_of(config, records, grades)["g9_grade_n"] == 1000
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("mode", ["crawl", "walk", "run"])
def test_no_promised_word_is_empty_in_a_shipped_config(mode: str) -> None:
    """Readers of the cookbook's files refuse an empty `voice`: where nobody chose one, it is the model's default."""
    composed = plan([f"mode={mode}"], packaged_source()).jobs[0].config
    _, settings = read_settings(composed, Path.cwd())
    found = summary_of(settings.config, [])
    words = {setting.key: found[setting.key] for setting in layout_of(mode).settings}
    assert not [key for key, value in words.items() if value in ("", None)]
    assert words.get("voice", "default") == "default"


def test_a_call_passes_only_with_its_required_judge(
    make_record: Any, both_grades: Any, make_grade: Any, config: Any
) -> None:
    """`grade` stays what it is promised to be; everything that goes by a pass goes by the judge as well."""
    config["mode"]["name"] = "run"
    config["gate"] = {"min_grade": 0.75, "bound": "point"}
    required = ("tool_call", "tool_call_args", "polite")
    records = [make_record(case=Case(name, "run", {}, required_graders=required)) for name in ("a", "b")]
    grades = [grade for name in ("a", "b") for grade in both_grades(name, 1, 1)]
    grades += [make_grade("a", "polite", 1, None), make_grade("b", "polite", 0, None)]
    found = summary_of(config, records, grades)
    assert (found["grade_mean"], found["passed_mean"], found["passed_n"]) == (1.0, 0.5, 2)
    assert (found["pass_at_k"], found["score_bounds"]) == ({"1": 0.5}, [0.5, 0.5])
    assert found["gates"][0]["reason"] == "gate.min_grade: passed_mean is 0.500, below 0.75"


def test_a_mode_without_calls_is_graded_by_what_passed(make_record: Any, make_grade: Any, config: Any) -> None:
    """A quiz has no key of tool calls, sound or voices, and its `grade` is the share that passed."""
    cases = [Case(f"q{n}", "quiz", {"question": "2 + 2?"}, required_graders=("contains", "kind")) for n in range(4)]
    grades = [make_grade(case.case_id, "contains", 1) for case in cases]
    grades += [make_grade(case.case_id, "kind", float(n > 0)) for n, case in enumerate(cases)]
    quiz = {"mode": {"name": "quiz", "data_csv": "quiz.csv"}, "assistant": {"model": "m"}, "seed": 0}
    found = summary_of(quiz, [make_record(case=case) for case in cases], grades)
    assert (found["grade_mean"], found["passed_mean"], found["contains_grade_mean"]) == (0.75, 0.75, 1.0)
    assert (found["model"], found["data_csv"], found["total_examples"]) == ("m", "quiz.csv", 4)
    assert not [key for key in found if re.search("tool_call|audio|voice|chunk|simulator", key)]
