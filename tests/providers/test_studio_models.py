"""LM Studio's three listings, as its documentation and its program's source show them."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.providers.studio_models import StudioModel, read_listings, read_models, read_older_models


def test_the_rest_api_tells_what_a_model_can() -> None:
    """Size, packing, context and abilities beside its name and what is loaded of it."""
    listed = {
        "type": "llm", "publisher": "maker", "key": "maker/coder", "display_name": "Coder 7B", "size_bytes": 4_500,
        "quantization": {"name": "Q4_K_M", "bits_per_weight": 4}, "max_context_length": 32_768,
        "loaded_instances": [{"id": "maker/coder", "config": {"context_length": 4_096}}, {"id": "maker/coder:2"}],
        "capabilities": {"vision": False, "trained_for_tool_use": True},
    }  # fmt: skip
    assert read_models({"models": [listed, {"type": "embedding", "key": "e"}]}) == [
        StudioModel("maker/coder", "llm", ("maker/coder", "maker/coder:2"), "", "Coder 7B", "Q4_K_M", 4_500, 32_768,
                    sees=False, calls_tools=True),
        StudioModel("e", "embedding", ()),
    ]  # fmt: skip


def test_the_older_api_tells_less() -> None:
    """One id for the model and for what is loaded of it."""
    listed = {
        "id": "looker", "type": "vlm", "state": "loaded", "quantization": "4bit", "max_context_length": 8_192,
        "capabilities": ["tool_use"],
    }  # fmt: skip
    embedding = {"id": "e", "type": "embeddings", "state": "not-loaded"}
    assert read_older_models({"data": [listed, embedding]}) == [
        StudioModel("looker", "llm", ("looker",), quantization="4bit", context_length=8_192, sees=True,
                    calls_tools=True),
        StudioModel("e", "embedding", (), sees=False),
    ]  # fmt: skip


def test_the_program_tells_it_in_two_listings() -> None:
    """What is loaded is told by the model's key, by older versions by its path only."""
    known = [
        {"type": "llm", "modelKey": "a", "path": "maker/a.gguf", "displayName": "A", "sizeBytes": 7, "vision": True,
         "trainedForToolUse": False, "maxContextLength": 99, "quantization": {"name": "Q8_0", "bits": 8}},
        {"type": "embedding", "modelKey": "e", "path": "maker/e.gguf"},
    ]  # fmt: skip
    loaded = [{"identifier": "a", "modelKey": "a"}, {"identifier": "mine", "path": "maker/a.gguf"}]
    assert read_listings(known, loaded) == [
        StudioModel("a", "llm", ("a", "mine"), "maker/a.gguf", "A", "Q8_0", 7, 99, sees=True, calls_tools=False),
        StudioModel("e", "embedding", (), "maker/e.gguf"),
    ]


@pytest.mark.parametrize("answer", [None, [], 7, {}, {"models": None, "data": 3}, {"error": "Unexpected endpoint"}])
def test_another_answer_is_no_listing(answer: Any) -> None:
    """So that a server without the path is known by what it says."""
    assert read_models(answer) is None
    assert read_older_models(answer) is None
    assert read_listings({}, answer) is None


def test_misshapen_rows_are_read_as_far_as_they_go() -> None:
    """Without a crash, and without a number that is none."""
    rows = [7, {"key": 1, "size_bytes": True, "max_context_length": "9", "loaded_instances": [1, {"id": 2}, {}],
                "quantization": "Q4", "capabilities": ["vision"]}]  # fmt: skip
    assert read_models({"models": rows}) == [StudioModel("", "llm", ())] * 2
    assert read_older_models({"data": [7, {"id": []}]}) == [StudioModel("", "llm", ())] * 2
    assert read_listings([7], None) == [StudioModel("", "llm", ())]
    assert [StudioModel("a", "llm", ("a:2",)).is_named(name) for name in ("a", "a:2", "b")] == [True, True, False]
