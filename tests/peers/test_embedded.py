"""Jobs find the shared service by the engines it was started with."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from evalkit.compose.planning import plan
from evalkit.peers import embedded, shared_addresses
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import prepare
from evalkit.settings.types import ServiceSettings
from evalkit.store.host import host_identity

_listens = embedded._listens
ENGINES = ServiceSettings("rules", None, 0.0, speech="hibari", transcription="whisper")
OTHERS = ServiceSettings("rules", None, 0.0, speech="pico", transcription="whisper")
FAULTY = ServiceSettings("rules", "stall", 0.0, speech="hibari", transcription="whisper")


class FakeChild:
    """Stands for a service that is never reached."""

    started = 0

    def __init__(self) -> None:
        FakeChild.started += 1
        self.models = ("local-agent",)
        self.url = f"http://127.0.0.1:{FakeChild.started}/v1"

    def __enter__(self) -> FakeChild:
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture(autouse=True)
def _no_real_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVALKIT_SERVICES", raising=False)
    monkeypatch.setattr(embedded, "_start", lambda *_: FakeChild())
    monkeypatch.setattr(embedded, "_listens", lambda _: True)
    monkeypatch.setattr(FakeChild, "started", 0)


def test_one_service_for_all_jobs_with_the_same_engines() -> None:
    """A sweep over models starts one, a sweep over voices one for each."""
    with embedded.shared_services([ENGINES, ENGINES, OTHERS]) as models:
        assert models == {"local-agent"}
        assert FakeChild.started == 2
        with embedded.service_url(ENGINES, needed=True) as first, embedded.service_url(OTHERS, needed=True) as second:
            assert first != second
        assert FakeChild.started == 2


def test_brains_that_are_asked_differently_have_a_service_each() -> None:
    """A sweep over temperatures."""
    cold, warm = (replace(ENGINES, brain="chat", brain_options={"temperature": degree}) for degree in (0, 1))
    with embedded.shared_services([cold, warm, cold]):
        assert FakeChild.started == 2


def test_each_fault_plan_has_a_service_of_its_own() -> None:
    """A sweep over plans never lets a clean job meet a faulty peer."""
    with embedded.shared_services([ENGINES, FAULTY, FAULTY]):
        assert FakeChild.started == 2
        with embedded.service_url(ENGINES, needed=True) as clean, embedded.service_url(FAULTY, needed=True) as faulty:
            assert clean != faulty


def test_one_that_is_gone_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that outlives the line that has shared it, in a queue of this machine, starts its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        monkeypatch.setattr(embedded, "_listens", _listens)
        shared = {"host": host_identity(), "shared": {embedded._name(ENGINES): {"url": url, "models": []}}}
        monkeypatch.setenv("EVALKIT_SERVICES", json.dumps(shared))
        with embedded.service_url(ENGINES, needed=True) as found:
            assert found == url
    with embedded.service_url(ENGINES, needed=True) as found:
        assert found == "http://127.0.0.1:1/v1"


def test_a_job_elsewhere_starts_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a shared one in its environment."""
    with embedded.service_url(ENGINES, needed=True) as url:
        assert url == "http://127.0.0.1:1/v1"


def test_a_hosted_run_starts_none() -> None:
    """No role is local, so nothing is served."""
    with embedded.service_url(ENGINES, needed=False) as url:
        assert url is None
    assert FakeChild.started == 0


def test_the_environment_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also when there was a shared one before."""
    monkeypatch.setenv("EVALKIT_SERVICES", json.dumps({"x": "y"}))
    with embedded.shared_services([ENGINES]):
        pass
    assert embedded.os.environ["EVALKIT_SERVICES"] == json.dumps({"x": "y"})


def test_a_service_that_was_shared_with_us_is_shared_on() -> None:
    """A sweep inside of whatever started a service already starts none of the same engines."""
    with embedded.shared_services([ENGINES]), embedded.shared_services([ENGINES, OTHERS]):
        assert FakeChild.started == 2
        with embedded.service_url(ENGINES, needed=True) as url:
            assert url == "http://127.0.0.1:1/v1"
    assert FakeChild.started == 2


def test_the_loopback_address_of_another_machine_is_of_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that a cluster runs elsewhere starts a service of its own, though the address came with it."""
    with embedded.shared_services([ENGINES]):
        monkeypatch.setattr(shared_addresses, "host_identity", lambda: "another")
        with embedded.service_url(ENGINES, needed=True) as url:
            assert url == "http://127.0.0.1:2/v1"


@pytest.mark.parametrize(
    ("line", "engines"),
    [
        ([], {"speech", "transcription"}),
        (["assistant.model=local-echo", "mode.graders=[tool_call]"], {"speech"}),
        (["assistant.model=local-echo", "mode.graders=[tool_call,audio_text_mismatch]"], {"speech", "transcription"}),
        (["provider@assistant.provider=openai", "assistant.model=m", "mode.graders=[tool_call]"], {"speech"}),
        (["provider=openai"], set()),
    ],
)
def test_engines_are_started_by_need(line: list[str], engines: set[str]) -> None:
    """A run that hears nothing here loads no recogniser, a hosted one loads nothing."""
    config = plan(line, packaged_source()).jobs[0].config
    assert prepare(config, Path.cwd(), {"OPENAI_API_KEY": "sk-x"}).engines == engines
