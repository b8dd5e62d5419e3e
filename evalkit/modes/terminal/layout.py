"""How the results of terminal sessions look: columns, what stands in the summary, and the sessions on a run's page."""

from __future__ import annotations

from pathlib import Path

from evalkit.modes.terminal.session_page import show_session, show_sessions
from evalkit.records.layout import Breakdown, PageSection, ResultLayout, RowUnit, SummarySetting

_HERE = Path(__file__).parent

_COLUMNS = (
    "case_id", "title", "category", "agent", "agent_version", "transport", "turn_index", "user_text", "user_action",
    "reactor_id", "agent_text", "stop", "turn_end_signal", "files_changed", "tool_calls", "status", "failure_stage",
    "error_type", "error_message", "recording_path", "transcript_path", "diff_path", "gateway_log_path",
    "latency_first_output_ms", "latency_turn_done_ms", "model_calls", "input_tokens", "output_tokens",
)  # fmt: skip

TERMINAL_LAYOUT = ResultLayout(
    mode="terminal",
    columns=_COLUMNS,
    case_columns=("title", "category"),
    setting_columns=("agent", "agent_version", "transport"),
    row_unit=RowUnit.TURN,
    own_columns=("trial", "fault", "cost_usd", "served_model", "passed"),
    graders_first=True,
    latency_columns=("latency_first_output_ms", "latency_turn_done_ms"),
    token_columns=("output_tokens", "input_tokens"),
    settings=(
        SummarySetting("agent", "agent.name"),
        SummarySetting("transport", "agent.transport"),
        SummarySetting("model", "assistant.model"),
        SummarySetting("data_csv", "mode.data_csv"),
    ),
    answer_latency="latency_turn_done_ms",
    simulated_user=True,
    breakdowns=(Breakdown("category"),),
    outcome_column="stop",
    case_sections=(PageSection("Session", _HERE / "sessions.html.j2", show_session, style=_HERE / "sessions.css"),),
    page_sections=(
        PageSection(
            "Sessions",
            _HERE / "sessions.html.j2",
            show_sessions,
            script=_HERE / "sessions.js",
            style=_HERE / "sessions.css",
        ),
    ),
)
