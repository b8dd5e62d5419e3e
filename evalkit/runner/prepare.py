"""From a composed config to everything a run needs, every problem of config and data found first and at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from evalkit.datasets.files import dataset_manifest
from evalkit.datasets.ids import find_unsafe_ids
from evalkit.errors import ConfigError, DataError, UserError, collecting
from evalkit.graders.registry import GRADER_TYPES, find_grader_problems
from evalkit.modes.mode import Mode, ModeData, NamedVoice
from evalkit.modes.registry import mode_of
from evalkit.peers.endpoints import find_endpoint_problems
from evalkit.peers.fault_plans import settle_faults
from evalkit.peers.pricing import price_table
from evalkit.peers.replayed import with_recorded_models
from evalkit.peers.served import find_llm_problems, find_thinking_problems, llms_of, service_of, settle_llms
from evalkit.records.case import Case, CaseTrial
from evalkit.records.grade import GraderSpec
from evalkit.records.json import JsonObject, content_sha256
from evalkit.runner.jobs import Plan
from evalkit.service.offered import offered_models, offered_voices
from evalkit.settings.dotenv import adopt_keys
from evalkit.settings.names import did_you_mean
from evalkit.settings.resolution import find_missing_models, resolve
from evalkit.settings.roles import ROLES
from evalkit.settings.types import GateSettings, RoleSettings, RunSettings, ServiceSettings
from evalkit.settings.validation import find_contradictions, find_problems


@dataclass(frozen=True)
class Prepared:
    """A run that may start: its mode, its settings, and the data it names, read and validated.

    `datasets` has path and sha256 of every file that was read. `known` keeps what was found out about it; jobs that
    differ in idle keys alone have the same.
    """

    mode: Mode[Any, Any]
    settings: RunSettings
    data: ModeData
    datasets: tuple[Mapping[str, Any], ...]
    known: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def config(self) -> Mapping[str, Any]:
        """The resolved config, as ``config.yaml`` stores it."""
        return self.settings.config

    @property
    def cases(self) -> tuple[Case, ...]:
        """What is run, in order."""
        return self.data.cases

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all case-trials."""
        trials = range(1, self.settings.trials + 1)
        return tuple(CaseTrial(case, trial, self.settings.seed).key for case in self.cases for trial in trials)

    def graders(self, case: Case) -> Sequence[GraderSpec]:
        """Return how a case is graded."""
        return self.mode.graders(self.settings, case)

    def fingerprint(self, case: Case) -> JsonObject:
        """Return the settings that decide a case's record."""
        return self.mode.fingerprint(self.settings, self.data, case)

    @property
    def grader_needs(self) -> frozenset[str]:
        """What its graders ask for: ``judge``, ``transcribe``."""
        if "grader_needs" not in self.known:
            asked = needs_of(spec for case in self.cases for spec in self.graders(case))
            self.known["grader_needs"] = asked - self.mode.unused_services
        needs: frozenset[str] = self.known["grader_needs"]
        return needs

    @property
    def engines(self) -> frozenset[str]:
        """The engines of the embedded provider that roles or graders will use."""
        settings = self.settings
        hears = "transcribe" in self.grader_needs and settings.provider.name == "local"
        return self.mode.engines(settings) | ({"transcription"} if hears else frozenset())

    @property
    def roles(self) -> Mapping[str, RoleSettings]:
        """The roles that are used, by name: those that the mode calls, and the judge where a grader asks it."""
        used = self.mode.needs(self.settings) | (self.grader_needs & {"judge"})
        return {name: role for name, role in self.settings.roles.items() if name in used}

    @property
    def llms(self) -> set[str]:
        """The local language models that have to be served."""
        return llms_of(self.settings, self.roles)

    @property
    def service(self) -> ServiceSettings:
        """The embedded provider's settings, where the language models that all jobs share are served already."""
        return service_of(self.settings, self.roles)

    @property
    def uses_embedded_provider(self) -> bool:
        """Whether the embedded provider has to be started: for a role that is used, or for listening to answers."""
        return bool(self.engines) or any(role.provider.name == "local" for role in self.roles.values())


PrepareJob = Callable[[Mapping[str, Any], Path, Mapping[str, str]], Prepared]
_handed_on: dict[str, Prepared] = {}
_alike: dict[str, Prepared] | None = None


def needs_of(specs: Iterable[GraderSpec]) -> frozenset[str]:
    """Return the services that graders cannot do without."""
    return frozenset(
        need for spec in specs if spec.grader_type in GRADER_TYPES for need in GRADER_TYPES[spec.grader_type].needs
    )


def prepare(config: Mapping[str, Any], working_dir: Path, environ: Mapping[str, str]) -> Prepared:
    """Return the run that a composed `config` describes. Raises ConfigError or DataError with all problems."""
    prepared = read_run(config, working_dir, environ)
    if prepared.data.problems:
        raise DataError(prepared.data.problems)
    return prepared


