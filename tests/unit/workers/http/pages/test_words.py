"""What pages say: every sentence in both languages, with the same parts in it, and no name of a code left over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_args

import orjson
import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import Environment, FileSystemLoader

from domain.vocabularies import Method, Reason, TenderKind
from workers.http import pages
from workers.http.pages import look, naming
from workers.http.pages.words import chosen_language, words

FOLDER: Final = Path(pages.__file__).parent
TRIMMED: Final = {"templates/**.html": {"newstyle_gettext": "true", "silent": "false"}}
KEYWORDS: Final[dict[str, Any]] = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
PARTS: Final = re.compile(r"%\((\w+)\)s")


def sentences() -> Iterator[str | tuple[str, ...]]:
    """Yield what the templates and the code of pages say."""
    for _, _, sentence, _, _ in extract_from_dir(
        FOLDER, [("templates/**.html", "jinja2"), ("**.py", "python")], TRIMMED, keywords=KEYWORDS
    ):
        yield sentence


def test_every_sentence_is_translated_and_keeps_its_parts() -> None:
    """Nothing on a Chinese page is English by oversight, and no figure is lost on the way."""
    with (FOLDER / "locale/zh/LC_MESSAGES/pages.po").open("rb") as file:
        chinese = read_po(file)
    said = set(sentences())
    assert len(said) > 100

    missing = [
        one for one in said if not (found := chinese.get(one if isinstance(one, str) else one[0])) or not found.string
    ]
    assert missing == []
    for one in said:
        many = one if isinstance(one, str) else one[1]
        found = chinese.get(one if isinstance(one, str) else one[0])
        assert found is not None
        assert found.string
        translated = found.string if isinstance(found.string, str) else found.string[0]
        assert set(PARTS.findall(translated)) == set(PARTS.findall(many)), one


def test_no_translation_is_of_a_sentence_that_nobody_says() -> None:
    """The catalogue holds no leftovers."""
    with (FOLDER / "locale/zh/LC_MESSAGES/pages.po").open("rb") as file:
        chinese = {message.id for message in read_po(file) if message.id}

    assert chinese - set(sentences()) == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_code_that_a_customer_may_meet_has_words(language: Any) -> None:
    """Reasons, ways back and tenders: nobody is shown a code."""
    said = words(language)

    for reason in get_args(Reason):
        assert "_" not in naming.reason_name(reason, "shoes", said)
    for method in get_args(Method):
        assert naming.method_name(method, said)
    for tender in get_args(TenderKind):
        assert "_" not in naming.tender_name(tender, said)


def test_a_reason_is_worded_for_its_category() -> None:
    """What is worn has reasons of its own, and may have words of its own."""
    chinese = words("zh")

    assert naming.reason_name("too_small", "shoes", chinese) != naming.reason_name("too_small", "apparel", chinese)
    assert "too_small" in dict(naming.reasons_for("Shoes", chinese))
    assert "too_small" not in dict(naming.reasons_for("home", chinese))


def test_money_and_days_are_written_as_the_language_writes_them() -> None:
    """Minor units by the currency; days in the zone in which they are counted."""
    english, chinese = words("en"), words("zh")
    midnight = datetime(2026, 12, 10, 23, tzinfo=UTC)  # the end of 10 December in Berlin

    assert (english.money(123456, "EUR"), chinese.money(500, "JPY")) == ("€1,234.56", "JP¥500")
    assert english.last_day(midnight, "Europe/Berlin") == "December 10, 2026"
    assert chinese.last_day(midnight, "Europe/Berlin") == "2026年12月10日"


@pytest.mark.parametrize(
    ("asked", "kept", "accepted", "spoken"),
    [
        ("zh", "en", "en", "zh"),
        (None, "zh", "en", "zh"),
        (None, None, "fr, zh-CN;q=0.8, en;q=0.2", "zh"),
        (None, None, "en-GB,zh;q=0.9", "en"),
        ("xx", "<b>", "nonsense;q=x", "en"),
        (None, None, "", "en"),
    ],
)
def test_the_language_is_as_asked_else_as_kept_else_as_the_browser_says(
    asked: str | None, kept: str | None, accepted: str, spoken: str
) -> None:
    """In this order; whatever else is said counts for nothing."""
    assert chosen_language(asked, kept, accepted) == spoken


def test_no_template_marks_a_text_as_safe_or_holds_a_script() -> None:
    """What comes from outside is escaped wherever it stands, and no page brings code of its own."""
    for template in (FOLDER / "templates").rglob("*.html"):
        text = template.read_text()
        assert not re.search(r"\|\s*safe|autoescape false|<style|\son\w+=|style=|hx-on", text), template.name
        assert "<script>" not in text
    Environment(loader=FileSystemLoader(FOLDER / "templates"), autoescape=True)


def test_htmx_evaluates_nothing_and_asks_nobody_else() -> None:
    """As strict as the pages' own rules: its settings stand on every page, and it is the one file of code there is."""
    assert orjson.loads(look.HTMX_CONFIG) == {
        "allowEval": False, "includeIndicatorStyles": False, "selfRequestsOnly": True, "historyCacheSize": 0,
    }  # fmt: skip
    base = (FOLDER / "templates" / "base.html").read_text()
    assert '<meta name="htmx-config" content="{{ htmx_config }}">' in base
    assert [path.name for path in (FOLDER / "static").glob("*.js")] == ["htmx.min.js"]
    for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "form-action 'self'",
                 "frame-ancestors 'none'", "base-uri 'none'"):  # fmt: skip
        assert part in look.HEADERS["Content-Security-Policy"]
