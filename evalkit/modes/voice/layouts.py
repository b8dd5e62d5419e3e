"""The results of crawl, walk and run: first the columns that readers of the Realtime evals cookbook's files expect."""

from __future__ import annotations

from dataclasses import replace

from evalkit.records.layout import ResultLayout, RowUnit, SummarySetting

_EXPECTED = (
    "gt_tool_call",
    "pred_tool_call",
    "tool_call_correctness",
    "gt_tool_call_arg",
    "pred_tool_call_arg",
    "tool_call_arg_correctness",
)
_OUTCOME = ("status", "failure_stage", "error_type", "error_message")
_MEASURED = (
    "latency_first_audio_ms",
    "latency_first_text_ms",
    "latency_response_done_ms",
    "output_tokens",
    "output_audio_tokens",
    "output_text_tokens",
)
_CRAWL_COLUMNS = (
    "example_id", "user_text", "assistant_text", *_EXPECTED, "grade", "tool_calls", *_OUTCOME,
    "event_log_path", "input_audio_path", "output_audio_path", *_MEASURED,
)  # fmt: skip
_WALK_COLUMNS = tuple("audio_path" if column == "input_audio_path" else column for column in _CRAWL_COLUMNS)
_RUN_COLUMNS = (
    "simulation_id", "assistant_model", "simulator_model", "turn_index", "user_text", "assistant_text", *_EXPECTED,
    "tool_calls", "tool_outputs", *_OUTCOME, "user_audio_path", "assistant_audio_path", *_MEASURED, "event_log_path",
)  # fmt: skip
_OWN_COLUMNS = (
    "trial",
    "chunk_ms",
    "fault",
    "latency_voice_to_voice_ms",
    "input_audio_ms",
    "output_audio_ms",
    "input_tokens",
    "cost_usd",
    "served_model",
    "passed",
)
_DUPLEX_COLUMNS = (
    "response_latency_ms",
    "yield_latency_ms",
    "yielded",
    "interrupted_caller",
    "overlap_ms",
    "detected_turns",
)
_LINE_COLUMNS = ("speech_holes", "speech_holes_ms")
_HEARING_COLUMNS = ("heard_text", "argument_words", "misheard_words", "arguments_lost")
_LATENCY_COLUMNS = (
    "latency_first_audio_ms",
    "latency_first_text_ms",
    "latency_response_done_ms",
    "latency_voice_to_voice_ms",
)
_WRITTEN_LATENCY_COLUMNS = ("latency_first_text_ms", "latency_response_done_ms")
_TOKEN_COLUMNS = ("output_tokens", "output_audio_tokens", "output_text_tokens", "input_tokens")

_MODEL = SummarySetting("model", "assistant.model")
_VOICE = SummarySetting("voice", "assistant.voice", "default")
_CHUNK_MS = SummarySetting("chunk_ms", "chunk_ms", 0)
_SAMPLE_RATE_HZ = SummarySetting("sample_rate_hz", "audio.sample_rate_hz", 0)
_FORMATS = (
    SummarySetting("input_audio_format", "audio.input_format"),
    SummarySetting("output_audio_format", "audio.output_format"),
)
_INPUT = SummarySetting("input", "input", "voice")
_REAL_TIME = SummarySetting("real_time", "real_time", missing=False)
_DATA_CSV = SummarySetting("data_csv", "mode.data_csv")
_FILES = (
    _DATA_CSV,
    SummarySetting("system_prompt_file", "assistant.system_prompt_file"),
    SummarySetting("tools_file", "assistant.tools_file"),
)


def _layout(
    mode: str,
    columns: tuple[str, ...],
    settings: tuple[SummarySetting, ...],
    *,
    row_unit: RowUnit = RowUnit.CASE,
    graders_first: bool = False,
) -> ResultLayout:
    return ResultLayout(
        mode=mode,
        columns=columns,
        row_unit=row_unit,
        own_columns=(*_OWN_COLUMNS, *_DUPLEX_COLUMNS, *_LINE_COLUMNS, *_HEARING_COLUMNS),
        graders_first=graders_first,
        latency_columns=_LATENCY_COLUMNS,
        token_columns=_TOKEN_COLUMNS,
        settings=settings,
        answer_latency="latency_first_audio_ms",
        simulated_user=row_unit is RowUnit.TURN,
    )


CRAWL_LAYOUT = _layout(
    "crawl",
    _CRAWL_COLUMNS,
    (_MODEL, SummarySetting("tts_model", "speech.model"), _VOICE, _CHUNK_MS, _SAMPLE_RATE_HZ, *_FORMATS, _REAL_TIME,
     *_FILES),
)  # fmt: skip
WALK_LAYOUT = _layout(
    "walk",
    _WALK_COLUMNS,
    (_MODEL, _VOICE, _CHUNK_MS, _SAMPLE_RATE_HZ, *_FORMATS,
     SummarySetting("output_sample_rate_hz", "audio.output_sample_rate_hz", 0),
     SummarySetting("max_output_tokens", "", 0), _REAL_TIME, *_FILES),
)  # fmt: skip
RUN_LAYOUT = _layout(
    "run",
    _RUN_COLUMNS,
    (SummarySetting("assistant_model_default", "assistant.model"),
     SummarySetting("simulator_model_default", "simulator.model"),
     *_FORMATS, _CHUNK_MS, _SAMPLE_RATE_HZ, _REAL_TIME, _DATA_CSV, _VOICE),
    row_unit=RowUnit.TURN,
    graders_first=True,
)  # fmt: skip
WRITTEN_CRAWL_LAYOUT = replace(
    CRAWL_LAYOUT,
    latency_columns=_WRITTEN_LATENCY_COLUMNS,
    answer_latency="latency_first_text_ms",
    settings=(_MODEL, _INPUT, *_FILES),
)
WRITTEN_RUN_LAYOUT = replace(
    RUN_LAYOUT,
    latency_columns=_WRITTEN_LATENCY_COLUMNS,
    answer_latency="latency_first_text_ms",
    settings=(
        SummarySetting("assistant_model_default", "assistant.model"),
        SummarySetting("simulator_model_default", "simulator.model"),
        _INPUT,
        _DATA_CSV,
    ),
)
