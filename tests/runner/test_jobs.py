"""Where things lie follows from what they are called, and a name is never a path."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalkit.runner.jobs import name_directories, slug


@given(st.text(min_size=1, max_size=300))
def test_a_slug_is_a_safe_short_name(text: str) -> None:
    """No separators, no traversal, no endless names, whatever a model is called."""
    name = slug(text)
    assert 0 < len(name) <= 67
    assert not set(name) & set('/\\:*?"<>| ,\n\0')
    assert not name.startswith(".")


@given(st.text(max_size=80), st.text(max_size=80))
def test_different_texts_have_different_slugs(first: str, second: str) -> None:
    """Two jobs never share a directory because their names were cut."""
    assert (slug(first) == slug(second)) == (first == second)


def test_a_folder_is_named_by_what_its_job_has_of_its_own() -> None:
    """What every job has says nothing about one of them; where nothing differs, all is named."""
    shared = ("mode=coding", "seed=1")
    jobs = [("assistant.model=a", *shared), ("assistant.model=b", *shared)]
    first, second = name_directories(jobs)
    assert (first[:19], second[:19]) == ("0_assistant.model-a", "1_assistant.model-b")
    assert "coding" not in first
    assert name_directories([("mode=coding", "seed=1")])[0].startswith("0_mode-coding-seed-1")
