"""Models of LM Studio that a run needs: loaded before it begins, and what it loaded unloaded when it ends.

What a run loads is noted in its directory first, so that a run that was killed unloads it when it is resumed. A model
that was loaded already is used, and stays. Where one has to be loaded, what else is loaded is unloaded before, since a
machine that holds one model seldom holds two.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from evalkit.errors import CaseFailure, ConfigError, ServiceStartError
from evalkit.peers.endpoints import endpoint_of
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint
from evalkit.providers.lmstudio import LmStudio, StudioModel
from evalkit.settings.names import did_you_mean
from evalkit.settings.types import ProviderSettings, RoleSettings
from evalkit.store.files import write_atomically

LMSTUDIO = "lmstudio"
NOTE_NAME = "lmstudio.json"
_MOST_NAMED = 20


class _Loaded(NamedTuple):
    """What this run loaded: where, which model, and its id; None while it is being loaded."""

    base_url: str
    model: str
    instance: str | None


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
    keeper = _Keeper(clients, run_dir / NOTE_NAME, say, {provider.base_url: provider for provider, _ in wanted})
    try:
        await keeper.take_up(wanted)
        yield
    finally:
        await keeper.put_down()


@dataclass
class _Keeper:
    clients: Clients
    note: Path
    say: Callable[[str], None]
    providers: Mapping[str | None, ProviderSettings]
    loaded: list[_Loaded] = field(init=False)
    is_loading: bool = False

    def __post_init__(self) -> None:
        self.loaded = _read_note(self.note)

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

    async def put_down(self) -> None:
        """Unload what was loaded; what cannot be unloaded stays noted, for the next process that resumes this run."""
        for entry in tuple(self.loaded):
            try:
                is_gone = await self._unload(entry)
            except CaseFailure as failure:
                self.say(f"LM Studio: {entry.model} could not be unloaded ({failure.message}); try: lms unload")
                continue
            if is_gone:
                self.loaded.remove(entry)
                self._write_note()
            else:
                self.say(f"LM Studio: {entry.model} is still being loaded; resume the run, or try: lms unload")

    async def _load_at(self, endpoint: ProviderEndpoint, names: Sequence[str]) -> None:
        studio = LmStudio(self.clients, endpoint)
        known = await studio.models()
        if known is None:
            older = await studio.older_models()
            for name in names if older is not None else ():
                _find(name, older or (), endpoint)
            self.say(
                f"LM Studio at {endpoint.base_url} has no API to load models (it came with 0.4): it has to load "
                f"{', '.join(names)} by itself when asked, and nothing will be unloaded"
            )
            return
        models = [_find(name, known, endpoint) for name in names]
        missing = [model for model in models if not model.instances]
        if not missing:
            return
        for model in known:
            for instance in () if model in models or model.kind != "llm" else model.instances:
                self.say(f"LM Studio: unloading {instance} to make room for {missing[0].key}")
                await studio.unload(instance)
                self._forget(endpoint, instance)
        for model in missing:
            self.say(f"LM Studio: loading {model.key}; it is unloaded when the run ends")
            self._forget(endpoint, model.key)
            await self._load(studio, endpoint, model.key)

    async def _load(self, studio: LmStudio, endpoint: ProviderEndpoint, key: str) -> None:
        self.loaded.append(_Loaded(endpoint.base_url, key, None))
        self._write_note()
        self.is_loading = True
        try:
            instance = await studio.load(key)
        except CaseFailure:
            self.is_loading = False  # it said so; an interruption leaves it at that
            raise
        self.is_loading = False
        self.loaded[-1] = _Loaded(endpoint.base_url, key, instance)
        self._write_note()

    def _forget(self, endpoint: ProviderEndpoint, name: str) -> None:
        """Forget what an earlier process noted and is not loaded any more."""
        self.loaded = [one for one in self.loaded if one.base_url != endpoint.base_url or name not in one]

    async def _unload(self, entry: _Loaded) -> bool:
        """Unload what `entry` says, and return whether nothing of it is left, or on its way."""
        provider = self.providers.get(entry.base_url)
        endpoint = endpoint_of(provider, None) if provider else ProviderEndpoint(LMSTUDIO, entry.base_url)
        studio = LmStudio(self.clients, endpoint)
        now = [model for model in await studio.models() or () if model.is_named(entry.model)]
        # What was being loaded was not loaded before, so whatever is loaded of it came from this run.
        instances = [one for model in now for one in model.instances if entry.instance in (None, one)]
        for instance in instances:
            self.say(f"LM Studio: unloading {instance}")
            await studio.unload(instance)
        return bool(instances) or entry.instance is not None or not self.is_loading

    def _write_note(self) -> None:
        if self.loaded:
            entries = [entry._asdict() for entry in self.loaded]
            write_atomically(self.note, json.dumps({"loaded": entries}, indent=2) + "\n")
        else:
            self.note.unlink(missing_ok=True)


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


def _read_note(note: Path) -> list[_Loaded]:
    """Return what an earlier process of this run loaded; a note that cannot be read is none, as it only helps."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        entries = json.loads(note.read_text(encoding="utf-8"))["loaded"]
        return [_Loaded(str(one["base_url"]), str(one["model"]), one["instance"]) for one in entries]
    return []
