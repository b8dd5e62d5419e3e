"""Keys as terminals send them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.pty.keys import KEY_NAMES, PASTE_BEGIN, PASTE_END, encode_key, encode_paste
from evalkit.pty.screen import Screen


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("enter", b"\r"),
        ("esc", b"\x1b"),
        ("tab", b"\t"),
        ("shift-tab", b"\x1b[Z"),
        ("backspace", b"\x7f"),
        ("delete", b"\x1b[3~"),
        ("space", b" "),
        ("up", b"\x1b[A"),
        ("home", b"\x1b[H"),
        ("page-down", b"\x1b[6~"),
        ("f1", b"\x1bOP"),
        ("f5", b"\x1b[15~"),
        ("f12", b"\x1b[24~"),
        ("ctrl-a", b"\x01"),
        ("ctrl-c", b"\x03"),
        ("ctrl-z", b"\x1a"),
        ("y", b"y"),
        ("é", "é".encode()),
    ],
)
def test_keys_of_old(name: str, sent: bytes) -> None:
    """Where a program asks for nothing."""
    assert encode_key(name) == sent


def test_cursor_keys_have_two_forms() -> None:
    """The second one where the program asked for it, and not where it speaks the kitty protocol."""
    assert encode_key("up", application_cursor=True) == b"\x1bOA"
    assert encode_key("up", application_cursor=True, kitty_flags=1) == b"\x1b[A"
    assert encode_key("delete", application_cursor=True) == b"\x1b[3~"


@pytest.mark.parametrize(
    ("name", "flags", "sent"),
    [
        ("esc", 1, b"\x1b[27u"),
        ("enter", 1, b"\r"),
        ("enter", 7, b"\r"),
        ("enter", 8, b"\x1b[13u"),
        ("ctrl-c", 1, b"\x1b[99;5u"),
        ("shift-tab", 1, b"\x1b[9;2u"),
        ("a", 1, b"a"),
        ("a", 8, b"\x1b[97u"),
        ("A", 8, b"\x1b[97;2u"),
        ("a", 24, b"\x1b[97;;97u"),
        ("f3", 1, b"\x1b[13~"),
        ("f1", 1, b"\x1b[P"),
    ],
)
def test_keys_of_the_kitty_protocol(name: str, flags: int, sent: bytes) -> None:
    """As far as a program asks for it."""
    assert encode_key(name, kitty_flags=flags) == sent


def encode_as_ghostty(name: str, text: str, application_cursor: bool, kitty_flags: int) -> bytes:
    """Return what the emulator's own encoder, which a real terminal uses, makes of a key."""
    from pyghostty import ffi, lib

    def new(kind: str) -> Any:
        made = ffi.new(f"Ghostty{kind} *")
        assert (
            getattr(lib, {"KeyEncoder": "ghostty_key_encoder_new", "KeyEvent": "ghostty_key_event_new"}[kind])(
                ffi.NULL, made
            )
            == 0
        )
        return made[0]

    encoder, event = new("KeyEncoder"), new("KeyEvent")
    lib.ghostty_key_encoder_setopt(
        encoder, lib.GHOSTTY_KEY_ENCODER_OPT_CURSOR_KEY_APPLICATION, ffi.new("bool *", application_cursor)
    )
    lib.ghostty_key_encoder_setopt(encoder, lib.GHOSTTY_KEY_ENCODER_OPT_KITTY_FLAGS, ffi.new("uint8_t *", kitty_flags))
    modifier, _, key = name.rpartition("-") if name.startswith(("ctrl-", "shift-")) else ("", "", name)
    names = {"esc": "ESCAPE", "up": "ARROW_UP", "down": "ARROW_DOWN", "left": "ARROW_LEFT", "right": "ARROW_RIGHT"}
    names |= {"page-up": "PAGE_UP", "page-down": "PAGE_DOWN"}
    lib.ghostty_key_event_set_action(event, lib.GHOSTTY_KEY_ACTION_PRESS)
    lib.ghostty_key_event_set_key(event, getattr(lib, f"GHOSTTY_KEY_{names.get(key, key.upper())}"))
    mods = {"": 0, "shift": 1, "ctrl": 2}[modifier]
    lib.ghostty_key_event_set_mods(event, mods)
    written = text.encode()
    if written:
        lib.ghostty_key_event_set_utf8(event, written, len(written))
        lib.ghostty_key_event_set_unshifted_codepoint(event, ord(text))
    room = ffi.new("char[]", 128)
    size = ffi.new("size_t *")
    assert lib.ghostty_key_encoder_encode(encoder, event, room, 128, size) == 0
    lib.ghostty_key_encoder_free(encoder)
    lib.ghostty_key_event_free(event)
    return bytes(ffi.buffer(room, size[0]))


