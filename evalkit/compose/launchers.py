"""The launchers that evalkit knows: what each needs to be installed, and what its settings may be.

The settings themselves are in ``conf/hydra/launcher/``, under the names that people know. Where a plugin's own class
leaves jobs behind when one of them dies, a class of ours takes its place (:func:`use_patient_launchers`).
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from omegaconf import DictConfig, ListConfig

from evalkit.settings.names import did_you_mean
from evalkit.settings.options import option_folders

LAUNCHER = "hydra/launcher"


class _Kind(StrEnum):
    """What a setting may be, in words."""

    AT_LEAST_0 = "integer >= 0"
    MORE_THAN_0 = "number > 0"
    TEXT = "text or null"
    TEXTS = "a list of texts"
    SWITCH = "true or false"
    OPTIONS = "names with their values: {mail-type: END}"
    ONE = "1: a job is one process"


_IS_OF: Mapping[_Kind, Callable[[Any], bool]] = {
    _Kind.AT_LEAST_0: lambda value: _is_integer(value) and value >= 0,
    _Kind.MORE_THAN_0: lambda value: (_is_integer(value) or isinstance(value, float)) and value > 0,
    _Kind.TEXT: lambda value: isinstance(value, str) or _is_integer(value),  # 2080 is the name of a partition too
    _Kind.TEXTS: lambda value: _is_list(value) and all(isinstance(each, str) for each in value),
    _Kind.SWITCH: lambda value: isinstance(value, bool),
    _Kind.OPTIONS: lambda value: isinstance(value, Mapping | DictConfig),
    _Kind.ONE: lambda value: value == 1 and _is_integer(value),
}


@dataclass(frozen=True)
class LauncherKind:
    """One launcher.

    Attributes:
        extra: The extra of evalkit that installs it.
        package: The module that must be there.
        distribution: The package that people install.
        at_least_1: Settings that are whole numbers from 1 on.
        further: Other settings, by what each may be.
        program: A program that must be on the PATH; None: none.
        try_out: ``module:function`` that finds what else is wrong with settings that are what they may be. Loaded when
            it is used.
        replaced: The plugin's class, by its full name, and ours, as ``module:class``, that stands in for it. Of Ray's
            the name is all that is used: Hydra makes launchers of plugins only.

    """

    extra: str
    package: str
    distribution: str
    at_least_1: tuple[str, ...]
    further: Mapping[_Kind, tuple[str, ...]] = field(default_factory=dict)
    program: str | None = None
    try_out: str | None = None
    replaced: Mapping[str, str] = field(default_factory=dict)


_SUBMITIT = "hydra_plugins.hydra_submitit_launcher.submitit_launcher"
_RAY = "hydra_plugins.hydra_ray_launcher.ray_launcher"
LAUNCHERS: Mapping[str, LauncherKind] = {
    "joblib": LauncherKind("parallel", "hydra_plugins.hydra_joblib_launcher", "hydra-joblib-launcher", ("n_jobs",)),
    "submitit_local": LauncherKind(
        "slurm",
        "hydra_plugins.hydra_submitit_launcher",
        "hydra-submitit-launcher",
        ("n_jobs", "timeout_min"),
        replaced={f"{_SUBMITIT}.LocalLauncher": "evalkit.compose.submitit_launcher:PatientLocalLauncher"},
    ),
    "submitit_slurm": LauncherKind(
        "slurm",
        "hydra_plugins.hydra_submitit_launcher",
        "hydra-submitit-launcher",
        ("array_parallelism", "timeout_min", "cpus_per_task", "mem_gb"),
        {
            _Kind.AT_LEAST_0: ("signal_delay_s", "max_num_timeout", "gpus_per_node"),
            _Kind.MORE_THAN_0: ("lost_after_s", "queue_silent_min", "queue_timeout_min"),
            _Kind.TEXT: (
                "partition",
                "qos",
                "account",
                "comment",
                "constraint",
                "exclude",
                "nodelist",
                "gres",
                "name",
            ),
            _Kind.TEXTS: ("setup", "environment"),
            _Kind.SWITCH: ("stderr_to_stdout",),
            _Kind.OPTIONS: ("additional_parameters",),
            _Kind.ONE: ("nodes", "tasks_per_node"),
        },
        program="sbatch",
        try_out="evalkit.compose.slurm_options:find_slurm_problems",
        replaced={f"{_SUBMITIT}.SlurmLauncher": "evalkit.compose.submitit_launcher:PatientSlurmLauncher"},
    ),
    "ray": LauncherKind(
        "ray",
        "ray",
        "ray",
        ("n_jobs",),
        {_Kind.AT_LEAST_0: ("max_takeovers",), _Kind.TEXTS: ("environment",)},
        try_out="evalkit.compose.ray_cluster.settings:find_ray_problems",
        replaced={f"{_RAY}.RayLauncher": "evalkit.compose.ray_launcher:RayLauncher"},
    ),
}


def find_unknown_launcher(name: str, further: Sequence[Path]) -> str | None:
    """Return a message where nobody offers launcher `name`: not we, nor `further` folders, nor a plugin of Hydra's."""
    Plugins.instance()  # which lets every plugin store its settings
    stored = ConfigStore.instance().repo["hydra"]["launcher"]
    folders = [folder / LAUNCHER for folder in option_folders(further)]
    known = {Path(file).stem for file in stored} | {path.stem for folder in folders for path in folder.glob("*.yaml")}
    if name in known:
        return None
    extras = ", ".join(f"{key} (pip install '.[{kind.extra}]')" for key, kind in LAUNCHERS.items())
    others = ", ".join(sorted(known - {*LAUNCHERS}))
    return f"{LAUNCHER}: {name!r} is not a launcher{did_you_mean(name, known)}; launchers: {others}, {extras}"


