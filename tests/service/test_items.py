"""The items of a conversation."""

from __future__ import annotations

import base64
from typing import Any

from evalkit.service.brain.conversation import Answered, Called, Said, UserTurn


def test_items_can_be_placed_and_deleted(bench):
    """Items go where previous_item_id says; `root` is the front; deleted items are gone for the model."""

    def add(text: str, **fields: Any) -> str:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        return bench.send("conversation.item.create", item=item, **fields)[0]["item"]["id"]

    second = add("second")
    add("first", previous_item_id="root")
    add("fourth")
    add("third", previous_item_id=second)
    gone = add("fifth")
    assert bench.send("conversation.item.delete", item_id=gone).types == ["conversation.item.deleted"]
    bench.send("response.create")
    assert bench.seen[0].items == tuple(UserTurn(text) for text in ("first", "second", "third", "fourth"))


def test_created_items_reach_the_model(bench):
    """A history of every kind of item can be replayed by the client."""
    items = [
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Whisper."}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]},
        {"type": "function_call", "call_id": "c1", "name": "find", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "{}"},
    ]
    for item in items:
        assert bench.send("conversation.item.create", item=item).types == [
            "conversation.item.added",
            "conversation.item.done",
        ]
    bench.configure(instructions="Be kind.")
    bench.send("response.create")
    assert bench.seen[0].instructions == "Be kind.\n\nWhisper."
    assert bench.seen[0].items == (
        UserTurn("Hi."),
        Said("Hello."),
        Called("c1", "find", {"a": 1}),
        Answered("c1", "{}"),
    )


def test_truncate_forgets_unheard_words(bench):
    """Truncating an assistant's audio shortens it and drops its transcript."""
    bench.say()
    item_id = bench.send("response.create")[-1]["response"]["output"][0]["id"]
    fields = {"item_id": item_id, "content_index": 0}
    assert bench.send("conversation.item.truncate", **fields, audio_end_ms=200).types == ["conversation.item.truncated"]
    item = bench.send("conversation.item.retrieve", item_id=item_id)[0]["item"]
    assert item["content"][0]["transcript"] == ""
    assert len(base64.b64decode(item["content"][0]["audio"])) == 200 * 48
    error = bench.send("conversation.item.truncate", **fields, audio_end_ms=201).error
    assert (error["param"], error["message"]) == (
        "audio_end_ms",
        "Audio content of 200ms is already shorter than 201ms.",
    )
