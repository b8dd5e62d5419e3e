"""Where each provider of a run is: addresses and keys, and what is wrong with them before anything starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from evalkit.peers.replayed import REPLAY, recorded_identity
from evalkit.providers.endpoints import ProviderEndpoint, find_key_problems, find_url_problems
from evalkit.settings.types import LLM_PROVIDERS, ProviderSettings


def endpoint_of(provider: ProviderSettings, embedded_url: str | None, *, identity: str = "") -> ProviderEndpoint:
    """Return the endpoint of `provider`; `embedded_url` is where the embedded one runs, if it does.

    `identity` is what caches call the embedded one, whose port changes from run to run; a replayed run is called by its
    records, and whoever serves a local language model by one name, for the same reason.
    """
    if provider.name == REPLAY and provider.run is not None:
        identity = f"{REPLAY}:{recorded_identity(provider.run)}"
    is_ours = provider.name in ("local", REPLAY)
    base_url = embedded_url if provider.name == "local" else provider.base_url
    return ProviderEndpoint(
        name=provider.name,
        base_url=base_url or "",
        api_key_env=provider.api_key_env,
        api_version=provider.api_version,
        identity="local_llm" if provider.name in LLM_PROVIDERS else identity if is_ours else "",
    )


def find_endpoint_problems(providers: Iterable[ProviderSettings], environ: Mapping[str, str]) -> list[str]:
    """Return a message for every URL that is wrong and every key that is missing; each provider is looked at once."""
    endpoints = [endpoint_of(provider, None) for provider in dict.fromkeys(providers)]
    found = [problem for endpoint in endpoints for problem in find_url_problems(endpoint)]
    found += [problem for endpoint in endpoints for problem in find_key_problems(endpoint, environ)]
    return list(dict.fromkeys(found))
