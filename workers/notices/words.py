"""What letters say in a language: the sentences of pages, and those of letters."""

from __future__ import annotations

from functools import lru_cache

from workers.http import pages
from workers.http.pages.words import LANGUAGES, Language, Words, translations
from workers.http.pages.words import words as words_of_pages


@lru_cache(maxsize=len(LANGUAGES))
def words(language: Language) -> Words:
    """Return the words of a language; English stands in the templates themselves."""
    if language == "en":
        return words_of_pages(language)
    made = translations(pages.__name__, "pages", language)
    made.merge(translations(__package__, "notices", language))
    return Words(language, made)
