"""What modes share that ask a text model (``conf/family/text.yaml``): its prompt, and what of it decides a record."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from evalkit.datasets.files import read_text
from evalkit.peers.replayed import recorded_identity
from evalkit.providers.text_model import Sampling
from evalkit.records.json import JsonObject
from evalkit.settings.types import LLM_PROVIDERS, TextRunSettings

_SAMPLING = ("temperature", "max_output_tokens", "reasoning_effort")


def prompt_files(settings: TextRunSettings) -> tuple[Path, ...]:
    """Return the files that the prompt comes from, for the dataset manifest: one, or none."""
    path = settings.assistant.system_prompt_file
    return () if path is None else (path,)


def read_prompt(settings: TextRunSettings) -> str:
    """Return what the model is told; empty where ``assistant.system_prompt_file`` is null. Raises DataError."""
    return "".join(read_text(path) for path in prompt_files(settings))


def sampling_of(settings: TextRunSettings) -> Sampling:
    """Return how the model is to answer, for :meth:`~evalkit.providers.text_model.TextModel.ask`."""
    chosen = settings.assistant
    return Sampling(
        temperature=chosen.temperature,
        max_output_tokens=chosen.max_output_tokens,
        reasoning_effort=chosen.reasoning_effort,
    )


def fingerprint_assistant(settings: TextRunSettings) -> JsonObject:
    """Return what of the settings decides an answer, by content: model, endpoint, prompt, and the embedded provider.

    What is left at its default is not in it, so that records of before there was such a key are still good.
    """
    assistant, service = settings.assistant, settings.service
    provider = assistant.provider
    is_embedded = provider.name == "local"
    return {
        "provider": provider.name,
        "base_url": None if provider.run or provider.name in LLM_PROVIDERS else provider.base_url,
        "run": recorded_identity(provider.run) if provider.run else None,
        "model": assistant.model,
        "system_prompt_sha256": sha256(read_prompt(settings).encode()).hexdigest(),
        "service": {"brain": service.brain, "faults": service.faults} if is_embedded else None,
        **({} if provider.text_api == "responses" else {"text_api": provider.text_api}),
        **{name: value for name in _SAMPLING if (value := getattr(assistant, name)) is not None},
    }
