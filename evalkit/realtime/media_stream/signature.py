"""How a provider of telephone lines signs its requests, so that an application can tell them from others'. No I/O.

``X-Twilio-Signature`` is the base64 of an HMAC-SHA1, keyed by the account's auth token, over the whole URL and behind
it each field of the form, sorted by name, as name and value without anything between. A WebSocket's handshake has none.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping


def sign_request(auth_token: str, url: str, form: Mapping[str, str]) -> str:
    """Return the signature of a request to `url` with the fields of `form`."""
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode("ascii")
