"""What a simulated call is held with, from config and data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evalkit.compose.planning import plan
from evalkit.errors import ConfigError, DataError
from evalkit.modes.voice.call_planners import CallPlanner
from evalkit.modes.voice.call_roles import make_turn_judge
from evalkit.modes.voice.dialogue import CallPlan
from evalkit.modes.voice.run import RUN
from evalkit.peers.peers import Peers
from evalkit.peers.pricing import price_table
from evalkit.providers.cache import ContentCache
from evalkit.providers.clients import Clients
from evalkit.realtime.events import DetectionSpec
from evalkit.records.record import ToolCall
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import Prepared, prepare

URL = "http://127.0.0.1:1234/v1"
KEY = {"OPENAI_API_KEY": "sk-x"}


def _prepare(*overrides: str, environ: Any = None) -> Prepared:
    config = plan(["mode=run", *overrides], packaged_source()).jobs[0].config
    return prepare(config, Path.cwd(), environ or {})


def _plan(tmp_path: Path, case_id: str, *overrides: str) -> CallPlan:
    prepared = _prepare(*overrides)
    settings: Any = prepared.settings
    data: Any = prepared.data
    peers = Peers(settings, Clients({}), ContentCache(tmp_path), price_table(settings), URL)
    return CallPlanner(settings, data, peers, make_turn_judge(settings, peers)).plan(
        next(case for case in data.cases if case.case_id == case_id)
    )


def test_a_simulation_brings_its_prompt_tools_and_mocks(tmp_path: Path) -> None:
    """A clinic's call and a shop's call in one run have each its own."""
    clinic = _plan(tmp_path, "sim_clinic_lab_results")
    shop = _plan(tmp_path, "sim_support_order_status")
    assert "check_lab_results" in {tool["name"] for tool in clinic.session.tools}
    assert clinic.session.instructions != shop.session.instructions
    assert shop.url == "ws://127.0.0.1:1234/v1/realtime?model=local-agent"
    call = ToolCall("get_order_status", {"order_id": "48213"}, "", "c1")
    answers = [shop.new_tools().answer(call).output.output for _ in range(2)]
    assert answers[0] == answers[1] != {"status": "Unsupported tool"}


def test_an_assistant_of_the_run_config_stands_in_every_call(tmp_path: Path) -> None:
    """assistant.system_prompt_file wins over each file's own."""
    prompt = tmp_path / "mine.txt"
    prompt.write_text("My own prompt.")
    plan = _plan(tmp_path, "sim_support_order_status", f"assistant.system_prompt_file={prompt}")
    assert plan.session.instructions == "My own prompt."


def test_what_a_caller_does_is_the_configs_or_the_files(tmp_path: Path) -> None:
    """An option holds for every call; without full duplex an option that needs it is refused."""
    duplex = "turn_detection=server_vad"
    plan = _plan(tmp_path, "sim_support_order_status", duplex, "simulator=interrupting")
    assert [rule.act.value for rule in plan.behaviour] == ["interruption"]
    assert _plan(tmp_path, "sim_support_order_status", duplex).behaviour == ()
    with pytest.raises(ConfigError, match=r"simulator\.behaviour: has interruption, but with turn_detection=none"):
        _prepare("simulator=interrupting")


def test_keys_are_pressed_on_a_telephone_only(tmp_path: Path) -> None:
    """A realtime model is refused them in one sentence, whichever way the rule came and whoever takes the turns."""
    rules = "simulator.behaviour=[{act:keypress,keys:'48213#',turns:[1]}]"
    for turns in ("none", "server_vad"):
        with pytest.raises(ConfigError, match=r"simulator\.behaviour: has keypress, but target\.kind=realtime calls a"):
            _prepare(f"turn_detection={turns}", rules)
    line = ("target=media_stream", "target.url=ws://127.0.0.1:8765/ws")
    assert [rule.keys for rule in _plan(tmp_path, "sim_support_order_status", *line, rules).behaviour] == ["48213#"]


def test_another_voice_in_the_room_is_a_voice_that_is_looked_for() -> None:
    """Before the first call, as every voice is."""
    prepared = _prepare("turn_detection=server_vad", "simulator=distracted", "max_examples=1")
    settings: Any = prepared.settings
    data: Any = prepared.data
    voices = {(named.where, named.name) for named in RUN.voices(settings, data)}
    assert ("simulator.behaviour: 'voice'", "ash") in voices


