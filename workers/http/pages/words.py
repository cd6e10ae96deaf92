"""What a page says in a language: sentences by gettext, dates, money and plurals by Babel."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from io import BytesIO
from typing import Final, Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, get_currency_precision
from babel.support import NullTranslations, Translations

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
NAMES: Final[dict[Language, str]] = {"en": "English", "zh": "中文"}
LOCALES: Final[dict[Language, str]] = {"en": "en", "zh": "zh_Hans_CN"}
TAGS: Final[dict[Language, str]] = {"en": "en", "zh": "zh-Hans"}
LAST_INSTANT: Final = timedelta(microseconds=1)
UTC_NAME: Final = "UTC"
OF_POLICY: Final = "policy"
"""The context of texts that stand in policies; no catalogue of ours knows them."""
PARTS: Final = re.compile(r"%\((\w+)\)s")
"""What stands in a sentence for what is filled in."""


class Words:
    """The words of one language."""

    def __init__(self, language: Language, translations: NullTranslations) -> None:
        self.language = language
        self.tag = TAGS[language]
        self._locale = Locale.parse(LOCALES[language])
        self.translations = translations

    def gettext(self, sentence: str) -> str:
        return str(self.translations.gettext(sentence))

    def ngettext(self, one: str, many: str, number: int) -> str:
        return str(self.translations.ngettext(one, many, number))

    def pgettext(self, context: str, sentence: str) -> str:
        return str(self.translations.pgettext(context, sentence))

    def of_policy(self, text: str) -> str:
        """Return a text that a policy holds, such as a question, where the merchant says it in this language, too."""
        return self.pgettext(OF_POLICY, text)

    def money(self, amount_minor: int, currency: str) -> str:
        """Return an amount as people write it."""
        digits = get_currency_precision(currency)
        return format_currency(Decimal(amount_minor).scaleb(-digits), currency, locale=self._locale)

    def day(self, at: datetime | date, zone: str = UTC_NAME) -> str:
        """Return a day, where it is counted in that zone."""
        return format_date(_in_zone(at, zone), "long", locale=self._locale)

    def last_day(self, before: datetime, zone: str = UTC_NAME) -> str:
        """Return the last day before an instant at which a day ends."""
        return self.day(before - LAST_INSTANT, zone)

    def moment(self, at: datetime, zone: str = UTC_NAME) -> str:
        """Return a day with its time, for what has just happened."""
        return format_datetime(at, "long", tzinfo=ZoneInfo(zone), locale=self._locale)


def _in_zone(at: datetime | date, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date() if isinstance(at, datetime) else at


@lru_cache(maxsize=16)
def words(language: Language, own: bytes | None = None) -> Words:
    """Return the words of a language; English stands in the templates themselves.

    Args:
        language: Whose words they are.
        own: A merchant's own sentences in the place of ours: a catalogue of gettext (PO).
    Raises:
        ValueError: ``own`` is no catalogue, or a sentence of it is none of ours, or has other parts than ours.
    """
    if own is not None:
        return Words(language, _in_place_of_ours(language, own))
    if language == "en":
        return Words(language, NullTranslations())
    return Words(language, translations(__package__, "pages", language))


def translations(package: str, name: str, language: Language) -> Translations:
    """Return a catalogue of a package: ``locale/<language>/LC_MESSAGES/<name>.po`` in its folder."""
    source = resources.files(package).joinpath(f"locale/{language}/LC_MESSAGES/{name}.po")
    return _compiled(_catalogue(source.read_bytes(), language))


def _catalogue(content: bytes, language: Language) -> Catalog:
    return read_po(BytesIO(content), locale=LOCALES[language], abort_invalid=True)


def _compiled(catalogue: Catalog) -> Translations:
    made = BytesIO()
    write_mo(made, catalogue)
    made.seek(0)
    return Translations(made)


def _in_place_of_ours(language: Language, content: bytes) -> Translations:
    own = _catalogue(content, language)
    known = _known_sentences()
    for message in own:
        ours, his = _forms(message.id), _forms(message.string)
        if not ours or not his:
            continue  # the header, or what he leaves to us
        if message.context != OF_POLICY and ours[0] not in known:
            raise ValueError(f"no page says {ours[0]!r}")
        if any("<" in form for form in his):
            raise ValueError(f"{his[-1]!r} holds markup: sentences are texts")
        if set(PARTS.findall(his[-1])) != set(PARTS.findall(ours[-1])):
            raise ValueError(f"{ours[0]!r} has other parts than {his[-1]!r}")
    made = _compiled(own)
    made.add_fallback(words(language).translations)
    return made


@lru_cache(maxsize=1)
def _known_sentences() -> frozenset[str]:
    """Return the sentences that pages say: each is translated, so they are those of a translation."""
    source = resources.files(__package__).joinpath("locale/zh/LC_MESSAGES/pages.po")
    found = (_forms(message.id) for message in _catalogue(source.read_bytes(), "zh"))
    return frozenset(forms[0] for forms in found if forms)


def _forms(said: object) -> tuple[str, ...]:
    """Return a message's forms, by number where it has several; none where it says nothing."""
    forms = (said,) if isinstance(said, str) else said if isinstance(said, list | tuple) else ()
    return tuple(str(form) for form in forms if form)


def chosen_language(asked: str | None, kept: str | None, accepted: str) -> Language:
    """Return the language to speak: as asked for, as chosen before, as the browser's header says, or English.

    Args:
        asked: What the address or the form says.
        kept: What the cookie says.
        accepted: The header ``Accept-Language``; "" without.
    """
    for said in (asked, kept):
        for language in LANGUAGES:
            if said == language:
                return language
    weighed = []
    for place, part in enumerate(accepted.split(",")[:20]):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weighed.append((-float(quality or 1), place, tag.lower().split("-")[0]))
        except ValueError:
            continue
    for _, _, tag in sorted(weighed):
        for language in LANGUAGES:
            if tag == language:
                return language
    return "en"
