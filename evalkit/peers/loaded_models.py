"""Models of LM Studio that a run needs: loaded before it begins, and what it loaded unloaded when it ends.

What a run loads is noted in its directory first, so that a run that is killed leaves a trace of it: a process that
outlives the run unloads it (:mod:`evalkit.peers.unloading`), or whoever resumes the run. A model that was loaded
already is used, and stays. Where one has to be loaded, what else is loaded is unloaded before, since a machine that
holds one model seldom holds two.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from evalkit.errors import CaseFailure, ConfigError, ServiceStartError
from evalkit.peers.endpoints import endpoint_of
from evalkit.peers.unloading import LMSTUDIO, LoadedModel, read_note, unload_noted, unloading_afterwards, write_note
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint
from evalkit.providers.lmstudio import Studio, open_studio
from evalkit.providers.studio_models import StudioModel
from evalkit.settings.names import did_you_mean
from evalkit.settings.types import ProviderSettings, RoleSettings

_MOST_NAMED = 20


@asynccontextmanager
async def holding_models(
    roles: Mapping[str, RoleSettings],
    clients: Clients,
    run_dir: Path,
    say: Callable[[str], None],
) -> AsyncIterator[None]:
    """Hold the models that `roles` need at LM Studio until the block ends; nothing for other providers.

    What an earlier process of the run has left loaded is unloaded too.

    Args:
        roles: The roles that will be asked.
        clients: HTTP clients of the run.
        run_dir: Where is noted what was loaded.
        say: Told what is loaded and unloaded, and what could not be.

    Raises:
        ConfigError: LM Studio has no such model.
        ServiceStartError: It does not answer, or cannot load the model.

    """
    wanted = {(role.provider, str(role.model)): None for role in roles.values() if role.provider.name == LMSTUDIO}
    left = read_note(run_dir)
    if not wanted and not left:
        yield
        return
    with unloading_afterwards(run_dir):
        keeper = _Keeper(clients, run_dir, say, left)
        try:
            await keeper.take_up(wanted)
            yield
        finally:
            await unload_noted(run_dir, clients, say, is_loading=keeper.is_loading)


@dataclass
class _Keeper:
    clients: Clients
    run_dir: Path
    say: Callable[[str], None]
    loaded: list[LoadedModel]
    is_loading: bool = False

    async def take_up(self, wanted: Iterable[tuple[ProviderSettings, str]]) -> None:
        by_place: dict[ProviderSettings, list[str]] = {}
        for provider, model in wanted:
            by_place.setdefault(provider, []).append(model)
        for provider, models in by_place.items():
            try:
                await self._load_at(endpoint_of(provider, None), models)
            except CaseFailure as failure:
                raise ServiceStartError(
                    f"LM Studio: {failure.message}; start its server (lms server start), or name the one there is with "
                    f"provider.base_url, and its token's variable, if it asks for one, with provider.api_key_env"
                ) from None

    async def _load_at(self, endpoint: ProviderEndpoint, names: Sequence[str]) -> None:
        studio, known, why = await open_studio(self.clients, endpoint)
        models = [_find(name, known, endpoint) for name in names] if known is not None else []
        if studio is None:
            self.say(
                f"LM Studio at {endpoint.base_url} has no API to load models (it came with 0.4), and {why}: it has to "
                f"load {', '.join(names)} by itself when asked, and nothing will be unloaded"
            )
            return
        missing = [model for model in models if not model.instances]
        if not missing:
            return
        for model in known or ():
            for instance in () if model in models or model.kind != "llm" else model.instances:
                self.say(f"LM Studio: unloading {instance} to make room for {missing[0].key}")
                await studio.unload(instance)
                self._forget(endpoint, instance)
        for model in missing:
            self.say(f"LM Studio: loading {model.key}; it is unloaded when the run ends")
            self._forget(endpoint, model.key)
            await self._load(studio, endpoint, model.key)

    async def _load(self, studio: Studio, endpoint: ProviderEndpoint, key: str) -> None:
        entry = LoadedModel(endpoint.base_url, key, None, endpoint.api_key_env)
        self.loaded.append(entry)
        write_note(self.run_dir, self.loaded)
        self.is_loading = True
        try:
            instance = await studio.load(key)
        except CaseFailure:
            self.is_loading = False  # it said so; an interruption leaves it at that
            raise
        self.is_loading = False
        self.loaded[-1] = entry._replace(instance=instance)
        write_note(self.run_dir, self.loaded)

    def _forget(self, endpoint: ProviderEndpoint, name: str) -> None:
        """Forget what an earlier process noted and is not loaded any more."""
        self.loaded = [one for one in self.loaded if one.base_url != endpoint.base_url or name not in one]


def _find(name: str, known: Sequence[StudioModel], endpoint: ProviderEndpoint) -> StudioModel:
    for model in known:
        if model.is_named(name):
            return model
    keys = sorted(model.key for model in known if model.kind == "llm")
    more = f" and {len(keys) - _MOST_NAMED} more" if len(keys) > _MOST_NAMED else ""
    shown = ", ".join(keys[:_MOST_NAMED]) or "none; get one with: lms get"
    raise ConfigError(
        f"LM Studio at {endpoint.base_url} has no model {name!r}{did_you_mean(name, keys)}; it has {shown}{more}"
    )