def test_words_that_the_embedded_voice_cannot_say_are_told_before_the_first_call() -> None:
    """Of a rule as of a first turn; a sound that nobody speaks is no word."""
    rules = "simulator.behaviour=[{act:backchannel,words:['嗯。']},{act:vocal_tic,words:['<cough>']}]"
    with pytest.raises(DataError) as caught:
        _prepare("turn_detection=server_vad", rules, "max_examples=1")
    (problem,) = caught.value.problems
    assert problem.startswith("simulator.behaviour: '嗯。' cannot be spoken by the embedded provider")


def test_prompt_replaces_the_persona_and_style_is_laid_over_it(tmp_path: Path) -> None:
    """simulator.prompt and simulator=impatient together."""
    own = _plan(tmp_path, "sim_support_order_status")
    plan = _plan(tmp_path, "sim_support_order_status", "simulator=impatient", "simulator.prompt='You are Ann.'")
    assert own.persona.instructions.startswith("# Facts")
    assert plan.persona.instructions.startswith("You are Ann.\n\n# Style\nYou are in a hurry")
    assert own.fingerprint["simulator"] != plan.fingerprint["simulator"]


def test_tool_mocks_are_replaced_and_overlaid(tmp_path: Path) -> None:
    """A file of mocks stands in place of the simulation's, and the first call fails on top of it."""
    mocks = tmp_path / "mocks.json"
    mocks.write_text('[{"name": "get_order_status", "output": "mine"}]')
    plan = _plan(tmp_path, "sim_support_order_status", "tool_mocks=flaky", f"tool_mocks.mocks_file={mocks}")
    tools = plan.new_tools()
    call = ToolCall("get_order_status", {"order_id": "1"}, "", "c1")
    first, second = tools.answer(call), tools.answer(call)
    assert (first.answered_by, second.output.output) == ("overlay", "mine")


def test_what_decides_a_call_is_in_its_settings(tmp_path: Path) -> None:
    """Another chunk, caller, style or limit is another result; another port is not."""
    overrides = ("chunk_ms=40", "simulator.max_regenerations=0", "max_turns=2", "simulator=rambling", "tool_mocks=slow")
    seen = [
        _plan(tmp_path, "sim_support_order_status", *([one] if one else [])).fingerprint for one in ("", *overrides)
    ]
    assert len({str(fingerprint) for fingerprint in seen}) == len(seen)
    assert "1234" not in str(seen[0])


def test_judges_need_a_model_and_a_key_only_where_somebody_asks_them() -> None:
    """Found before anything starts."""
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        _prepare("provider@judge.provider=openai")
    assert _prepare("provider@judge.provider=openai", environ=KEY).cases


def test_a_judge_of_turns_is_asked_only_where_it_is_wanted(tmp_path: Path) -> None:
    """simulator.judge_turns; who judges is then a setting of the call, and else it is not."""
    plain = _plan(tmp_path, "sim_support_order_status")
    judged = _plan(tmp_path, "sim_support_order_status", "simulator.judge_turns=true")
    assert plain.judge_turn is None
    assert judged.judge_turn is not None
    settings: Any = [plan.fingerprint["simulator"] for plan in (plain, judged)]
    assert [chosen["turn_judge"] and chosen["turn_judge"]["model"] for chosen in settings] == [None, "local-judge"]


def test_the_server_is_asked_to_take_the_turns_as_the_config_says(tmp_path: Path) -> None:
    """None of its keys is sent where the client takes them."""
    case = "sim_support_order_status"
    assert _plan(tmp_path, case).session.turn_detection is None
    server = _plan(tmp_path, case, "turn_detection=server_vad", "turn_detection.silence_duration_ms=800")
    assert server.session.turn_detection == DetectionSpec("server_vad", 0.5, 300, 800)
    semantic = _plan(tmp_path, case, "turn_detection=semantic_vad", "turn_detection.eagerness=high")
    assert semantic.session.turn_detection == DetectionSpec("semantic_vad", eagerness="high")


def test_what_the_server_decides_is_in_the_fingerprint_and_the_line() -> None:
    """A record of one kind never stands for the other; what was recorded before keeps its key."""
    manual, duplex = _prepare(), _prepare("turn_detection=server_vad")
    assert "turn_detection" not in manual.fingerprint(manual.cases[0])
    told: Any = duplex.fingerprint(duplex.cases[0])["turn_detection"]
    assert (told["type"], told["silence_duration_ms"]) == ("server_vad", 500)
    settings: Any = duplex.settings
    data: Any = duplex.data
    assert RUN.describe(settings, data).endswith("real time, full duplex (server_vad)")
    assert RUN.is_paced(settings, data)
