"""The results of crawl, walk and run: first the columns that readers of the cookbook's files expect, in their order."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.compose.planning import plan
from evalkit.modes.registry import find_mode
from evalkit.modes.voice.layouts import CRAWL_LAYOUT, RUN_LAYOUT, WALK_LAYOUT
from evalkit.records.layout import ResultLayout
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import read_settings
from evalkit.settings.schemas import key_at

LAYOUTS = (CRAWL_LAYOUT, WALK_LAYOUT, RUN_LAYOUT)
MODES = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.mode)


@MODES
def test_a_mode_has_the_layout_that_bears_its_name(layout: ResultLayout) -> None:
    """Records and summaries carry that name."""
    assert find_mode(layout.mode).layout is layout


@MODES
def test_no_column_stands_twice(layout: ResultLayout) -> None:
    """Neither in the first block nor between the blocks."""
    columns = layout.columns_with(["tool_call", "polite"])
    assert len(columns) == len(set(columns))


@MODES
def test_latencies_and_tokens_that_get_percentiles_are_columns(layout: ResultLayout) -> None:
    """What a picture or a gate names can be looked up in the table."""
    columns = layout.columns_with([])
    assert set(layout.latency_columns) <= set(columns)
    assert set(layout.token_columns) <= set(columns)
    assert layout.answer_latency in layout.latency_columns


@MODES
def test_what_stands_flat_in_a_summary_is_a_key_of_the_mode(layout: ResultLayout) -> None:
    """A setting that no key sets is written as what it always is."""
    for setting in layout.settings:
        assert not setting.path or key_at(setting.path, layout.mode), setting


@MODES
def test_the_default_gate_names_a_latency_of_the_mode(layout: ResultLayout) -> None:
    """So that gate.max_latency_ms alone is a complete gate."""
    config = plan([f"mode={layout.mode}"], packaged_source()).jobs[0].config
    assert read_settings(config, Path.cwd())[1].gate.latency_column in layout.latency_columns


def test_a_walk_has_a_crawls_columns_but_for_where_the_sound_is() -> None:
    """The recording stands where the spoken file stood."""
    renamed = tuple("audio_path" if name == "input_audio_path" else name for name in CRAWL_LAYOUT.columns)
    assert renamed == WALK_LAYOUT.columns
    assert CRAWL_LAYOUT.columns[:3] == ("example_id", "user_text", "assistant_text")


def test_a_calls_rows_are_its_turns_and_its_graders_come_first() -> None:
    """The other two have a row per case-trial."""
    assert [layout.has_row_per_turn for layout in LAYOUTS] == [False, False, True]
    columns = RUN_LAYOUT.columns_with(["polite"])
    assert columns.index("polite_grade") < columns.index("trial")
    assert RUN_LAYOUT.columns[:4] == ("simulation_id", "assistant_model", "simulator_model", "turn_index")
