"""`evalkit check` says what would run and take, and all that a run would stumble over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.cli import main
from evalkit.commands import check
from evalkit.commands.run import main as run_main
from evalkit.compose.planning import plan
from evalkit.errors import ConfigError
from evalkit.peers.embedded import shared_services
from evalkit.runner.jobs import packaged_source
from evalkit.service.offered import offered_models
from evalkit.settings.resources import resource_dir
from evalkit.settings.types import ServiceSettings

ENGINES: dict[str, Any] = {
    **dict.fromkeys(ServiceSettings.__dataclass_fields__),
    "speech": "pico",
    "transcription": "pocketsphinx",
    "brain": "rules",
    "keep_alive_s": 0.0,
}


def _check(capsys: pytest.CaptureFixture[str], *overrides: str) -> tuple[int, str]:
    code = main(["check", *overrides])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_the_forecast_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Cases, minutes, tokens and a range of dollars, with the day of the prices."""
    code, said = _check(capsys, "max_examples=3", "trials=2")
    assert code == 0
    assert "forecast: 3 cases, 6 case-trials; callers speak" in said
    assert "forecast cost $0.00" in said
    prices = json.loads((resource_dir("data") / "prices.json").read_text(encoding="utf-8"))
    assert f"prices of {prices['as_of']}" in said


def test_a_hosted_forecast_has_a_price_an_unknown_model_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown stays unknown, with the least that is known; and a limit that will not do is told."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    _, known = _check(capsys, "provider=openai", "max_examples=3", "limits.max_cost_usd=0.0001")
    assert "forecast cost $" in known
    assert "warning: this costs more than limits.max_cost_usd=0.0001 allows" in known
    _, unknown = _check(capsys, "provider=openai", "assistant.model=of-tomorrow", "max_examples=3")
    assert "forecast cost unknown, at least $" in unknown
    assert "no full price is known for assistant of-tomorrow" in unknown


def test_a_model_that_the_embedded_provider_does_not_have_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """Before a run is: with the nearest name, and without starting anything."""
    code, said = _check(capsys, "assistant.model=local-agnet")
    assert code == 2
    assert "assistant.model: 'local-agnet' is not a model of the embedded provider; did you mean 'local-agent'?" in said


def test_what_is_told_is_what_the_service_has() -> None:
    """The list that `check` goes by is the running service's own."""
    with shared_services([ServiceSettings(**ENGINES)]) as models:
        assert offered_models() == models


def test_what_is_hardly_meant_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Tools that are answered by no mock, and a prompt with nothing in it; neither is an error."""
    empty = tmp_path / "prompt.txt"
    empty.write_text("\n")
    code, said = _check(capsys, "max_examples=1", "mode.answer_tools=true", f"assistant.system_prompt_file={empty}")
    assert code == 0
    assert "warning: mode.answer_tools=true without mocks" in said
    assert f"warning: assistant.system_prompt_file: {empty} is empty" in said


def test_a_printed_config_names_files(capsys: pytest.CaptureFixture[str]) -> None:
    """-c job shows where the data is, not how the config says it."""
    assert run_main(["-c", "job"]) == 0
    said = capsys.readouterr().out
    assert "${" not in said
    assert str(resource_dir("data") / "crawl" / "support.csv") in said


def test_an_address_is_asked_for_with_an_example() -> None:
    """No regular expression for an answer."""
    with pytest.raises(ConfigError) as caught:
        plan(["provider=compatible", "provider.base_url=localhost:8080"], packaged_source())
    assert "'https://example.com/v1'" in str(caught.value)
    assert "^" not in str(caught.value)


def test_a_search_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    """Why there is none, and what to do instead."""
    assert main(["-m", "hydra/sweeper=optuna", "seed=1,2"]) == 2
    assert "a search does not" in capsys.readouterr().err


def test_a_judge_that_is_none_is_found_before_it_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and no list of a hundred reasons."""
    assert main(["calibrate", "judge.model=local-jugde"]) == 2
    captured = capsys.readouterr()
    assert "judge.model: 'local-jugde' is not a model of the embedded provider" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["speech.voice=nobody"], "speech.voice: 'nobody' is not a voice of the embedded provider; it has marin,"),
        (["assistant.voice=mari"], "assistant.voice: 'mari' is not a voice of the embedded provider; did you mean"),
        (["mode=walk", "assistant.voice=nobody"], "assistant.voice: 'nobody' is not a voice"),
        (["mode=run", "simulator.voice=nobody"], "simulator.voice: 'nobody' is not a voice"),
        (["mode=run", "simulator.kind=text", "speech.voice=nobody"], "speech.voice: 'nobody' is not a voice"),
    ],
)
def test_a_voice_that_the_embedded_provider_does_not_have_is_found(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    overrides: list[str],
    message: str,
) -> None:
    """By check, and by a run before it starts anything."""
    monkeypatch.chdir(tmp_path)
    for line in (["check", *overrides], overrides):
        assert main([*line, "max_examples=1"]) == 2
        captured = capsys.readouterr()
        assert captured.err.count("\n") == 1
        assert message in captured.err
    assert list(tmp_path.iterdir()) == []


