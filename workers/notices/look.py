"""How letters are made of templates, each of which a merchant may put another in the place of.

One template a kind of letter says what it says; a layout and its parts make HTML or plain text of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from domain.errors import UnusableInputError
from workers.http.branding import Brand
from workers.http.pages import naming
from workers.http.pages.words import LANGUAGES, Language
from workers.notices.words import words

FOLDER: Final = Path(str(resources.files(__package__))) / "templates"
SUFFIX: Final = ".jinja"
Form = Literal["html", "txt"]
FORMS: Final[tuple[Form, ...]] = ("html", "txt")
BLANK_LINES: Final = re.compile(r"\n\s*\n\s*")


class TemplateBrokenError(UnusableInputError):
    """A template of letters, ours or the merchant's, cannot be used."""

    code = "template_broken"


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a letter says."""

    subject: str
    text: str
    html: str
    sms: str


class Look:
    """The templates of letters.

    Args:
        folder: The merchant's own, by the names of ours; None: ours.
        brand: Who writes, by language.
    """

    def __init__(self, folder: Path | None, brand: Callable[[Language], Brand]) -> None:
        folders = [FOLDER] if folder is None else [folder, FOLDER]
        self._environments = {
            (language, form): _environment(folders, language, form, brand(language))
            for language in LANGUAGES
            for form in FORMS
        }

    def draw(self, kind: str, language: Language, parts: Mapping[str, Any]) -> Drawn:
        """Return what a letter of a kind says with these parts.

        Raises:
            TemplateBrokenError: Its template cannot be used.
        """
        try:
            html, plain = (self._environments[language, form].get_template(kind + SUFFIX) for form in FORMS)
            return Drawn(
                subject=" ".join(_block(plain, "subject", parts).split()),
                text=_tidy(plain.render(parts)),
                html=html.render(parts),
                sms=" ".join(_block(plain, "sms", parts).split()),
            )
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, OSError) as error:
            raise TemplateBrokenError(_said(kind, error)) from error

    def check(self, samples: Mapping[str, Mapping[str, Any]]) -> None:
        """Draw every kind of letter in every language, with parts made up for it.

        Raises:
            TemplateBrokenError: One cannot be drawn, or says nothing.
        """
        for kind, parts in samples.items():
            for language in LANGUAGES:
                drawn = self.draw(kind, language, parts)
                if not (drawn.subject and drawn.text.strip()):
                    raise TemplateBrokenError(f"{kind}{SUFFIX}: it has no subject, or no text")


def _environment(folders: list[Path], language: Language, form: Form, brand: Brand) -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        autoescape=form == "html",
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    said = words(language)
    made.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        said.gettext, said.ngettext, newstyle=True, pgettext=said.pgettext
    )
    made.globals.update(
        w=said, brand=brand, naming=naming, lang=said.tag, layout=f"layout.{form}", parts=f"parts.{form}"
    )
    return made


def _block(template: Template, name: str, parts: Mapping[str, Any]) -> str:
    """Return what one block of a template says; the layout's, where it has none of its own."""
    return template.render({**parts, "only": name})


def _tidy(text: str) -> str:
    """Return a text whose paragraphs are one blank line apart."""
    lines = "\n".join(line.strip() for line in text.strip().splitlines())
    return BLANK_LINES.sub("\n\n", lines) + "\n"


def _said(kind: str, error: Exception) -> str:
    """Return what is wrong with a template in one line, with the place where it is known."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.name or kind + SUFFIX}, line {error.lineno}: {error.message}"
    return f"{kind}{SUFFIX}: {' '.join(str(error).split())}"
