"""The program ``lms``, against one that plays it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from stand_ins import StandInLms

from evalkit.errors import CaseFailure
from evalkit.providers.endpoints import ProviderEndpoint
from evalkit.providers.lms import LmsProgram, find_lms

ENDPOINT = ProviderEndpoint("lmstudio", "http://127.0.0.1:1234/v1")


@pytest.fixture
def program(lms: StandInLms) -> LmsProgram:
    found = find_lms(ENDPOINT)
    assert found is not None
    return found


async def test_models_are_listed_loaded_and_unloaded(program: LmsProgram, lms: StandInLms) -> None:
    """By the exact path, since the program takes the first that looks alike otherwise."""
    listed = {model.key: (model.kind, model.instances) for model in await program.models()}
    assert listed == {"qwen/a": ("llm", ("qwen/a",)), "b": ("llm", ()), "embed-c": ("embedding", ())}
    assert await program.load("b") == "b"
    assert await program.load("qwen/a") == "qwen/a:2"
    await program.unload("qwen/a")
    assert lms.log == ["load b", "load qwen/a", "unload qwen/a"]
    assert lms.models == {"qwen/a": ["qwen/a:2"], "b": ["b"], "embed-c": []}


async def test_what_it_did_not_do_is_a_failure(program: LmsProgram, lms: StandInLms) -> None:
    """Whatever its exit code says; in its own words where it has some."""
    with pytest.raises(CaseFailure, match="lms load"):
        await program.load("nothing")
    lms.hold_on()
    with pytest.raises(CaseFailure, match="lms unload: failed"):
        await program.unload("qwen/a")
    lms.break_down("The server does not appear to be running")
    with pytest.raises(CaseFailure, match="lms ls: The server does not appear to be running"):
        await program.models()


@pytest.mark.parametrize("script", ["echo '{}'", "echo nonsense", "true"])
async def test_a_program_that_says_nonsense_is_a_failure(program: LmsProgram, lms: StandInLms, script: str) -> None:
    """It may be another program of that name."""
    lms.program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    with pytest.raises(CaseFailure, match="lms ls"):
        await program.models()


async def test_a_program_that_hangs_is_ended(
    program: LmsProgram, lms: StandInLms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time, and when nobody waits any more."""
    lms.program.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    monkeypatch.setattr("evalkit.providers.lms._LISTING_TIMEOUT_S", 0.05)
    with pytest.raises(CaseFailure, match=r"no answer within 0\.05 s"):
        await program.models()
    monkeypatch.setattr("evalkit.providers.lms._LISTING_TIMEOUT_S", 60.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await program.models()


def test_it_is_looked_for(lms: StandInLms, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On the search path, else where LM Studio installs it; a server behind TLS is none of its own."""
    assert find_lms(ProviderEndpoint("lmstudio", "https://host/v1")) is None
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert find_lms(ENDPOINT) is None
    own = tmp_path / "home" / ".lmstudio" / "bin"
    own.mkdir(parents=True)
    lms.program.rename(own / "lms")
    assert find_lms(ENDPOINT) is not None