def test_a_voice_of_another_provider_is_its_own_business(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the embedded provider's voices are known here; a text caller is spoken by the speech role, not by itself."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert _check(capsys, "provider@speech.provider=openai", "speech.voice=nova", "max_examples=1")[0] == 0
    text_caller = ["mode=run", "simulator.kind=text", "provider@speech.provider=openai", "simulator.voice=nova"]
    assert _check(capsys, *text_caller)[0] == 0
    assert _check(capsys, *text_caller, "simulator.kind=realtime")[0] == 2


def test_a_text_that_the_embedded_voice_cannot_say_is_found(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By check, and by a run before it starts anything; another provider may well say it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cases.csv"
    header = "example_id,user_text,gt_tool_call,gt_tool_call_arg"
    path.write_text(f"{header}\ngreeting,\u4f60\u597d,,\n", encoding="utf-8")
    for command in (["check"], []):
        assert main([*command, f"mode.data_csv={path}"]) == 2
        assert f"{path}: greeting: column 'user_text': '\u4f60\u597d' cannot be spoken" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]
    assert _check(capsys, f"mode.data_csv={path}", "provider@speech.provider=openai")[0] == 0


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("assistant", "voice", "nobody", "assistant.voice: 'nobody' is not a voice of the embedded provider"),
        (
            "turns",
            "fixed_first_user_turn",
            "\u4f60\u597d",
            "turns.fixed_first_user_turn: '\u4f60\u597d' cannot be spoken by the embedded provider",
        ),
    ],
)
def test_what_the_embedded_voice_cannot_do_is_found_in_the_simulations_file(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    key: str,
    value: str,
    message: str,
) -> None:
    """A voice where the config leaves the choice to the file, and the words that open the call."""
    monkeypatch.chdir(tmp_path)
    assert main(["new", "mine", "mode=run"]) == 0
    (path, *_) = sorted((tmp_path / "mine").glob("sim_*.json"))
    simulation = json.loads(path.read_text(encoding="utf-8"))
    simulation[part][key] = value
    path.write_text(json.dumps(simulation), encoding="utf-8")
    monkeypatch.chdir(tmp_path / "mine")
    code, said = _check(capsys, "--config-dir", "conf", "experiment=mine")
    assert code == 2
    assert f"{path}: {message}" in said


def test_recordings_are_not_begun_with_a_voice_that_is_not_there(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """`evalkit voice` answers before it starts the embedded provider or makes a folder."""
    output = tmp_path / "made" / "walk.csv"
    assert main(["voice", "voice.voices=[marin,nobody]", f"voice.output_csv={output}", "max_examples=1"]) == 2
    assert "voice.voices: 'nobody' is not a voice of the embedded provider" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_gate_that_will_be_missed_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is paid for, and without an error: what is wrong with the gate may be meant to be seen."""
    code, said = _check(capsys, "max_examples=1", "gate.min_grade=0.5", "mode.graders=[]")
    assert code == 0
    assert "warning: gate.min_grade=0.5 will be missed" in said


def _document(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = main(["check", "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def test_all_of_it_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    """Jobs with the config that they compose, warnings, and the forecast in numbers."""
    code, told = _document(capsys, "-m", "chunk_ms=20,60", "max_examples=2", "gate.max_latency_ms=900")
    assert code == 0
    assert (told["multirun"], told["problems"]) == (True, [])
    assert [job["config"]["chunk_ms"] for job in told["jobs"]] == [20, 60]
    assert told["jobs"][0]["says"].startswith("crawl, 2 cases x 1 trials")
    assert told["jobs"][0]["resolved"]["assistant"]["model"] == "local-agent"
    assert (told["forecast"]["cases"], told["forecast"]["cost_usd"]) == (4, [0.0, 0.0])
    low, high = told["forecast"]["input_tokens"]
    assert 0 < low < high
    assert "gate.max_latency_ms=900 is about latencies that are not comparable" in told["warnings"][0]


def test_problems_in_the_document_name_their_keys(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Those of the line, of a job, and of a file that a key names; the jobs that compose are told all the same."""
    code, told = _document(capsys, "max_examples=0", "provider=opena", "nonsense=1")
    assert (code, told["jobs"], told["forecast"]) == (2, [], None)
    assert [problem["key"] for problem in told["problems"]] == ["max_examples", "provider", None]
    code, told = _document(capsys, f"mode.data_csv={tmp_path / 'gone.csv'}")
    assert (code, len(told["jobs"]), told["jobs"][0]["resolved"]) == (2, 1, None)
    assert [(problem["key"], problem["job"]) for problem in told["problems"]] == [("mode.data_csv", 0)]
    code, told = _document(capsys, "assistant.model=no-such-model", "max_examples=1")
    assert (code, told["problems"][0]["key"]) == (2, "assistant.model")


def test_a_stored_run_is_checked_as_it_would_be_repeated(
    capsys: pytest.CaptureFixture[str], make_run: Callable[..., Any]
) -> None:
    """Its own config is the base, not what is shipped today."""
    run = make_run("stored", "chunk_ms=40")
    code, told = _document(capsys, "--rerun", str(run.root), "max_examples=2")
    assert (code, told["problems"]) == (0, [])
    assert told["jobs"][0]["config"]["chunk_ms"] == 40
    assert told["forecast"]["cases"] == 2


def test_proving_can_be_left_out(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes minutes where every task is built."""
    monkeypatch.setattr(check, "_prove", lambda _: pytest.fail("it was proved"))
    code, told = _document(capsys, "--unproved", "mode=coding", "mode.tasks=[go_expert_lru_cache]")
    assert (code, told["forecast"]["cases"]) == (0, 1)
    code, said = _check(capsys, "--unproved", "mode=coding", "mode.tasks=[go_expert_lru_cache]")
    assert code == 0
    assert "forecast: 1 cases" in said
