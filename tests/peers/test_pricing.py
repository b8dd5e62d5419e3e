"""The prices a run goes by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.compose.planning import plan
from evalkit.errors import DataError
from evalkit.peers.pricing import price_table
from evalkit.providers.prices import Prices
from evalkit.records.record import Usage
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import read_settings
from evalkit.settings.resources import resource_dir

ASKED = Usage(input_tokens=1_000_000, input_text_tokens=1_000_000, output_tokens=0)


def _table(*overrides: str) -> Prices:
    return price_table(read_settings(plan(overrides, packaged_source()).jobs[0].config, Path.cwd())[1])


def _write(path: Path, dollars: float) -> Path:
    shipped = json.loads((resource_dir("data") / "prices.json").read_text(encoding="utf-8"))
    model = {"text_input": dollars, "text_cached_input": dollars, "text_output": dollars}
    path.write_text(json.dumps({**shipped, "as_of": "2030-01-01", "models": {"house-model": model}}), encoding="utf-8")
    return path


def test_the_shipped_prices_hold_where_the_run_has_none_of_its_own(tmp_path: Path) -> None:
    """A model that both have costs what the run's own table says; the others keep their price."""
    shipped = _table()
    own = _table(f"limits.prices_file={_write(tmp_path / 'prices.json', 3.0)}")
    assert shipped.cost_usd(ASKED, "house-model") is None
    assert own.cost_usd(ASKED, "house-model") == pytest.approx(3.0)
    assert own.cost_usd(ASKED, "gpt-4.1-mini") == shipped.cost_usd(ASKED, "gpt-4.1-mini")
    assert shipped.cost_usd(ASKED, "gpt-4.1-mini") is not None


def test_what_runs_in_the_embedded_provider_is_free() -> None:
    """Whatever its models are called; the same name elsewhere has no price."""
    text = ("mode=coding", "assistant.model=oracle")
    assert _table(*text).cost_usd(ASKED, "oracle") == 0
    assert (
        _table(*text, "provider=compatible", "provider.base_url=http://127.0.0.1:1/v1").cost_usd(ASKED, "oracle")
        is None
    )


def test_a_file_that_is_no_table_is_named(tmp_path: Path) -> None:
    """Before anything is spent."""
    path = tmp_path / "prices.json"
    path.write_text("[]")
    with pytest.raises(DataError, match=r"prices\.json"):
        _table(f"limits.prices_file={path}")


def test_a_chat_brain_is_free_only_where_a_model_ships() -> None:
    """What somebody else's endpoint is asked for has the price that the table gives it, or none that is known."""
    brain = ("mode=run", "service.brain=chat", "service.brain_url=http://127.0.0.1:1/v1")
    table = _table(*brain, "assistant.model=qwen3", "simulator.model=local-caller")
    assert table.cost_usd(ASKED, "qwen3") is None
    assert table.cost_usd(ASKED, "local-caller") == 0
    assert _table(*brain, "assistant.model=gpt-4.1-mini").cost_usd(ASKED, "gpt-4.1-mini") == pytest.approx(0.4)
