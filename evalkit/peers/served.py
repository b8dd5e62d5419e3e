"""Providers that this machine serves while a run lasts, each in a child process: stored runs, and local code models.

The embedded provider is not among them: all jobs of a line share it (:mod:`evalkit.peers.embedded`).
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from evalkit.errors import ConfigError
from evalkit.peers.peers import cache_folder
from evalkit.peers.replayed import REPLAY
from evalkit.service.child import START_TIMEOUT_S, launch
from evalkit.service.coder.weights import WEIGHTS
from evalkit.settings.names import did_you_mean
from evalkit.settings.types import LOCAL_CODER, ProviderSettings, RunSettings

Settings = TypeVar("Settings", bound=RunSettings)
Served: TypeAlias = Path | str
"""What a child serves: a run directory, or a local code model by name."""
_LOAD_TIMEOUT_S = 180.0


@contextmanager
def served(settings: Settings) -> Iterator[Settings]:
    """Yield `settings` with the address of every provider that a child serves until the block ends.

    Raises ConfigError where a local code model is not known, or not installed.
    """
    nodes: Mapping[str, Any] = settings.roles
    wanted = {_served_by(node.provider, node.model) for node in nodes.values()}
    wanted.add(_served_by(settings.provider, None))
    with ExitStack() as stack:
        addresses = {what: stack.enter_context(_serve(what)) for what in sorted(wanted - {None}, key=str)}

        def addressed(provider: ProviderSettings, model: str | None) -> ProviderSettings:
            known = addresses.get(_served_by(provider, model))
            return replace(provider, base_url=known) if known else provider

        roles = {name: replace(node, provider=addressed(node.provider, node.model)) for name, node in nodes.items()}
        yield replace(settings, provider=addressed(settings.provider, None), **roles)


def find_coder_problems(settings: RunSettings) -> list[str]:
    """Return why a local code model of the settings cannot be served: unknown, or not installed."""
    nodes: Mapping[str, Any] = settings.roles
    asked = {node.model for node in nodes.values() if node.provider.name == LOCAL_CODER and node.model is not None}
    problems = [
        f"{model!r} is not a model of local_coder{did_you_mean(model, tuple(WEIGHTS))}; it has {', '.join(WEIGHTS)}"
        for model in sorted(asked - WEIGHTS.keys())
    ]
    if asked and importlib.util.find_spec("xllamacpp") is None:
        problems.append("provider=local_coder needs xllamacpp; install it with: pip install '.[local-coder]'")
    return problems


def _served_by(provider: ProviderSettings, model: str | None) -> Served | None:
    if provider.name == REPLAY:
        return provider.run
    return model if provider.name == LOCAL_CODER else None


@contextmanager
def _serve(what: Served | None) -> Iterator[str]:
    if isinstance(what, Path):
        command = ["evalkit.service.replay", str(what), "--exit-with-stdin"]
    elif what in WEIGHTS:
        command = ["evalkit.service.coder", "--model", what, "--weights", str(cache_folder() / "coder")]
    else:
        raise ConfigError(f"{what!r} is not a model of local_coder; it has {', '.join(WEIGHTS)}")
    timeout_s = START_TIMEOUT_S if isinstance(what, Path) else _LOAD_TIMEOUT_S
    with launch([sys.executable, "-m", *command], timeout_s=timeout_s) as child:
        yield child.url
