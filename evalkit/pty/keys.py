"""What a terminal sends when somebody presses a key or pastes a text.

Two ways to say a key exist: the one of old, and the kitty keyboard protocol, of which a program asks for parts by bits:
1 tells Esc and ctrl-keys apart from what they shared bytes with, 8 says every key so, 16 adds the text.
"""

from __future__ import annotations

from evalkit.settings.names import did_you_mean

PASTE_BEGIN, PASTE_END = "\x1b[200~", "\x1b[201~"

_DISAMBIGUATE, _ALL_AS_ESCAPES, _WITH_TEXT = 1, 8, 16

# Key -> what it sends of old, and its number in the kitty protocol.
_PLAIN = {
    "enter": (b"\r", 13),
    "esc": (b"\x1b", 27),
    "tab": (b"\t", 9),
    "backspace": (b"\x7f", 127),
    "space": (b" ", 32),
}
_CURSOR = {"up": "A", "down": "B", "right": "C", "left": "D", "home": "H", "end": "F"}
_NUMBERED = {
    "insert": 2,
    "delete": 3,
    "page-up": 5,
    "page-down": 6,
    "f5": 15,
    "f6": 17,
    "f7": 18,
    "f8": 19,
    "f9": 20,
    "f10": 21,
    "f11": 23,
    "f12": 24,
}
_FUNCTION = {"f1": "P", "f2": "Q", "f3": "R", "f4": "S"}
_CONTROL = {f"ctrl-{letter}": letter for letter in "abcdefghijklmnopqrstuvwxyz"}

KEY_NAMES: tuple[str, ...] = (*_PLAIN, "shift-tab", *_CURSOR, *_NUMBERED, *_FUNCTION, *_CONTROL)


def encode_key(name: str, *, application_cursor: bool = False, kitty_flags: int = 0) -> bytes:
    """Return the bytes that a terminal sends for a key.

    Args:
        name: One of ``KEY_NAMES``, or a single printable character.
        application_cursor: Whether the program asked for the other form of the cursor keys (mode 1).
        kitty_flags: What it asked of the kitty keyboard protocol.

    Raises:
        ValueError: There is no such key; the message has the nearest one and all names.

    """
    if len(name) == 1 and name.isprintable():
        return _encode_character(name, kitty_flags)
    if name in _PLAIN:
        return _encode_plain(name, kitty_flags)
    if name in _CURSOR:
        introducer = "\x1bO" if application_cursor and not kitty_flags else "\x1b["
        return f"{introducer}{_CURSOR[name]}".encode()
    if name in _NUMBERED:
        return f"\x1b[{_NUMBERED[name]}~".encode()
    if name in _FUNCTION:
        return _encode_function(name, kitty_flags)
    if name == "shift-tab" or name in _CONTROL:
        return _encode_modified(name, kitty_flags)
    raise ValueError(
        f"no key is called {name!r}{did_you_mean(name, KEY_NAMES)}; keys: a single character, {', '.join(KEY_NAMES)}"
    )


def encode_paste(text: str, *, bracketed: bool) -> bytes:
    r"""Return the bytes that a terminal sends when `text` is pasted.

    Args:
        text: What is pasted. It cannot end the paste early: the sequence for that is taken out of it.
        bracketed: Whether the program asked to be told where a paste begins and ends (mode 2004). Where it did not,
            each end of line arrives as the Enter key does (``\r``), as in every terminal.

    """
    while PASTE_END in text or "\x9b201~" in text:
        text = text.replace(PASTE_END, "").replace("\x9b201~", "")
    if bracketed:
        return f"{PASTE_BEGIN}{text}{PASTE_END}".encode(errors="replace")
    return text.replace("\r\n", "\r").replace("\n", "\r").encode(errors="replace")


def _encode_character(character: str, kitty_flags: int) -> bytes:
    if not kitty_flags & _ALL_AS_ESCAPES:
        return character.encode(errors="replace")
    shift = character.lower() != character and len(character.lower()) == 1
    code = ord(character.lower() if shift else character)
    if kitty_flags & _WITH_TEXT:
        return f"\x1b[{code};{2 if shift else ''};{ord(character)}u".encode()
    return f"\x1b[{code}{';2' if shift else ''}u".encode()


def _encode_plain(name: str, kitty_flags: int) -> bytes:
    legacy, code = _PLAIN[name]
    if name == "space" and kitty_flags & _ALL_AS_ESCAPES:
        return _encode_character(" ", kitty_flags)
    if kitty_flags & _ALL_AS_ESCAPES or (name == "esc" and kitty_flags & _DISAMBIGUATE):
        return f"\x1b[{code}u".encode()
    return legacy


def _encode_modified(name: str, kitty_flags: int) -> bytes:
    escaped = kitty_flags & (_DISAMBIGUATE | _ALL_AS_ESCAPES)
    if name == "shift-tab":
        return b"\x1b[9;2u" if escaped else b"\x1b[Z"
    letter = ord(_CONTROL[name])
    return f"\x1b[{letter};5u".encode() if escaped else bytes([letter & 0x1F])


def _encode_function(name: str, kitty_flags: int) -> bytes:
    if not kitty_flags:
        return f"\x1bO{_FUNCTION[name]}".encode()
    return b"\x1b[13~" if name == "f3" else f"\x1b[{_FUNCTION[name]}".encode()
