"""Where each provider of a run is, what caches know it by, and what is wrong with it before anything starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalkit.peers.endpoints import endpoint_of, find_endpoint_problems
from evalkit.settings.types import LLM_PROVIDERS, ModelSettings, ProviderSettings

LOCAL = ProviderSettings("local", None, None, None, None, ModelSettings())
HOUSE = ProviderSettings("compatible", "https://house.example/v1", "HOUSE_KEY", None, None, ModelSettings())


def test_the_embedded_provider_is_where_it_runs_and_known_by_what_it_is() -> None:
    """Its port changes from run to run, its engines do not."""
    found = [endpoint_of(LOCAL, f"http://127.0.0.1:{port}/v1", identity="local:pico") for port in (1001, 1002)]
    assert [endpoint.base_url for endpoint in found] == ["http://127.0.0.1:1001/v1", "http://127.0.0.1:1002/v1"]
    assert {endpoint.cache_identity for endpoint in found} == {"local:pico"}


def test_another_provider_keeps_its_address_and_is_known_by_it() -> None:
    """Whatever the embedded one is called, and wherever it runs."""
    endpoint = endpoint_of(HOUSE, "http://127.0.0.1:1001/v1", identity="local:pico")
    assert (endpoint.base_url, endpoint.cache_identity) == (HOUSE.base_url, HOUSE.base_url)
    assert endpoint.api_key_env == "HOUSE_KEY"


def test_a_local_language_model_is_known_by_what_it_is() -> None:
    """Its port changes from run to run, and which preset names it decides nothing."""
    served = [replace(HOUSE, name=name, base_url=f"http://127.0.0.1:{len(name)}/v1") for name in LLM_PROVIDERS]
    found = [endpoint_of(provider, None) for provider in served]
    assert len({endpoint.base_url for endpoint in found}) == len(LLM_PROVIDERS)
    assert {endpoint.cache_identity for endpoint in found} == {"local_llm"}


def test_all_problems_are_found_and_each_is_told_once() -> None:
    """Roles share providers: one missing key is one message."""
    broken = replace(HOUSE, base_url="ftp://house.example/v1")
    problems = find_endpoint_problems([HOUSE, HOUSE, broken, LOCAL], {})
    assert len(problems) == 2
    assert "not an HTTP address" in problems[0]
    assert "HOUSE_KEY is not set" in problems[1]
    assert find_endpoint_problems([HOUSE, LOCAL], {"HOUSE_KEY": "k"}) == []


@pytest.mark.parametrize("key", ["", "two words"])
def test_a_key_that_can_be_none_is_a_problem_and_is_not_shown(key: str) -> None:
    """Before the first request, and never in a message."""
    (problem,) = find_endpoint_problems([HOUSE], {"HOUSE_KEY": key})
    assert "HOUSE_KEY" in problem
    assert "two words" not in problem
