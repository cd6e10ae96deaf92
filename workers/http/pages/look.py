"""How pages are made of templates: escaped always, in the visitor's language, with headers that let nothing else in."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from babel.messages.pofile import PoFileError
from fastapi import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from workers.http.branding import TEXTS, Brand, Branding, BrandUnusableError
from workers.http.pages.static_files import address
from workers.http.pages.words import LANGUAGES, Language, Words, words

HTMX_CONFIG: Final = '{"allowEval":false,"includeIndicatorStyles":false,"selfRequestsOnly":true,"historyCacheSize":0}'
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=()",
}
HSTS: Final = "max-age=31536000"
FOLDER: Final = Path(str(resources.files(__package__))) / "templates"


@lru_cache(maxsize=16)
def _templates(said: Words) -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        said.gettext, said.ngettext, newstyle=True, pgettext=said.pgettext
    )
    made.globals.update(w=said, lang=said.language, htmx_config=HTMX_CONFIG, address=address, zip=zip)
    return made


def drawn(template: str, said: Words, brand: Callable[[Language], Brand], /, **parts: Any) -> str:
    """Return a template with its parts filled in, in these words; ``brand`` tells whose pages they are."""
    return _templates(said).get_template(template).render(brand=brand, **parts)


def words_of(brand: Branding, language: Language) -> Words:
    """Return what pages say in a language: ours, but for what the merchant says himself."""
    return words(language, brand.texts.get(language))


def check_words(brand: Branding) -> None:
    """Raise ``BrandUnusableError`` where a merchant's own sentences cannot be used."""
    for language in LANGUAGES:
        try:
            words_of(brand, language)
        except (ValueError, PoFileError) as error:
            raise BrandUnusableError(f"{TEXTS.format(language)}: {error}") from error


def html(content: str, status: int = 200) -> Response:
    """Return a page as a response."""
    return Response(content, status, media_type="text/html; charset=utf-8")
