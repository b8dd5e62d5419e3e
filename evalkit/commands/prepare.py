"""From a composed config to everything a run needs, every problem of config and data found first and at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from evalkit.audio.conformance import Conformance
from evalkit.audio.formats import AudioFormat
from evalkit.commands.fault_plans import settle_faults
from evalkit.commands.pricing import price_table
from evalkit.commands.recordings import examine_recordings, find_recording_problems
from evalkit.commands.replayed import REPLAY, recorded_identity, with_recorded_models
from evalkit.commands.simulations import asks_judge, read_simulations
from evalkit.datasets.cases import load_crawl_cases, load_walk_cases
from evalkit.datasets.files import dataset_manifest, manifest_entry, read_json, read_text
from evalkit.datasets.recordings import Recordings
from evalkit.datasets.tools import load_tools
from evalkit.errors import ConfigError, DataError, UserError
from evalkit.graders.registry import find_grader_problems
from evalkit.mocks.definitions import Mock, parse_mocks
from evalkit.providers.endpoints import Endpoint, find_key_problems, find_url_problems
from evalkit.records.case import Case
from evalkit.records.grade import GraderSpec
from evalkit.records.json import JsonObject
from evalkit.settings.calls import find_open_keys
from evalkit.settings.names import did_you_mean
from evalkit.settings.resolution import find_missing_models, resolve
from evalkit.settings.types import Gate, Provider, RunSettings
from evalkit.settings.validation import find_contradictions, find_problems

T = TypeVar("T")


@dataclass(frozen=True)
class Prepared:
    """A run that may start: its resolved config, and the data it names, read and validated.

    Prompt, tools and recordings are those of crawl and walk; simulated calls carry theirs in each case. `open_keys` are
    the keys that were null before the config was resolved, and which a simulation file may therefore settle.
    """

    config: Mapping[str, Any]
    settings: RunSettings
    cases: tuple[Case, ...]
    recordings: tuple[Conformance, ...]
    mocks: tuple[Mock, ...]
    tools: tuple[JsonObject, ...]
    system_prompt: str
    datasets: tuple[Mapping[str, Any], ...]
    open_keys: frozenset[str] = frozenset()


def prepare(config: Mapping[str, Any], working_dir: Path, environ: Mapping[str, str]) -> Prepared:
    """Return the run that a composed `config` describes. Raises ConfigError or DataError with all problems."""
    prepared = read_run(config, working_dir, environ)
    problems = find_recording_problems(prepared.recordings)
    if problems:
        raise DataError(problems)
    return prepared


def read_run(config: Mapping[str, Any], working_dir: Path, environ: Mapping[str, str]) -> Prepared:
    """Return the same, also when recordings break the bounds of ``conformance``: for who wants to show them all."""
    problems = find_problems(config) or find_contradictions(config)
    if problems:
        raise ConfigError(problems)
    config = with_recorded_models(config, working_dir)
    resolved = resolve(config, working_dir)
    settle_faults(resolved, working_dir)
    settings = RunSettings.from_config(resolved)
    problems = [*_find_role_problems(settings, resolved), *_find_endpoint_problems(settings, environ)]
    _collect(problems, lambda: price_table(settings))
    if problems:
        raise ConfigError(problems)
    if settings.mode.name == "run":
        return _read_calls(settings, resolved, find_open_keys(config), environ)
    return _read_data(settings, resolved)


def endpoint_of(provider: Provider, embedded_url: str | None, *, identity: str = "") -> Endpoint:
    """Return the endpoint of `provider`; `embedded_url` is where the embedded one runs, if it does.

    `identity` is what caches call the embedded one, whose port changes from run to run; a replayed run is called by its
    records for the same reason.
    """
    if provider.name == REPLAY and provider.run is not None:
        identity = f"{REPLAY}:{recorded_identity(provider.run)}"
    base_url = embedded_url if provider.name == "local" else provider.base_url
    return Endpoint(
        name=provider.name,
        base_url=base_url or "",
        api_key_env=provider.api_key_env,
        api_version=provider.api_version,
        identity=identity if provider.name in ("local", REPLAY) else "",
    )


def find_gate_problems(gate: Gate, case_ids: Sequence[str]) -> list[str]:
    """Return a message for every case that must never fail and is not among those that are run."""
    return [
        f"gate.never_fail: {case_id!r} is no case of this run{did_you_mean(case_id, sorted(set(case_ids)))}; "
        f"max_examples and the data decide which are run ({len(set(case_ids))} here)"
        for case_id in gate.never_fail
        if case_id not in case_ids
    ]


def _require_gated_cases(settings: RunSettings, cases: Sequence[Case]) -> None:
    problems = find_gate_problems(settings.gate, [case.case_id for case in cases])
    if problems:
        raise ConfigError(problems)


def _find_role_problems(settings: RunSettings, resolved: Mapping[str, Any]) -> list[str]:
    callers = ("simulator",) if settings.mode.name == "run" else ()
    problems = find_missing_models(resolved, ("assistant", *callers, "speech"))
    if "audio_text_mismatch" in settings.mode.graders and settings.provider.models.transcription is None:
        problems.append(
            "provider.models.transcription: null, but grader audio_text_mismatch listens to the answers; "
            "name a model, or leave the grader out of mode.graders"
        )
    return problems


def _find_endpoint_problems(settings: RunSettings, environ: Mapping[str, str]) -> list[str]:
    providers = [settings.provider, settings.assistant.provider, settings.speech.provider]
    if settings.mode.name == "run":
        providers.append(settings.simulator.provider)
    return _find_problems_of(providers, environ)


def _find_problems_of(providers: Sequence[Provider], environ: Mapping[str, str]) -> list[str]:
    endpoints = [endpoint_of(provider, None) for provider in dict.fromkeys(providers)]
    found = [problem for endpoint in endpoints for problem in find_url_problems(endpoint)]
    found += [problem for endpoint in endpoints for problem in find_key_problems(endpoint, environ)]
    return list(dict.fromkeys(found))


def _read_data(settings: RunSettings, resolved: Mapping[str, Any]) -> Prepared:
    problems: list[str] = []
    prompt_file, tools_file = settings.assistant.system_prompt_file, settings.assistant.tools_file
    if prompt_file is None or tools_file is None:
        raise ConfigError(f"mode={settings.mode.name} needs a prompt and tools; choose an assistant")
    prompt = _collect(problems, lambda: read_text(prompt_file))
    tools = _collect(problems, lambda: load_tools(tools_file))
    recordings = Recordings()
    cases = _collect(problems, lambda: _load_cases(settings, tools, recordings))
    mocks = _collect(problems, lambda: _load_mocks(settings.tool_mocks.mocks_file))
    problems += find_grader_problems([GraderSpec(name, name) for name in settings.mode.graders])
    if problems or prompt is None or tools is None or cases is None or mocks is None:
        raise DataError(problems)
    chosen_cases = tuple(cases[: settings.max_examples])
    _require_gated_cases(settings, chosen_cases)
    heard = [recordings.get(Path(str(case.inputs["audio_path"]))) for case in cases if "audio_path" in case.inputs]
    chosen = [path for path in (settings.tool_mocks.mocks_file, settings.limits.prices_file) if path]
    paths = [settings.mode.data_csv, prompt_file, tools_file, *chosen]
    sounds = {each.path: manifest_entry(each.path, each.sha256, each.size_bytes) for each in heard}
    return Prepared(
        config=resolved,
        settings=settings,
        cases=chosen_cases,
        recordings=examine_recordings(chosen_cases, settings, recordings),
        mocks=mocks,
        tools=tuple(tools),
        system_prompt=prompt,
        datasets=(*dataset_manifest(paths), *sounds.values()),
    )


def _read_calls(
    settings: RunSettings, resolved: Mapping[str, Any], open_keys: frozenset[str], environ: Mapping[str, str]
) -> Prepared:
    problems: list[str] = []
    data = _collect(problems, lambda: read_simulations(settings, open_keys))
    mocks = _collect(problems, lambda: _load_mocks(settings.tool_mocks.mocks_file))
    if problems or data is None or mocks is None:
        raise DataError(problems)
    if any(asks_judge(settings, case) for case in data.cases):
        problems = [*find_missing_models(resolved, ("judge",)), *_find_problems_of([settings.judge.provider], environ)]
        if problems:
            raise ConfigError(problems)
    _require_gated_cases(settings, data.cases)
    chosen = [path for path in (settings.tool_mocks.mocks_file, settings.limits.prices_file) if path]
    return Prepared(
        config=resolved,
        settings=settings,
        cases=data.cases,
        recordings=(),
        mocks=mocks,
        tools=(),
        system_prompt="",
        datasets=tuple(dataset_manifest([*data.paths, *chosen])),
        open_keys=open_keys,
    )


def _load_cases(settings: RunSettings, tools: Sequence[JsonObject] | None, recordings: Recordings) -> list[Case]:
    if settings.mode.name == "walk":
        return load_walk_cases(settings.mode.data_csv, tools, AudioFormat(settings.audio.input_format), recordings)
    return load_crawl_cases(settings.mode.data_csv, tools)


def _load_mocks(path: Path | None) -> tuple[Mock, ...]:
    return () if path is None else parse_mocks(read_json(path), str(path))


def _collect(problems: list[str], read: Callable[[], T]) -> T | None:
    """Return what `read` gives, or None after adding what is wrong to `problems`."""
    try:
        return read()
    except UserError as error:
        problems.extend(error.problems)
        return None