def find_launcher_problems(name: str, settings: Mapping[str, Any]) -> list[str]:
    """Return a message for everything that keeps launcher `name` with these `settings` from running jobs here."""
    kind = LAUNCHERS.get(name)
    if kind is None:  # Hydra's own, or a plugin that the user has installed
        return []
    if not _is_installed(kind.package):
        missing = f"hydra/launcher={name}: {kind.distribution} is not installed"
        return [f"{missing}; install it with: pip install '.[{kind.extra}]'"]
    problems = list(_find_setting_problems(kind, settings))
    if kind.program is not None and shutil.which(kind.program) is None:
        problems.append(
            f"hydra/launcher={name}: there is no {kind.program} on the PATH; run this where jobs can be submitted, "
            "or choose another launcher (hydra/launcher=submitit_local, joblib)"
        )
    return problems or list(_named(kind.try_out)(settings) if kind.try_out else ())


def use_own_settings() -> None:
    """Take the plugins' settings out of Hydra's store: those of the same names in ``conf/hydra/launcher/`` hold."""
    Plugins.instance()  # which lets every plugin store its settings
    stored = ConfigStore.instance().repo["hydra"]["launcher"]
    for name in LAUNCHERS:
        stored.pop(f"{name}.yaml", None)


def use_patient_launchers(name: str) -> None:
    """Let Hydra make our class where the config of launcher `name` asks for the plugin's."""
    for theirs, ours in LAUNCHERS[name].replaced.items() if name in LAUNCHERS else ():
        Plugins.instance().class_name_to_class[theirs] = _named(ours)


def _named(name: str) -> Any:
    """Return what ``module:name`` names."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _find_setting_problems(kind: LauncherKind, settings: Mapping[str, Any]) -> Iterator[str]:
    for key in kind.at_least_1:
        value = settings.get(key)
        if value is not None and not (_is_integer(value) and value >= 1):
            yield f"hydra.launcher.{key}: {value!r} is not allowed; expected integer >= 1"
    for expected, keys in kind.further.items():
        for key in keys:
            value = settings.get(key)
            if value is not None and not _IS_OF[expected](value):
                yield f"hydra.launcher.{key}: {value!r} is not allowed; expected {expected}"


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence | ListConfig) and not isinstance(value, str)


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # not even hydra_plugins is there
        return False
