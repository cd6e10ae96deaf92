"""What no one can have meant in a document is refused by its place when it is published, and loads from old logs."""

from __future__ import annotations

from typing import Any

import holidays
import pytest

from domain.errors import PolicyRuleImpossibleError
from domain.policy.document import PolicyDocument
from domain.policy.publication import check
from domain.policy.soundness import calendars
from tests.support.policy_cases import a_document, rule

EVERYWHERE: dict[str, Any] = {"all": []}


def named(name: str) -> dict[str, Any]:
    return {"name": name, "when": {"fact": "gift", "is": True}, "then": {"decide": "approve"}}


def site(**changes: str) -> PolicyDocument:
    return a_document(
        return_to="W", sites={"W": {"name": "West", "address": "Main Street 7", "country": "DE", **changes}}
    )


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (a_document(window={"days": 30, "calendar": "XX"}), "window.calendar"),
        (a_document(window={"days": 30, "calendar": "US-ZZ"}), "window.calendar"),
        (a_document(rule(EVERYWHERE, window={"calendar": "GB-1"})), "rules[0].then.window.calendar"),
        (a_document(offers=["refund", "exchange", "refund"]), "offers[2]"),
        (a_document(rule(EVERYWHERE, offers=["repair", "repair"])), "rules[0].then.offers[1]"),
        (a_document(accept_grades=["A", "X"]), "accept_grades[1]"),
        (a_document(rule(EVERYWHERE, accept_grades=["X"])), "rules[0].then.accept_grades[0]"),
        (a_document(named("two\nlines")), "rules[0].name"),
        (a_document(named("\u202eevila si sihT")), "rules[0].name"),
        (a_document(named("a\u2028b")), "rules[0].name"),
        (site(name="We\u2066st"), "sites.W.name"),
        (site(country="QQ"), "sites.W.country"),
        (
            a_document(questions=[{"name": "q", "text": "Which?", "kind": "choice", "choices": ["a", "b\u200f"]}]),
            "questions[0].choices[1]",
        ),
        (
            a_document(
                rule({"any": [{"fact": "gift", "is": True}, {"not": {"fact": "gift", "is": True}}]}, decide="approve")
            ),
            "rules[0].when.any",
        ),
        (
            a_document(
                rule(
                    {
                        "all": [
                            {"fact": "gift", "is": True},
                            {"any": [{"fact": "quantity", "at_least": 2}, {"fact": "quantity", "at_most": 3}]},
                        ]
                    },
                    decide="approve",
                )
            ),
            "rules[0].when.all[1].any",
        ),
    ],
)
def test_what_no_one_can_have_meant_is_refused_by_its_place(document: PolicyDocument, path: str) -> None:
    """It loads, as old logs may hold it, and is not published."""
    with pytest.raises(PolicyRuleImpossibleError) as refused:
        check(document)
    assert refused.value.details["path"] == path


@pytest.mark.parametrize(
    "document",
    [
        a_document(window={"days": 30, "calendar": "US-CA"}, accept_grades=["A", "E"], offers=["refund", "exchange"]),
        a_document(named("Größe 42 – 尺码")),
        a_document(rule({"any": [{"fact": "channel", "is": "web"}, {"fact": "gift", "is": True}]}, decide="approve")),
        a_document(
            rule({"any": [{"fact": "category", "is": "a"}, {"not": {"fact": "sku", "is": "b"}}]}, method="keep")
        ),
    ],
)
def test_what_may_be_meant_passes(document: PolicyDocument) -> None:
    """Names in any script, calendars there are, alternatives of which none may hold."""
    check(document)


def test_the_calendars_are_those_whose_holidays_are_known() -> None:
    """Countries by two letters, with their parts."""
    known = holidays.list_supported_countries(include_aliases=True)
    assert {name for name in calendars() if "-" not in name} == {country for country in known if len(country) == 2}
    for name in calendars():
        country, _, part = name.partition("-")
        assert not part or part in known[country]
