"""Which models there are: by the provider presets, the price table and what has run; and what LM Studio has.

Nothing is asked but LM Studio, at the address of its preset. Whether a key is there is told, never the key.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import httpx2
import yaml

from evalkit.providers.prices import ModelPrice, Prices, load_prices
from evalkit.providers.studio_models import StudioModel, read_models, read_older_models
from evalkit.settings.dotenv import FILE_NAME, parse_dotenv
from evalkit.settings.plugins import plugin_folders
from evalkit.settings.resources import resource_dir
from evalkit.settings.schemas import load_schema

STUDIO = "lmstudio"
_TIMEOUT_S = 2.0
_MAX_BYTES = 4 * 1024 * 1024
_SENT = frozenset({"temperature", "max_output_tokens", "reasoning_effort"})
_LEVELS = ("low", "medium", "high")
_HIDDEN = frozenset({"replay"})


@dataclass(frozen=True)
class ProviderPreset:
    """An option of the config group `provider`.

    Attributes:
        name: What is written after ``provider=``.
        about: What it is, in a line.
        base_url: Its address; None: started on demand, or to be named.
        api_key_env: The variable that holds its key; None: none is needed.
        has_key: Whether that variable is set, in the environment or in ``.env``.
        text_api: Through which API text models are asked.
        models: Role -> the model that it has for it.

    """

    name: str
    about: str
    base_url: str | None
    api_key_env: str | None
    has_key: bool
    text_api: str
    models: Mapping[str, str]


@dataclass(frozen=True)
class KnownModel:
    """A model that can be named in a run, and where it is known from.

    Attributes:
        name: Its name.
        providers: The presets that name it.
        roles: What for.
        price: What it costs; None: unknown, which is not nothing.
        has_run: Whether a run of it lies in the lab's folders.

    """

    name: str
    providers: tuple[str, ...]
    roles: tuple[str, ...]
    price: ModelPrice | None
    has_run: bool


@dataclass(frozen=True)
class StudioListing:
    """What LM Studio answered.

    Attributes:
        base_url: Where it was asked.
        models: Its models; those that are loaded first.
        can_load: Whether its REST API can load and unload (since 0.4).
        trouble: Why there are none, in words; empty where it answered.

    """

    base_url: str
    models: tuple[StudioModel, ...]
    can_load: bool
    trouble: str = ""

    @property
    def loaded(self) -> int:
        """How many of them are loaded."""
        return sum(bool(model.instances) for model in self.models)


def list_providers(working_dir: Path, environ: Mapping[str, str] | None = None) -> list[ProviderPreset]:
    """Return the presets, shipped and of other packages, by name. `working_dir` may have a file ``.env``."""
    present = {name for name, value in (environ if environ is not None else os.environ).items() if value}
    present |= _names_in_dotenv(working_dir)
    found: dict[str, ProviderPreset] = {}
    for folder in (*plugin_folders("conf"), resource_dir("conf")):
        for path in sorted((folder / "provider").glob("*.yaml")):
            if path.stem not in _HIDDEN:
                found[path.stem] = _read_preset(path, present)
    return [found[name] for name in sorted(found)]


def shipped_prices() -> Prices:
    """Return the price table that ships."""
    return load_prices(resource_dir("data") / "prices.json")


def list_models(presets: Iterable[ProviderPreset], ran: Iterable[str], prices: Prices) -> list[KnownModel]:
    """Return every model that a run (`ran`), a preset or the price table names, in this order."""
    roles: dict[str, list[str]] = {}
    places: dict[str, list[str]] = {}
    for preset in presets:
        for role, model in preset.models.items():
            roles.setdefault(model, []).append(role)
            places.setdefault(model, []).append(preset.name)
    have_run = {model for model in ran if model}
    priced = {name for name in prices.models if not name.endswith("*")}
    return [
        KnownModel(
            name,
            tuple(dict.fromkeys(places.get(name, ()))),
            tuple(dict.fromkeys(roles.get(name, ()))),
            prices.find(name),
            name in have_run,
        )
        for name in sorted(
            {*roles, *have_run, *priced},
            key=lambda name: (name not in have_run, name not in places, name.lower()),
        )
    ]


def describe_model(model: KnownModel, prices_as_of: str, studio: StudioModel | None = None) -> dict[str, Any]:
    """Return what is known of a model as ``GET /models/capabilities`` answers it.

    What only its maker knows is null: whether it thinks, for example. `supported_parameters` are those that evalkit
    can send to a text model.
    """
    sent = load_schema("text_assistant")["properties"]
    return {
        "model_id": model.name,
        "supports_thinking": None,
        "thinking_variant": None,
        "supported_parameters": sorted(_SENT & sent.keys()),
        "suggested_levels": list(_LEVELS),
        "supports_budget_tokens": False,
        "supports_budget_seconds": False,
        "providers": list(model.providers),
        "roles": list(model.roles),
        "has_run": model.has_run,
        "price_usd": None if model.price is None else asdict(model.price),
        "price_as_of": prices_as_of,
        "context_length": studio.context_length if studio else None,
        "calls_tools": studio.calls_tools if studio else None,
        "sees": studio.sees if studio else None,
        "is_loaded": bool(studio.instances) if studio else None,
    }


def studio_url(presets: Iterable[ProviderPreset]) -> str:
    """Return where LM Studio is, by its preset."""
    return next((preset.base_url for preset in presets if preset.name == STUDIO and preset.base_url), "")


def list_studio(base_url: str) -> StudioListing:
    """Return what LM Studio at `base_url` has; within a few seconds, and without raising where nobody answers."""
    root = base_url.rstrip("/").removesuffix("/v1")
    try:
        with httpx2.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
            models = read_models(_get(client, f"{root}/api/v1/models"))
            can_load = models is not None
            if models is None:
                models = read_older_models(_get(client, f"{root}/api/v0/models"))
    except httpx2.HTTPError as error:
        return StudioListing(base_url, (), can_load=False, trouble=_explain(error))
    if models is None:
        return StudioListing(base_url, (), can_load=False, trouble="another server answers there, not LM Studio's")
    ordered = sorted(models, key=lambda model: (not model.instances, model.kind != "llm", model.key.lower()))
    return StudioListing(base_url, tuple(ordered), can_load)


def describe_studio(listing: StudioListing) -> dict[str, Any]:
    """Return a listing as ``GET /models/lmstudio`` answers it."""
    return {
        "base_url": listing.base_url,
        "can_load": listing.can_load,
        "trouble": listing.trouble,
        "models": [
            {
                "id": model.key,
                "context_length": model.context_length,
                "kind": model.kind,
                "is_loaded": bool(model.instances),
                "instances": list(model.instances),
                "title": model.title,
                "quantization": model.quantization,
                "size_bytes": model.size_bytes,
                "sees": model.sees,
                "calls_tools": model.calls_tools,
            }
            for model in listing.models
        ],
    }


def _read_preset(path: Path, present: set[str]) -> ProviderPreset:
    text = path.read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    preset = content.get("provider", content)  # a file that sets more than the provider says where each belongs
    about = [line.removeprefix("#").strip() for line in takewhile(_is_comment, text.splitlines())]
    key = preset.get("api_key_env")
    return ProviderPreset(
        name=path.stem,
        about=next((line for line in about if not line.startswith("@package")), ""),
        base_url=preset.get("base_url"),
        api_key_env=key,
        has_key=key is not None and key in present,
        text_api=str(preset.get("text_api") or "responses"),
        models={role: model for role, model in (preset.get("models") or {}).items() if model},
    )


def _is_comment(line: str) -> bool:
    return line.startswith("#")


def _names_in_dotenv(working_dir: Path) -> set[str]:
    try:
        return {name for name, value in parse_dotenv((working_dir / FILE_NAME).read_text("utf-8-sig")).items() if value}
    except (OSError, UnicodeDecodeError):
        return set()


def _get(client: httpx2.Client, url: str) -> Any:
    """Return the JSON at `url`; None for whatever is no JSON of a bounded length."""
    content = b""
    with client.stream("GET", url, headers={"Accept": "application/json", "Accept-Encoding": "identity"}) as answer:
        for piece in answer.iter_raw():
            content += piece
            if len(content) > _MAX_BYTES:
                return None
    try:
        return json.loads(content)
    except ValueError:
        return None


def _explain(error: httpx2.HTTPError) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return f"no answer within {_TIMEOUT_S:g} s"
    if isinstance(error, httpx2.ConnectError):
        return "no server listens there"
    return f"no usable answer ({type(error).__name__})"
