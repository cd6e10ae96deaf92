"""What a page says in a language: sentences by gettext, dates, money and plurals by Babel."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from io import BytesIO
from typing import Final, Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
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


class Words:
    """The words of one language."""

    def __init__(self, language: Language, translations: NullTranslations) -> None:
        self.language = language
        self.tag = TAGS[language]
        self._locale = Locale.parse(LOCALES[language])
        self._translations = translations

    def gettext(self, sentence: str) -> str:
        return str(self._translations.gettext(sentence))

    def ngettext(self, one: str, many: str, number: int) -> str:
        return str(self._translations.ngettext(one, many, number))

    def pgettext(self, context: str, sentence: str) -> str:
        return str(self._translations.pgettext(context, sentence))

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


@lru_cache(maxsize=len(LANGUAGES))
def words(language: Language) -> Words:
    """Return the words of a language; English stands in the templates themselves."""
    if language == "en":
        return Words(language, NullTranslations())
    return Words(language, translations(__package__, "pages", language))


def translations(package: str, name: str, language: Language) -> Translations:
    """Return a catalogue of a package: ``locale/<language>/LC_MESSAGES/<name>.po`` in its folder."""
    source = resources.files(package).joinpath(f"locale/{language}/LC_MESSAGES/{name}.po")
    with source.open("rb") as file:
        catalogue = read_po(file, locale=LOCALES[language])
    made = BytesIO()
    write_mo(made, catalogue)
    made.seek(0)
    return Translations(made)


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
