"""Composes every job of a line without running any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from evalkit.compose import run_types  # noqa: F401  registers types and resolvers
from evalkit.compose.explaining import explained
from evalkit.compose.job_configs import compose_jobs, plain
from evalkit.compose.launchers import LAUNCHER, find_launcher_problems, use_own_settings
from evalkit.compose.overrides import (
    find_keys_inside_null,
    find_keys_of_other_modes,
    find_override_problems,
    of_all_jobs,
    quote_text_values,
    without_hydra,
    without_replaced_launchers,
    without_sweeps,
)
from evalkit.compose.search_path import searching
from evalkit.errors import ConfigError
from evalkit.runner.jobs import Job, Plan, Source, name_directories
from evalkit.settings.schemas import schema_name

if TYPE_CHECKING:
    from hydra._internal.config_loader_impl import ConfigLoaderImpl


def plan(overrides: Sequence[str], source: Source, *, multirun: bool = False) -> Plan:
    """Compose every job that `overrides` ask for. Raises ConfigError with all problems; writes nothing."""
    quoted = tuple(quote_text_values(without_replaced_launchers(overrides)))
    problems = find_override_problems(quoted, source, multirun=multirun) or find_keys_inside_null(quoted)
    if problems:
        raise ConfigError(problems)
    use_own_settings()
    with explained(), hydra_at(source):
        base = _compose(source, of_all_jobs(quoted) if multirun else without_sweeps(quoted), return_hydra_config=True)
        multirun = multirun or str(base.hydra.mode).endswith("MULTIRUN")
        launcher = str(base.hydra.runtime.choices[LAUNCHER])
        if not multirun:
            job = Job(0, tuple(without_hydra(quoted)), plain(base))
            return Plan(source, quoted, multirun, (job,), launcher, composed=base)
        sweep_params = [f"{key}={value}" for key, value in (base.hydra.sweeper.params or {}).items()]
        problems = [
            *find_launcher_problems(launcher, base.hydra.launcher),
            *find_override_problems(sweep_params, source, multirun=True),
        ]
        if problems:
            raise ConfigError(problems)
        loader = cast("ConfigLoaderImpl", GlobalHydra.instance().config_loader())
        composed = compose_jobs(
            _read_choices([*sweep_params, *without_hydra(quoted)]),
            partial(_compose, source),
            loader.repository.group_exists,
        )
        names = name_directories([job.overrides for job in composed])
        jobs = tuple(
            Job(number, job.overrides, job.config, name)
            for number, (job, name) in enumerate(zip(composed, names, strict=True))
        )
    settings = cast("dict[str, Any]", OmegaConf.to_container(base.hydra.launcher, resolve=False))
    return Plan(source, quoted, multirun, jobs, launcher, settings)


def _compose(source: Source, overrides: Sequence[str], *, return_hydra_config: bool = False) -> DictConfig:
    """Compose one job. Raises ConfigError for keys that only other modes have, and what Hydra raises for the rest."""
    try:
        return hydra.compose(source.config_name, list(overrides), return_hydra_config=return_hydra_config)
    except HydraException:
        known = hydra.compose(source.config_name, [*of_all_jobs(overrides), *_chosen_input(source, overrides)])
        problems = find_keys_of_other_modes(overrides, str(known.mode.name), schema_name(known))
        if problems:
            raise ConfigError(problems) from None
        raise


def _chosen_input(source: Source, overrides: Sequence[str]) -> list[str]:
    """Return the input that `overrides` choose, where their mode has several."""
    chosen = [text for text in overrides if text.startswith("input=")]
    has_several = "input" in hydra.compose(source.config_name, of_all_jobs(overrides))
    return chosen if has_several else []


@contextmanager
def hydra_at(source: Source) -> Iterator[None]:
    """Let Hydra be set up for `source` while the block lasts."""
    with (
        searching(source.search_dirs),
        hydra.initialize_config_dir(str(source.config_dir), version_base="1.3", job_name="evalkit"),
    ):
        yield


def _read_choices(overrides: Sequence[str]) -> dict[str, list[str]]:
    """Return the overrides that each key gives to jobs, as Hydra's basic sweeper reads and orders them."""
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    choices: dict[str, list[str]] = {}
    for override in parser.parse_overrides(list(overrides)):
        key = override.get_key_element()
        if override.is_sweep_override():
            choices[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        else:
            choices[key] = [f"{key}={override.get_value_element_as_str()}"]
    return choices
