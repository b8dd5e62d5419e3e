"""The order of columns and the flat settings are a promise, letter by letter."""

from __future__ import annotations

import pytest
from layouts import QUIZ, layout_of

from evalkit.records.layout import ResultLayout, RowUnit

OURS = (
    "trial chunk_ms fault latency_voice_to_voice_ms input_audio_ms output_audio_ms input_tokens cost_usd served_model "
    "passed"
)
DUPLEX = (
    "response_latency_ms yield_latency_ms yielded interrupted_caller overlap_ms detected_turns "
    "speech_holes speech_holes_ms"
)
HEARING = "heard_text argument_words misheard_words arguments_lost"
CRAWL = (
    "example_id user_text assistant_text gt_tool_call pred_tool_call tool_call_correctness gt_tool_call_arg "
    "pred_tool_call_arg tool_call_arg_correctness grade tool_calls status failure_stage error_type error_message "
    "event_log_path input_audio_path output_audio_path latency_first_audio_ms latency_first_text_ms "
    "latency_response_done_ms output_tokens output_audio_tokens output_text_tokens"
)
RUN = (
    "simulation_id assistant_model simulator_model turn_index user_text assistant_text gt_tool_call pred_tool_call "
    "tool_call_correctness gt_tool_call_arg pred_tool_call_arg tool_call_arg_correctness tool_calls tool_outputs "
    "status failure_stage error_type error_message user_audio_path assistant_audio_path latency_first_audio_ms "
    "latency_first_text_ms latency_response_done_ms output_tokens output_audio_tokens output_text_tokens event_log_path"
)
CRAWL_SETTINGS = (
    "model tts_model voice chunk_ms sample_rate_hz input_audio_format output_audio_format real_time data_csv "
    "system_prompt_file tools_file"
)
WALK_SETTINGS = (
    "model voice chunk_ms sample_rate_hz input_audio_format output_audio_format output_sample_rate_hz "
    "max_output_tokens real_time data_csv system_prompt_file tools_file"
)
RUN_SETTINGS = (
    "assistant_model_default simulator_model_default input_audio_format output_audio_format chunk_ms sample_rate_hz "
    "real_time data_csv voice"
)


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("crawl", f"{CRAWL} {OURS} {DUPLEX} {HEARING} x_grade x_rationale"),
        ("walk", f"{CRAWL} {OURS} {DUPLEX} {HEARING} x_grade x_rationale".replace("input_audio_path", "audio_path")),
        ("run", f"{RUN} x_grade x_rationale {OURS} {DUPLEX} {HEARING}"),
    ],
)
def test_columns_of_each_mode(mode: str, wanted: str) -> None:
    """The contract's columns in the contract's order."""
    assert layout_of(mode).columns_with(["x"]) == tuple(wanted.split())


@pytest.mark.parametrize("mode", ["crawl", "walk", "run", "quiz"])
def test_no_column_stands_twice(mode: str) -> None:
    """A name means one column."""
    columns = layout_of(mode).columns_with(["one", "two"])
    assert len(columns) == len(set(columns))


def test_each_grader_has_a_grade_and_a_rationale() -> None:
    """Two columns a grader, side by side."""
    bare = ResultLayout("m", ("case_id",), own_columns=(), latency_columns=(), token_columns=())
    assert bare.columns_with(["a", "b"]) == ("case_id", "a_grade", "a_rationale", "b_grade", "b_rationale")


def test_what_is_measured_is_in_the_table_wherever_the_mode_put_it() -> None:
    """A latency or tokens that a mode does not place stand before evalkit's own columns; none stands twice."""
    layout = ResultLayout("m", ("case_id", "output_tokens"), own_columns=("trial", "input_tokens"))
    assert layout.columns_with([]) == (
        "case_id", "output_tokens", "latency_first_text_ms", "latency_response_done_ms", "trial", "input_tokens",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "wanted"), [("crawl", CRAWL_SETTINGS), ("walk", WALK_SETTINGS), ("run", RUN_SETTINGS)]
)
def test_settings_of_each_summary(mode: str, wanted: str) -> None:
    """The flat settings of the contract, in its order."""
    assert [setting.key for setting in layout_of(mode).settings] == wanted.split()


def test_what_a_row_is_and_what_grade_is_about() -> None:
    """Only a dialogue has a row per turn; only a mode whose columns grade tool calls has a `grade` about them."""
    modes = ("crawl", "walk", "run", "quiz")
    assert [layout_of(mode).row_unit for mode in modes] == [RowUnit.CASE, RowUnit.CASE, RowUnit.TURN, RowUnit.CASE]
    assert [layout_of(mode).has_row_per_turn for mode in modes] == [False, False, True, False]
    assert [layout_of(mode).grades_calls for mode in modes] == [True, True, True, False]
    assert QUIZ.page_sections == ()
