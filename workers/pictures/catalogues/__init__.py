"""Texts by language: what codes, facts, operators and effects are called, and the sentences that they stand in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Final, Literal

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
ANSWER_PREFIX: Final = "answers."


class Catalogue:
    """The texts of one language. A code that nobody has translated, such as a merchant's own, stands for itself."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        self.texts = texts

    def say(self, sentence: str, **parts: object) -> str:
        """Return a sentence with its parts filled in."""
        return self.texts["say"][sentence].format(**parts)

    def name(self, kind: str, code: str, **parts: object) -> str:
        """Return what a code of a kind (``codes``, ``effects``, …) is called."""
        text = self.texts[kind].get(code)
        return code if text is None else text.format(**parts)

    def fact(self, name: str) -> str:
        """Return what a fact is called; the customer's answers are named by their question."""
        if name.startswith(ANSWER_PREFIX):
            return self.name("facts", "answers", name=name.removeprefix(ANSWER_PREFIX))
        return self.name("facts", name)

    def value(self, value: object) -> str:
        """Return a fact's value as people read it; nothing known is said so."""
        if value is None:
            return self.say("missing")
        if isinstance(value, list | tuple):
            return ", ".join(map(self.value, value))
        if isinstance(value, bool):
            return self.name("values", "true" if value else "false")
        return self.name("values", str(value))


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(language: Language) -> Catalogue:
    """Return the texts of a language."""
    read = resources.files(__package__).joinpath(f"{language}.json").read_text(encoding="utf-8")
    return Catalogue(json.loads(read))