@pytest.mark.parametrize("kitty_flags", [0, 1, 5, 8, 29])
@pytest.mark.parametrize("application_cursor", [False, True])
def test_a_real_terminal_sends_the_same(application_cursor: bool, kitty_flags: int) -> None:
    """The emulator has an encoder of its own, for windows: key by key they agree.

    But for two that it tells apart from Tab and Enter unasked; and where a program asks for releases too (bit 2),
    it says of some keys that they were pressed, which the protocol takes as said.
    """
    differ = {}
    for name in {*KEY_NAMES, "a", "y"} - (set() if kitty_flags else {"ctrl-i", "ctrl-m"}):
        text = " " if name == "space" else name[-1] if len(name) == 1 or name.startswith("ctrl-") else ""
        expected = encode_as_ghostty(name, text, application_cursor, kitty_flags)
        sent = encode_key(name, application_cursor=application_cursor, kitty_flags=kitty_flags)
        if sent != expected:
            differ[name] = (sent, expected)
    assert differ == {}


@pytest.mark.parametrize(("name", "nearest"), [("entr", "enter"), ("escape", "esc"), ("pageup", "page-up"), ("", "")])
def test_an_unknown_key_is_refused_with_the_names(name: str, nearest: str) -> None:
    """And with the nearest one, where one is near."""
    with pytest.raises(ValueError, match="no key is called") as caught:
        encode_key(name)
    message = str(caught.value)
    assert f"did you mean '{nearest}'?" in message if nearest else "did you mean" not in message
    assert "enter, esc, tab" in message


@given(st.text(max_size=3))
def test_any_name_is_a_key_or_refused(name: str) -> None:
    """Nothing else happens."""
    try:
        assert encode_key(name, kitty_flags=31)
    except ValueError as error:
        assert "no key is called" in str(error)  # noqa: PT017 - most names are refused


def test_a_paste_is_bracketed_where_asked() -> None:
    """Else its line ends are those of the Enter key."""
    assert encode_paste("a\nb", bracketed=True) == b"\x1b[200~a\nb\x1b[201~"
    assert encode_paste("a\r\nb\nc", bracketed=False) == b"a\rb\rc"


@given(
    st.lists(st.sampled_from([PASTE_END, "\x1b[20", "1~", "\x1b[", "201~", "\x9b201~", "x"]), max_size=12).map("".join)
)
def test_a_paste_cannot_end_itself(text: str) -> None:
    """Whatever is pasted, the paste ends once, at its end; also where taking that out would make it anew."""
    sent = encode_paste(text, bracketed=True).decode()
    assert sent.startswith(PASTE_BEGIN)
    assert sent.index(PASTE_END) == len(sent) - len(PASTE_END)
    assert "\x9b201~" not in sent


def test_the_screen_asks_for_the_form() -> None:
    """What a program sets on the screen is what the keys are encoded by."""
    screen = Screen(20, 5)
    screen.feed(b"\x1b[?1h\x1b[>1u")
    assert encode_key("esc", application_cursor=screen.mode(1), kitty_flags=screen.kitty_flags) == b"\x1b[27u"
