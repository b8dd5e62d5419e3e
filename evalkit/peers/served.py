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
from evalkit.peers.replayed import REPLAY
from evalkit.peers.shared_addresses import read_shared, sharing
from evalkit.providers.cache import cache_folder
from evalkit.service.child import START_TIMEOUT_S, launch
from evalkit.service.llm.weights import WEIGHTS
from evalkit.service.offered import offered_models
from evalkit.settings.names import did_you_mean
from evalkit.settings.types import LLM_PROVIDERS, ProviderSettings, RoleSettings, RunSettings, ServiceSettings

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
    thinking = _thinking_llm(settings, nodes)
    wanted = {thinking, *(_served_by(node.provider, node.model) for node in nodes.values())}
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
        service = _thought_for(settings.service, addresses.get(thinking))
        yield replace(settings, provider=addressed(settings.provider, None), service=service, **changed)


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
    """Return the local language models that `roles` are given to, or that think for them."""
    nodes = {name: node for name, node in settings.roles.items() if name in roles}
    return {model for model in (*_given(nodes), _thinking_llm(settings, nodes)) if model is not None}


def service_of(settings: RunSettings, roles: Collection[str]) -> ServiceSettings:
    """Return the embedded provider's settings, with the address of the shared language model that thinks for it."""
    thinking = _thinking_llm(settings, {name: node for name, node in settings.roles.items() if name in roles})
    return _thought_for(settings.service, read_shared(_ADDRESSES).get(str(thinking)))


def settle_llms(resolved: dict[str, Any], roles: Iterable[str]) -> None:
    """Fill in that a local language model is asked one thing at a time: all cores work on one answer."""
    nodes, service = [resolved[role] for role in roles if role in resolved], resolved["service"]
    is_asked = any(node["provider"]["name"] in LLM_PROVIDERS and node["model"] for node in nodes)
    if is_asked or (service["brain"] == "chat" and service.get("brain_url") is None):
        resolved["limits"]["requests_in_flight"] = resolved["limits"]["requests_in_flight"] or 1


def find_llm_problems(settings: RunSettings) -> list[str]:
    """Return why a local language model of the settings cannot be served: unknown, or not installed."""
    problems = [
        f"{model!r} is not a local language model{did_you_mean(model, tuple(WEIGHTS))}; there are {', '.join(WEIGHTS)}"
        for model in sorted(_given(settings.roles) - WEIGHTS.keys())
    ]
    for model in sorted(llms_of(settings, settings.roles) & WEIGHTS.keys()):
        weights = WEIGHTS[model]
        if importlib.util.find_spec("xllamacpp") is None:
            problems.append(f"{model} needs xllamacpp; install it with: pip install '.[{weights.extra}]'")
        elif not weights.is_whole(_weights_folder()):
            collecting(problems, weights.find_parts)
    return problems


def find_thinking_problems(settings: RunSettings, roles: Collection[str]) -> list[str]:
    """Return why no language model of this machine can think for the embedded provider, where no endpoint is named."""
    service = settings.service
    if service.brain != "chat" or service.brain_url is not None:
        return []
    if service.brain_api_key_env is not None:
        return ["service.brain_api_key_env: a key, and service.brain_url=null: a model on this machine needs none"]
    asked = {str(node.model) for name, node in settings.roles.items() if name in roles and _may_think_for(node)}
    if not asked or (len(asked) == 1 and asked <= WEIGHTS.keys()):
        return []
    wanted = f"name one ({', '.join(WEIGHTS)}), or the URL of an endpoint, ending in /v1: service.brain_url=URL"
    return [f"service.brain_url: null, and {', '.join(sorted(asked))} is not one local language model; {wanted}"]


def _given(nodes: Mapping[str, RoleSettings]) -> set[str]:
    """Return the models that are asked for at the providers of local language models."""
    return {node.model for node in nodes.values() if node.provider.name in LLM_PROVIDERS and node.model is not None}


def _thinking_llm(settings: RunSettings, nodes: Mapping[str, RoleSettings]) -> str | None:
    """Return the language model of this machine that thinks for the embedded provider; None where none does."""
    service = settings.service
    if service.brain != "chat" or service.brain_url is not None:
        return None
    return next((str(node.model) for node in nodes.values() if _may_think_for(node)), None)


def _may_think_for(node: RoleSettings) -> bool:
    """Whether the role is at the embedded provider, and not with a model that ships."""
    return node.provider.name == "local" and node.model is not None and node.model not in offered_models()


def _thought_for(service: ServiceSettings, url: str | None) -> ServiceSettings:
    """Return the settings of a service that ends with the model that thinks for it, at `url`; None: none has to."""
    if service.brain != "chat" or service.brain_url is not None:
        return service
    if url is None:
        return replace(service, brain="rules", brain_options={}, brain_tools="native")
    return replace(service, brain_url=url, keep_alive_s=0.0)


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
