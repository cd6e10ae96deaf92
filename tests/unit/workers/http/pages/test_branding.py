"""A merchant's folder: his sentences in the place of ours, and what of it cannot be used is said at the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.http.branding import Branding, BrandUnusableError
from workers.http.pages.look import check_words, words_of
from workers.http.pages.words import words

HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'


def folder(tmp_path: Path, **catalogues: str) -> Path:
    (tmp_path / "brand.json").write_text('{"en": {"name": "Aurora"}}')
    for language, sentences in catalogues.items():
        (tmp_path / f"pages.{language}.po").write_text(HEADER + sentences, "utf-8")
    return tmp_path


def test_a_merchants_sentence_stands_in_the_place_of_ours(tmp_path: Path) -> None:
    """In the language that he says it in; what he leaves out, or leaves empty, stays ours."""
    said = 'msgid "Start a return"\nmsgstr "Send it back"\n\nmsgid "Your return"\nmsgstr ""\n'
    brand = Branding(folder(tmp_path, en=said, zh='msgid "Start a return"\nmsgstr "退回商品"\n'))

    assert words_of(brand, "en").gettext("Start a return") == "Send it back"
    assert words_of(brand, "en").gettext("Your return") == "Your return"
    assert words_of(brand, "zh").gettext("Start a return") == "退回商品"
    assert words_of(brand, "zh").gettext("Your return") == words("zh").gettext("Your return") != "Your return"
    assert words("en").gettext("Start a return") == "Start a return"


def test_a_reason_is_worded_for_a_category_by_the_merchant(tmp_path: Path) -> None:
    """As in our own catalogue, by the category as context; elsewhere it stays ours."""
    said = 'msgctxt "lamps"\nmsgid "It is too small"\nmsgstr "It gives too little light"\n'
    brand = Branding(folder(tmp_path, en=said))

    assert words_of(brand, "en").pgettext("lamps", "It is too small") == "It gives too little light"
    assert words_of(brand, "en").gettext("It is too small") == "It is too small"


def test_what_a_policy_asks_is_said_in_the_customers_language(tmp_path: Path) -> None:
    """A policy holds its questions in one language; the folder holds them in others. Elsewhere it is as it stands."""
    said = 'msgctxt "policy"\nmsgid "Was the box opened?"\nmsgstr "包装是否已拆开？"\n'
    brand = Branding(folder(tmp_path, zh=said))
    check_words(brand)

    assert words_of(brand, "zh").of_policy("Was the box opened?") == "包装是否已拆开？"
    assert words_of(brand, "en").of_policy("Was the box opened?") == "Was the box opened?"
    assert words_of(brand, "zh").of_policy("Is it complete?") == "Is it complete?"


@pytest.mark.parametrize(
    ("sentences", "why"),
    [
        ('msgid "Start a retrun"\nmsgstr "Send it back"\n', "no page says 'Start a retrun'"),
        ('msgid "Order %(order_id)s"\nmsgstr "Your order"\n', "'Order %(order_id)s' has other parts"),
        ('msgid "Order %(order_id)s"\nmsgstr "Order %(number)s"\n', "'Order %(order_id)s' has other parts"),
        ('msgid "Start a return"\nmsgstr "<script>alert(1)</script>"\n', "holds markup"),
        ("this is no catalogue\n", "pages.en.po: "),
    ],
)
def test_what_cannot_be_used_is_said_at_the_start(tmp_path: Path, sentences: str, why: str) -> None:
    """A misspelt sentence would change nothing, and a missing part would lose a figure."""
    with pytest.raises(BrandUnusableError) as refused:
        check_words(Branding(folder(tmp_path, en=sentences)))

    assert why in str(refused.value)


def test_a_folder_without_sentences_speaks_as_we_do(tmp_path: Path) -> None:
    for brand in (Branding(None), Branding(folder(tmp_path))):
        assert words_of(brand, "zh").gettext("Start a return") == words("zh").gettext("Start a return")
