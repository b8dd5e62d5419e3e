"""Settings of the launcher `ray` that would pay twice, or write a secret into a log."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from evalkit.compose.ray_cluster.settings import find_ray_problems


def _settings(**changed: Any) -> dict[str, Any]:
    return {"n_jobs": 4, "ray": {"init": {"address": None}, "remote": {"max_retries": 0}}} | changed


def test_what_ships_is_right() -> None:
    """No problem where there is none."""
    assert list(find_ray_problems(_settings())) == []


def test_a_cluster_that_is_not_there_is_answered_at_once() -> None:
    """With its address; whoever listens there may be one, and what is no HOST:PORT is Ray's to find."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert list(find_ray_problems(_settings(ray={"init": {"address": address}}))) == []
    (problem,) = find_ray_problems(_settings(ray={"init": {"address": address}}))
    assert problem.startswith(f"hydra.launcher.ray.init.address: nobody listens at {address}; expected ")
    assert list(find_ray_problems(_settings(ray={"init": {"address": "auto"}}))) == []


def test_rays_own_retries_are_refused() -> None:
    """With what to set in their place."""
    (problem,) = find_ray_problems(_settings(ray={"remote": {"max_retries": 3}}))
    assert problem.startswith("hydra.launcher.ray.remote.max_retries: 3 is not allowed; expected 0")
    assert "hydra.launcher.max_takeovers" in problem


@pytest.mark.parametrize("part", ["init", "remote"])
def test_a_secret_in_a_runtime_environment_is_refused(part: str) -> None:
    """And the way that it may travel is named; its value is not said, and other variables are as one likes."""
    variables = {"HTTPS_PROXY": "http://proxy", "MY_API_KEY": "canary"}
    (problem,) = find_ray_problems(_settings(ray={part: {"runtime_env": {"env_vars": variables}}}))
    assert f"hydra.launcher.ray.{part}.runtime_env.env_vars.MY_API_KEY" in problem
    assert "hydra.launcher.environment=[MY_API_KEY]" in problem
    assert "canary" not in problem
