"""Providers that this machine serves while a run lasts, each in a child process: stored runs, local language models.

A language model takes gigabytes, so that all jobs of a line share one process for each. The embedded provider is not
among them: it is shared by more than its name (:mod:`evalkit.peers.embedded`).
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from evalkit.errors import ConfigError, collecting
from evalkit.peers.peers import cache_folder
from evalkit.peers.replayed import REPLAY
from evalkit.peers.shared_addresses import read_shared, sharing
from evalkit.service.child import START_TIMEOUT_S, launch
from evalkit.service.llm.weights import WEIGHTS
from evalkit.settings.names import did_you_mean
from evalkit.settings.types import LLM_PROVIDERS, ProviderSettings, RunSettings

Settings = TypeVar("Settings", bound=RunSettings)
Served: TypeAlias = Path | str
"""What a child serves: a run directory, or a local language model by name."""
_ADDRESSES = "EVALKIT_LLMS"
_LOAD_TIMEOUT_S = 180.0


@contextmanager
def served(settings: Settings, roles: Collection[str] | None = None) -> Iterator[Settings]:
    """Yield `settings` with the address of every provider that a child serves until the block ends.

    A language model that is shared already is used. `roles` are those that will be called; None: all. Raises
    ConfigError where a local language model is not known, or not installed.
    """
    nodes: Mapping[str, Any] = {name: node for name, node in settings.roles.items() if roles is None or name in roles}
    wanted = {_served_by(node.provider, node.model) for node in nodes.values()}
    wanted.add(_served_by(settings.provider, None))
    shared = read_shared(_ADDRESSES)
    with ExitStack() as stack:
        addresses = {
            what: shared.get(str(what)) or stack.enter_context(_serve(what))
            for what in sorted(wanted - {None}, key=str)
        }

        def addressed(provider: ProviderSettings, model: str | None) -> ProviderSettings:
            url = addresses.get(_served_by(provider, model))
            return replace(provider, base_url=url) if url else provider

        changed = {name: replace(node, provider=addressed(node.provider, node.model)) for name, node in nodes.items()}
        yield replace(settings, provider=addressed(settings.provider, None), **changed)


@contextmanager
def shared_llms(models: Iterable[str]) -> Iterator[None]:
    """Serve each distinct one of the local language `models`, for all jobs until the block ends.

    One that a parent process shares already is used. Raises ConfigError where one is not installed.
    """
    known = read_shared(_ADDRESSES)
    with ExitStack() as stack:
        for model in sorted(set(models) - known.keys()):
            known[model] = stack.enter_context(_serve(model))
        stack.enter_context(sharing(_ADDRESSES, known))
        yield


def llms_of(settings: RunSettings, roles: Collection[str]) -> set[str]:
    """Return the local language models that `roles` are given to."""
    nodes = [node for name, node in settings.roles.items() if name in roles]
    return {node.model for node in nodes if node.provider.name in LLM_PROVIDERS and node.model is not None}


def settle_llms(resolved: dict[str, Any], roles: Iterable[str]) -> None:
    """Fill in that a local language model is asked one thing at a time: all cores work on one answer."""
    nodes = [resolved[role] for role in roles if role in resolved]
    if any(node["provider"]["name"] in LLM_PROVIDERS and node["model"] for node in nodes):
        resolved["limits"]["requests_in_flight"] = resolved["limits"]["requests_in_flight"] or 1


def find_llm_problems(settings: RunSettings) -> list[str]:
    """Return why a local language model of the settings cannot be served: unknown, or not installed."""
    asked: dict[str, str] = {}
    for node in settings.roles.values():
        if node.provider.name in LLM_PROVIDERS and node.model is not None:
            asked.setdefault(node.model, node.provider.name)
    problems = [
        f"{model!r} is not a model of {asked[model]}{did_you_mean(model, tuple(WEIGHTS))}; it has {', '.join(WEIGHTS)}"
        for model in sorted(asked.keys() - WEIGHTS.keys())
    ]
    for model in sorted(asked.keys() & WEIGHTS.keys()):
        weights = WEIGHTS[model]
        if importlib.util.find_spec("xllamacpp") is None:
            problems.append(
                f"provider={asked[model]} needs xllamacpp; install it with: pip install '.[{weights.extra}]'"
            )
        elif not weights.is_whole(_weights_folder()):
            collecting(problems, weights.find_parts)
    return problems


def _served_by(provider: ProviderSettings, model: str | None) -> Served | None:
    if provider.name == REPLAY:
        return provider.run
    return model if provider.name in LLM_PROVIDERS else None


def _weights_folder() -> Path:
    return cache_folder() / "llm"


@contextmanager
def _serve(what: Served | None) -> Iterator[str]:
    if isinstance(what, Path):
        command = ["evalkit.service.replay", str(what), "--exit-with-stdin"]
    elif what in WEIGHTS:
        command = ["evalkit.service.llm", "--model", what, "--weights", str(_weights_folder())]
    else:
        raise ConfigError(f"{what!r} is not a local language model; there are {', '.join(WEIGHTS)}")
    timeout_s = START_TIMEOUT_S if isinstance(what, Path) else _LOAD_TIMEOUT_S
    with launch([sys.executable, "-m", *command], timeout_s=timeout_s) as child:
        yield child.url
