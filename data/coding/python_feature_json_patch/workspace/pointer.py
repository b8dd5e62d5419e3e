"""JSON Pointers (RFC 6901): paths such as /rooms/0/name."""


class PointerError(ValueError):
    """A text that is no JSON Pointer."""


def parse_pointer(text):
    """Return the tokens of a pointer, unescaped; '' has none. Raises PointerError."""
    if not isinstance(text, str):
        raise PointerError("a pointer is a text")
    if text == "":
        return []
    if not text.startswith("/"):
        raise PointerError(f"a pointer begins with a slash: {text!r}")
    return [unescape(token) for token in text[1:].split("/")]


def unescape(token):
    """Return a token with ~1 as slash and ~0 as tilde."""
    pieces = token.split("~")[1:]
    if any(piece[:1] not in ("0", "1") for piece in pieces):
        raise PointerError(f"a tilde is written ~0: {token!r}")
    return token.replace("~1", "/").replace("~0", "~")


def extend_pointer(pointer, token):
    """Return the pointer to a key or an index below another one."""
    return f"{pointer}/{str(token).replace('~', '~0').replace('/', '~1')}"