@contextmanager
def handing_on(prepared: Sequence[Prepared], planned: Plan, working_dir: Path) -> Iterator[None]:
    """Let the jobs of a plan that run in this process take what was `prepared` for it, while the block lasts."""
    for job, ready in zip(planned.jobs, prepared, strict=True):
        _handed_on[_name(job.config, working_dir)] = ready
    try:
        yield
    finally:
        _handed_on.clear()


def take_or_prepare(config: Mapping[str, Any], working_dir: Path) -> Prepared:
    """Return what was prepared for the same config in this process, else prepare it now."""
    handed = _handed_on.get(_name(config, working_dir))
    return handed or prepare(config, working_dir, os.environ)


def _name(config: Mapping[str, Any], working_dir: Path) -> str:
    return content_sha256({"config": config, "working_dir": str(working_dir)})


def read_run(config: Mapping[str, Any], working_dir: Path, environ: Mapping[str, str]) -> Prepared:
    """Return the same, also when its data has problems that can be shown: for who wants to show all of it."""
    mode, settings = read_settings(config, working_dir)
    if _alike is None or not mode.idle_keys:
        return _read_data(mode, settings, environ)
    decisive = {key: value for key, value in settings.config.items() if key not in mode.idle_keys}
    name = f"{mode.name} {content_sha256(decisive)}"
    first = _alike.get(name)
    if first is None:
        _alike[name] = _read_data(mode, settings, environ)
        return _alike[name]
    return replace(first, settings=_with_nodes_of(first.settings, settings))


@contextmanager
def reading_once() -> Iterator[None]:
    """Let jobs that differ in their mode's idle keys alone be read and checked once, while the block lasts."""
    global _alike  # noqa: PLW0603  as above: what reads jobs is handed to who prepares them
    _alike = {}
    try:
        yield
    finally:
        _alike = None


def _with_nodes_of(first: RunSettings, settings: RunSettings) -> RunSettings:
    """Return `settings` with the nodes of `first` where they say the same: those of ten thousand jobs have to be held.

    What is written alike is the same; what is equal need not be, as 1 and 1.0.
    """
    config = {
        key: first.config[key] if key in first.config and repr(first.config[key]) == repr(value) else value
        for key, value in settings.config.items()
    }
    names = [each.name for each in fields(settings) if each.name != "config"]
    nodes = {name: (getattr(first, name), getattr(settings, name)) for name in names}
    same = {name: before for name, (before, after) in nodes.items() if repr(before) == repr(after)}
    return replace(settings, **{**same, "config": config})


def _read_data(mode: Mode[Any, Any], settings: RunSettings, environ: Mapping[str, str]) -> Prepared:
    problems = [
        *find_missing_models(settings.config, sorted(mode.needs(settings))),
        *find_endpoint_problems(_providers(settings, mode.needs(settings)), environ),
        *find_llm_problems(settings),
        *find_brain_problems(settings, mode.needs(settings), environ),
        *mode.find_key_problems(settings, environ),
        *find_thinking_problems(settings, {*mode.needs(settings), "judge"}),
        *_find_gate_problems(mode, settings.gate),
    ]
    collecting(problems, lambda: price_table(settings))
    if problems:
        raise ConfigError(problems)
    data: ModeData = mode.read(settings)
    prices = [path for path in (settings.limits.prices_file,) if path]
    prepared = Prepared(mode, settings, data, (*data.datasets, *dataset_manifest(prices)))
    problems = [
        f"mode {mode.name!r}: {problem}" for problem in find_unsafe_ids(case.case_id for case in prepared.cases)
    ]
    problems += [
        f"{mode.where(settings, case)}: {problem}"
        for case in (*data.cases, *data.left_out)
        for problem in find_grader_problems(mode.graders(settings, case))
    ]
    if problems:
        raise DataError(list(dict.fromkeys((*data.problems, *problems))))
    problems = [
        *find_service_problems(settings, prepared.grader_needs, environ),
        *find_gated_case_problems(settings.gate, [case.case_id for case in data.cases]),
        *find_unknown_voices(mode.voices(settings, data)),
    ]
    if problems:
        raise ConfigError(problems)
    return prepared


def read_settings(config: Mapping[str, Any], working_dir: Path) -> tuple[Mode[Any, Any], Any]:
    """Return the mode and the settings of a composed `config`. Raises ConfigError with all that is wrong with them.

    Keys that it names are then in the environment of this process, also those of ``.env``.
    """
    problems = find_problems(config)
    if problems:
        raise ConfigError(problems)
    mode = mode_of(config)
    problems = [*find_contradictions(config), *mode.find_contradictions(config)]
    if problems:
        raise ConfigError(problems)
    adopt_keys(config, working_dir, os.environ)
    config = with_recorded_models(config, working_dir)
    resolved = resolve(config, working_dir, mode.models)
    mode.settle(resolved)
    settle_faults(resolved, working_dir)
    settle_llms(resolved, ROLES)
    return mode, mode.make_settings(resolved, config)


