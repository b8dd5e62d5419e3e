"""Templates -> self-contained HTML that opens from disk and speaks to nobody.

Everything a model, a caller or a tool said is escaped: in markup by jinja2's autoescape, in scripts by writing JSON in
which no ``<``, ``>``, ``&`` or line separator stands literally. A Content-Security-Policy allows the page's own script
and style, by hash, and sound and pictures that lie beside it; nothing may be fetched or sent.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.records.layout import PageSection
from evalkit.records.record import CaseRecord

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def render(template: str, script: str, **content: Any) -> Iterator[str]:
    """Yield the page of ``templates/<template>`` piece by piece, so that a long one is never held at once.

    Args:
        template: The template's file name.
        script: The file name in ``assets/`` of the page's script.
        content: What the template shows. Iterators are drawn from as the page goes on.

    """
    from markupsafe import Markup

    style, code = read_asset("page.css"), read_asset(script)
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src 'sha256-{_hash(code)}'",
            f"style-src 'sha256-{_hash(style)}'",
            "img-src data:",
            "media-src 'self' file: data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    # Both are files of this package, not data.
    own = {"style": Markup(style), "code": Markup(code), "policy": policy}  # noqa: S704
    yield from _environment().get_template(template).generate(**own, **content)


@dataclass(frozen=True)
class RenderedSection:
    """A section of a mode's own: its heading, and markup in which everything that was shown is escaped."""

    title: str
    markup: Markup


def render_section(section: PageSection, records: Sequence[CaseRecord]) -> RenderedSection:
    """Return a mode's own section over `records`."""
    from markupsafe import Markup

    given = section.template
    text = given.read_text(encoding="utf-8") if isinstance(given, Path) else given
    # The mode's template is code of a package; what it shows went through autoescape.
    markup = Markup(_environment().from_string(text).render(**section.context(records)))  # noqa: S704
    return RenderedSection(section.title, markup)


def read_asset(name: str) -> str:
    """Return the text of a file in ``assets/`` that ships with the package."""
    return (files("evalkit.reports.page") / "assets" / name).read_text(encoding="utf-8")


def script_json(value: Any) -> Markup:
    """Return `value` as JSON that may stand inside a script element whatever it contains."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_ESCAPES))  # noqa: S704  the translation is the escaping


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("evalkit.reports.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["script_json"] = script_json
    return environment


def _hash(text: str) -> str:
    return base64.b64encode(sha256(text.encode()).digest()).decode("ascii")
