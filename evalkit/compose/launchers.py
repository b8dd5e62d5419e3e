"""The launchers that evalkit knows: what each needs to be installed, and what its settings may be.

The settings themselves are in ``conf/hydra/launcher/``, under the names that people know. Where a plugin's own class
leaves jobs behind when one of them dies, a class of ours takes its place (:func:`use_patient_launchers`).
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins

from evalkit.settings.names import did_you_mean
from evalkit.settings.options import option_folders

LAUNCHER = "hydra/launcher"


@dataclass(frozen=True)
class LauncherKind:
    """One launcher.

    Attributes:
        extra: The extra of evalkit that installs it.
        package: The module that must be there.
        distribution: The package that people install.
        at_least_1: Settings that are whole numbers from 1 on.
        program: A program that must be on the PATH; None: none.
        replaced: The plugin's class, by its full name, and ours, as ``module:class``, that stands in for it.

    """

    extra: str
    package: str
    distribution: str
    at_least_1: tuple[str, ...]
    program: str | None = None
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
        program="sbatch",
        replaced={f"{_SUBMITIT}.SlurmLauncher": "evalkit.compose.submitit_launcher:PatientSlurmLauncher"},
    ),
    "ray": LauncherKind(
        "ray",
        "hydra_plugins.hydra_ray_launcher",
        "hydra-ray-launcher",
        ("n_jobs",),
        replaced={f"{_RAY}.RayLauncher": "evalkit.compose.ray_launcher:PatientRayLauncher"},
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
    return problems


def use_own_settings() -> None:
    """Take the plugins' settings out of Hydra's store: those of the same names in ``conf/hydra/launcher/`` hold."""
    Plugins.instance()  # which lets every plugin store its settings
    stored = ConfigStore.instance().repo["hydra"]["launcher"]
    for name in LAUNCHERS:
        stored.pop(f"{name}.yaml", None)


def use_patient_launchers(name: str) -> None:
    """Let Hydra make our class where the config of launcher `name` asks for the plugin's."""
    for theirs, ours in LAUNCHERS[name].replaced.items() if name in LAUNCHERS else ():
        module, _, class_name = ours.partition(":")
        Plugins.instance().class_name_to_class[theirs] = getattr(importlib.import_module(module), class_name)


def _find_setting_problems(kind: LauncherKind, settings: Mapping[str, Any]) -> Iterator[str]:
    for key in kind.at_least_1:
        value = settings.get(key)
        if value is not None and not (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
            yield f"hydra.launcher.{key}: {value!r} is not allowed; expected integer >= 1"


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # not even hydra_plugins is there
        return False
