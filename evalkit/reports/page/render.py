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

from evalkit.records.layout import PageSection, SectionSource

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def render(
    template: str, own_scripts: Sequence[str], *, sections: Sequence[RenderedSection] = (), **content: Any
) -> Iterator[str]:
    """Yield the page of ``templates/<template>`` piece by piece, so that a long one is never held at once.

    Args:
        template: The template's file name.
        own_scripts: The file names in ``assets/`` of the page's scripts, in the order in which they run.
        sections: Those of the mode's own, with what scripts and styles they need.
        content: What the template shows. Iterators are drawn from as the page goes on.

    """
    from markupsafe import Markup

    styles = [read_asset("page.css"), *(section.style for section in sections if section.style)]
    scripts = [*map(read_asset, own_scripts), *(section.script for section in sections if section.script)]
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {_allowed(scripts)}",
            f"style-src {_allowed(styles)}",
            "img-src data:",
            "media-src 'self' file: data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    # All are files of packages, not data.
    own = {"styles": list(map(Markup, styles)), "scripts": list(map(Markup, scripts)), "policy": policy}
    yield from _environment().get_template(template).generate(**own, sections=sections, **content)


@dataclass(frozen=True)
class RenderedSection:
    """A section of a mode's own: its heading, markup in which all that was shown is escaped, its script and style."""

    title: str
    markup: Markup
    script: str = ""
    style: str = ""


def render_section(section: PageSection, source: SectionSource) -> RenderedSection:
    """Return a mode's own section over what the run left."""
    from markupsafe import Markup

    template = _environment().from_string(_text_of(section.template))
    # The mode's template is code of a package; what it shows went through autoescape.
    markup = Markup(template.render(**section.context(source)))  # noqa: S704
    return RenderedSection(section.title, markup, _text_of(section.script), _text_of(section.style))


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

    from evalkit.reports.page.compiled_templates import CompiledTemplates

    environment = Environment(
        loader=PackageLoader("evalkit.reports.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=CompiledTemplates(Path(__file__).parent),
    )
    environment.filters["script_json"] = script_json
    return environment


def _text_of(given: str | Path) -> str:
    return given.read_text(encoding="utf-8") if isinstance(given, Path) else given


def _allowed(texts: Sequence[str]) -> str:
    return " ".join(f"'sha256-{_hash(text)}'" for text in texts)


def _hash(text: str) -> str:
    return base64.b64encode(sha256(text.encode()).digest()).decode("ascii")
