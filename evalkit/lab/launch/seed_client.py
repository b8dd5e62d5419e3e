"""What a client of the older benchmark of code models asks for, as overrides: its ``POST /runs``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from evalkit.lab.launch.lines import as_value
from evalkit.settings.options import list_groups

_Name = Annotated[str, Field(max_length=300)]
_EFFORTS = ("low", "medium", "high")


class RunWish(BaseModel):
    """A run as that client asks for it. What it does not say is as at the command line; other fields are passed over.

    ``install_deps`` has no meaning: no task needs a package, and a sandbox has no network.
    """

    model_config = ConfigDict(extra="ignore")

    models: list[str] = Field(default_factory=list, max_length=50)
    tasks: list[str] | None = Field(default=None, max_length=500)
    samples: int | None = Field(default=None, ge=1, le=1000)
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)
    provider: str | None = Field(default=None, max_length=100)
    include_tests: bool | None = None
    allow_incomplete_diffs: bool | None = None
    allow_diff_rewrite_fallback: bool | None = None
    thinking_level: str | None = Field(default=None, max_length=20)
    sweep_thinking_levels: bool = False
    include_thinking_variants: bool = False
    max_examples: int | None = Field(default=None, ge=1)
    response_text: str | None = Field(default=None, max_length=1_000_000)
    mode: Literal["coding"] = "coding"


def overrides_of(wish: RunWish) -> list[list[str]]:
    """Return the overrides of every run that is asked for: one for each model and level of thinking."""
    sweeps = wish.sweep_thinking_levels or wish.include_thinking_variants
    levels: Sequence[str | None] = _EFFORTS if sweeps else (wish.thinking_level,)
    models: Sequence[str | None] = wish.models or (None,)
    return [[*_of_all(wish), *_of_model(wish, model, level)] for model, level in product(models, levels)]


def _of_all(wish: RunWish) -> Iterator[str]:
    yield f"mode={wish.mode}"
    if wish.tasks and wish.tasks != ["all"]:
        yield f"mode.tasks=[{','.join(as_value(task) for task in wish.tasks)}]"
    plain = {
        "trials": wish.samples,
        "assistant.temperature": wish.temperature,
        "assistant.max_output_tokens": wish.max_tokens,
        "mode.include_tests": wish.include_tests,
        "max_examples": wish.max_examples,
    }
    for name, value in plain.items():
        if value is not None:
            yield f"{name}={str(value).lower()}"
    lenient = [told for told in (wish.allow_incomplete_diffs, wish.allow_diff_rewrite_fallback) if told is not None]
    if lenient:
        yield f"mode.lenient={str(any(lenient)).lower()}"


def _of_model(wish: RunWish, model: str | None, level: str | None) -> Iterator[str]:
    """Yield provider and model; that client names a provider in front of a model: ``openrouter/MAKER/MODEL``."""
    first, slash, rest = (model or "").partition("/")
    provider = wish.provider
    if slash and first in list_groups()["provider"]:
        provider, model = first, rest
    if provider:
        yield f"provider={as_value(provider)}"
    if model:
        yield f"assistant.model={as_value(model)}"
    if level and level != "none":
        yield f"assistant.reasoning_effort={as_value(level)}"