def prepare_all(planned: Plan, working_dir: Path, read: PrepareJob = prepare) -> list[Prepared]:
    """Prepare every job, so that a sweep with one bad job starts none. Raises ConfigError with all problems."""
    prepared: list[Prepared] = []
    problems: list[str] = []
    with reading_once():
        for job in planned.jobs:
            try:
                prepared.append(read(job.config, working_dir, os.environ))
            except UserError as error:
                where = f"job {job.number} ({' '.join(job.overrides)}): " if planned.multirun else ""
                problems += [f"{where}{problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return prepared


def require_embedded_models(prepared: Sequence[Prepared], models: frozenset[str]) -> None:
    """Raise ConfigError for every role that asks the embedded provider for a model it does not have."""
    asked = [(job.settings, job.mode.needs(job.settings) | (job.grader_needs & {"judge"})) for job in prepared]
    problems = [problem for settings, roles in asked for problem in find_unknown_models(settings, roles, models)]
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))


def find_unknown_models(settings: RunSettings, roles: Iterable[str], models: frozenset[str]) -> list[str]:
    """Return a message for every one of `roles` that asks the embedded provider for a model not among `models`.

    With a chat brain it has any; its endpoint says which it does not.
    """
    if settings.service.brain == "chat":
        return []
    asked = [(role, settings.roles[role]) for role in sorted(roles)]
    return [
        f"{role}.model: {node.model!r} is not a model of the embedded provider{did_you_mean(node.model, models)}; "
        f"it has {', '.join(sorted(models))}"
        for role, node in asked
        if node.provider.name == "local" and node.model is not None and node.model not in models
    ]


def find_brain_problems(settings: RunSettings, roles: Iterable[str], environ: Mapping[str, str]) -> list[str]:
    """Return a message where a chat brain's key is missing, or none of `roles`, nor the judge, asks that brain."""
    if settings.service.brain != "chat":
        return []
    variable = settings.service.brain_api_key_env
    if variable is not None and not environ.get(variable, "").strip():
        advice = f"set it (export {variable}=..., or a line {variable}=... in the file .env)"
        return [f"service.brain_api_key_env: the environment variable {variable} is not set; {advice}"]
    asked = {role: settings.roles[role] for role in sorted({*roles, "judge"}) if role in settings.roles}
    embedded = {role: node.model for role, node in asked.items() if node.provider.name == "local"}
    if any(model and model not in offered_models() for model in embedded.values()):
        return []
    named = ", ".join(f"{role}.model={model}" for role, model in embedded.items())
    found = f"{named} are models that ship" if named else "no role is at provider=local"
    return [f"service.brain: chat, and nobody asks it: {found}; name the endpoint's model: assistant.model=NAME"]


def find_unknown_voices(voices: Iterable[NamedVoice]) -> list[str]:
    """Return a message for every one of `voices` that the embedded provider is to speak with and does not have."""
    known = offered_voices()
    return [
        f"{voice.where}: {voice.name!r} is not a voice of the embedded provider{did_you_mean(voice.name, known)}; "
        f"it has {', '.join(known)}"
        for voice in dict.fromkeys(voices)
        if voice.provider.name == "local" and voice.name not in known
    ]


def find_gated_case_problems(gate: GateSettings, case_ids: Sequence[str]) -> list[str]:
    """Return a message for every case that must never fail and is not among those that are run."""
    return [
        f"gate.never_fail: {case_id!r} is not a case of this run{did_you_mean(case_id, sorted(set(case_ids)))}; "
        f"max_examples and the data decide which are run ({len(set(case_ids))} here)"
        for case_id in gate.never_fail
        if case_id not in case_ids
    ]


def _providers(settings: RunSettings, roles: frozenset[str]) -> list[Any]:
    """Return the providers of `roles`, and the root one, which they may share; none where no role is called."""
    return [settings.provider, *(settings.roles[role].provider for role in sorted(roles))] if roles else []


def _find_gate_problems(mode: Mode[Any, Any], gate: GateSettings) -> list[str]:
    known = mode.layout.latency_columns
    if gate.latency_column in known or (gate.max_latency_ms is None and not known):
        return []
    hint = did_you_mean(gate.latency_column, known)
    found = f"gate.latency_column: {gate.latency_column!r} is not a latency of mode={mode.name}{hint}"
    return [f"{found}; it has {', '.join(known) or 'none'}"]


def find_service_problems(settings: RunSettings, needs: frozenset[str], environ: Mapping[str, str]) -> list[str]:
    """Return what stands in the way of what graders need: the judge, or somebody who listens."""
    problems: list[str] = []
    if "judge" in needs:
        problems += find_missing_models(settings.config, ("judge",))
        problems += find_endpoint_problems([settings.judge.provider], environ)
    if "transcribe" in needs:
        problems += find_endpoint_problems([settings.provider], environ)
        if settings.provider.models.transcription is None:
            problems.append(
                "provider.models.transcription: null, but a grader listens to the answers (audio_text_mismatch, wer "
                "or stt_then_text); name a model, or leave the grader out of mode.graders"
            )
    return problems
