"""The data of simulated calls, read and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalkit.compose.planning import plan
from evalkit.errors import DataError
from evalkit.modes.voice.run import RUN
from evalkit.modes.voice.settings import SimulationSettings
from evalkit.modes.voice.simulations import call_mocks, grader_specs
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import needs_of, prepare, read_settings

TOOLS = [{"type": "function", "name": "find", "description": "", "parameters": {"type": "object", "properties": {}}}]


def _settings(*overrides: str) -> SimulationSettings:
    config = plan(["mode=run", *overrides], packaged_source()).jobs[0].config
    settings: SimulationSettings = read_settings(config, Path.cwd())[1]
    return settings


def _write(folder: Path, **changes: Any) -> Path:
    """Write an index with one simulation."""
    document = {
        "simulation_id": "one",
        "scenario": "asks",
        "assistant": {"system_prompt_file": "prompt.txt", "tools_file": "tools.json"},
        "simulator": {"system_prompt": "You call."},
        "turns": {"fixed_first_user_turn": "Hi."},
        **changes,
    }
    (folder / "one.json").write_text(json.dumps(document))
    (folder / "prompt.txt").write_text("Help.")
    (folder / "tools.json").write_text(json.dumps(TOOLS))
    index = folder / "index.csv"
    index.write_text("simulation_id,simulation_path\none,one.json\n")
    return index


def test_shipped_simulations_are_read_and_found_right() -> None:
    """All of them, with the files they are made of."""
    data = RUN.read(_settings())
    assert len(data.cases) == 16
    paths = [entry["path"] for entry in data.datasets]
    assert all(Path(path).is_file() for path in paths)
    assert len(set(paths)) == len(paths) > 16


def test_each_overruled_file_has_one_note() -> None:
    """The two of the older format name hosted models, which the embedded provider has not."""
    notes = RUN.read(_settings()).notes
    assert [note.split(":")[0] for note in notes] == ["sim_old_gift_card", "sim_old_return"]


def test_a_case_keeps_its_own_graders_and_gets_the_configs_beside(tmp_path: Path) -> None:
    """Unless it applies that type itself, under whatever name."""
    graders = {"trace_level": [{"id": "mine", "type": "tool_call"}, {"id": "polite", "criteria": "is polite"}]}
    settings = _settings(f"mode.data_csv={_write(tmp_path, graders=graders)}")
    (case,) = RUN.read(settings).cases
    specs = grader_specs(settings, case)
    assert [spec.grader_id for spec in specs] == ["tool_call_args", "mine", "polite"]
    assert needs_of(specs) == {"judge"}
    assert [mock.name for mock in call_mocks(case)] == []


@pytest.mark.parametrize("wanted", [True, False])
def test_a_judge_of_the_callers_turns_is_a_judge_to_ask(tmp_path: Path, wanted: bool) -> None:
    """Also where no grader needs one, so that its model and key are looked for before anything starts."""
    judged = f"simulator.judge_turns={str(wanted).lower()}"
    settings = _settings(f"mode.data_csv={_write(tmp_path)}", judged)
    (case,) = RUN.read(settings).cases
    assert needs_of(grader_specs(settings, case)) == frozenset()
    assert ("judge" in RUN.needs(settings)) is wanted


def test_mocks_and_graders_of_all_files_are_checked_at_once(tmp_path: Path) -> None:
    """Each problem names the file and the place in it."""
    index = _write(
        tmp_path,
        tool_mocks=[{"name": "fnd", "output": {}}],
        graders={"turn_level": [{"id": "a", "type": "contians"}, {"id": "b", "type": "regex"}]},
    )
    with pytest.raises(DataError) as caught:
        prepare(plan(["mode=run", f"mode.data_csv={index}"], packaged_source()).jobs[0].config, Path.cwd(), {})
    problems = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 3
    assert f"{tmp_path / 'one.json'}: 'tool_mocks': mock #1: 'name': no tool is called 'fnd'" in problems
    assert "did you mean 'contains'" in problems
    assert "option 'pattern' is required" in problems


def test_a_simulation_that_presses_keys_needs_a_telephone(tmp_path: Path) -> None:
    """Of its own rules; where the run config has others they are not used, and a telephone line takes them."""
    rules = {"system_prompt": "You call.", "behaviour": [{"act": "keypress", "keys": "1#"}]}
    index = f"mode.data_csv={_write(tmp_path, simulator=rules)}"
    (problem,) = RUN.read(_settings(index, "turn_detection=server_vad")).problems
    assert problem == (
        f"{tmp_path / 'one.json'}: 'simulator.behaviour': has keypress, but target.kind=realtime calls a model, and "
        "only a telephone has keys; take target=media_stream, or leave keypress out"
    )
    assert RUN.read(_settings(index, "turn_detection=server_vad", "simulator.behaviour=[]")).problems == ()
    line = ("target=media_stream", "target.url=ws://127.0.0.1:8765/ws")
    assert RUN.read(_settings(index, *line)).problems == ()
