"""Every decision can be told in words, in every language, from what is stored of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from domain.policy.document import (
    CODE_LAW_ASKS_PERSON,
    CODE_REPAIR_FIRST,
    CODE_WINDOW_EXPIRED,
    CODE_WISH_NOT_OFFERED,
    Effects,
    FeesChange,
    PolicyDocument,
    WindowChange,
)
from domain.policy.evaluate import decide
from domain.policy.facts import Facts
from domain.policy.moments import ANCHOR_FACTS
from domain.policy.statutes import NEWEST, edition_numbered, law_for
from domain.policy.when import FACT_NAMES, OPERATORS
from domain.vocabularies import Anchor, LiableParty, Reason, TenderKind, Wish, WithdrawalException
from projections.tracking.words import STAGES
from workers.pictures.catalogues import LANGUAGES, Catalogue, Language, catalogue
from workers.pictures.explaining import Explanation, explain

ORDERED = datetime(2026, 3, 1, 9, tzinfo=UTC)
DOCUMENT: dict[str, Any] = {
    "window": {"days": 30},
    "rules": [
        {
            "name": "final-sale",
            "when": {"fact": "final_sale", "is": True},
            "then": {"decide": "deny", "code": "final_sale"},
        },
        {
            "name": "gold",
            "when": {"all": [{"fact": "customer_tier", "in": ["gold"]}, {"fact": "answers.worn", "is": False}]},
            "then": {"window": {"days": 90}, "method": "label"},
        },
        {"name": "labels", "when": {"fact": "channel", "is": "web"}, "then": {"method": "keep"}},
    ],
}


def decided(**facts: Any) -> dict[str, Any]:
    """Return a row of view ``decisions`` for a request 40 days after delivery, unless told otherwise."""
    known = {
        "ordered_at": ORDERED,
        "delivered_at": ORDERED,
        "order_delivered_at": ORDERED,
        "requested_at": ORDERED + timedelta(days=40),
        "country": "US",
        "channel": "web",
        "customer_tier": "silver",
        "reason": "too_small",
        "wish": "refund",
        "final_sale": False,
        "answers": {"worn": False},
        **facts,
    }
    decision = decide(
        PolicyDocument.model_validate(DOCUMENT), law_for(known["country"], ORDERED), Facts.model_validate(known)
    ).model_dump(mode="json")
    names = ("outcome", "codes", "trace", "flips")
    row = {"line": 1, "stage": "request", "policy_id": "standard", "policy_version": 3, "sku": "SHOE-42", "units": 2}
    return row | {name: decision[name] for name in names}


def told(language: Language = "en", **facts: Any) -> Explanation:
    return explain(decided(**facts), catalogue(language))


def step(explained: Explanation, what: str) -> Any:
    return next(one for one in explained.steps if what in one.what)


def test_a_denial_says_what_decided_and_what_would_have_changed_it() -> None:
    """The window decided; each rule says what it looked at and why it did not apply; each flip is named."""
    said = told()

    assert said.heading == "Line 1: 2 × SHOE-42, on the request: denied"
    assert "the return window is over [window_expired]" in said.because
    assert step(said, "window").decisive
    assert step(said, "window").verdict.startswith("over since 2026-04-01 00:00")
    assert step(said, "“gold”").verdict == "does not apply"
    assert step(said, "“gold”").why[0] == "customer tier is one of gold? no, it is silver"
    assert "customer tier gold instead of silver" in said.flips
    assert any("days later" in flip or "days earlier" in flip for flip in said.flips)


def test_a_rule_that_decides_is_marked_alone() -> None:
    """The rule that decided is the only decisive step; what another rule lost names who had won it."""
    said = told(final_sale=True, customer_tier="gold")

    assert [one.what for one in said.steps if one.decisive] == ["rule “final-sale”"]
    assert step(said, "“labels”").verdict == "applies, but way of return was already settled by rule “gold”"


def test_what_is_unknown_is_said_to_be() -> None:
    """A fact that is missing is told as such, never as a value."""
    said = told(answers={}, customer_tier="gold")

    assert step(said, "“gold”").why[1] == "answer to “worn” is no? no, nothing is known of it"


def test_a_statute_that_decides_is_named() -> None:
    """Where the law grants what the merchant would deny, the law is named, and what the policy alone would say."""
    said = told(country="DE", final_sale=True, requested_at=ORDERED + timedelta(days=3))

    assert said.outcome == "approve"
    assert "law: EU, withdrawal within 14 days without a reason" in said.because
    assert "The policy alone would have said: denied." in said.because
    assert said.flips == ()


def test_an_exception_is_told() -> None:
    """A statute that does not hold says why."""
    said = told(country="DE", withdrawal_exception="custom_made", requested_at=ORDERED + timedelta(days=3))

    assert step(said, "withdrawal").why[0] == "the goods are excepted: custom made"
    assert "Directive 2011/83/EU, art. 9(1)" in step(said, "withdrawal").why[1]


def test_an_inspection_is_explained_too() -> None:
    """The checks of an inspection are steps, with what was expected and found."""
    row = decided() | {
        "stage": "inspection",
        "outcome": "review",
        "codes": ["not_accepted"],
        "trace": [{"fact": "grade", "expected": ["A", "B"], "found": "D", "held": False}],
        "flips": [],
    }

    said = explain(row, catalogue("en"))

    assert "the inspection: the goods were not accepted as they came [not_accepted]" in said.because
    assert said.steps[0].why == ("grade is one of A, B? no, it is D",)


def test_codes_stay_the_same_in_every_language() -> None:
    """The words change, the codes in brackets do not."""
    in_english, in_chinese = told("en"), told("zh")

    codes = re.compile(r"\[(.*?)\]")
    assert codes.findall(in_english.because) == codes.findall(in_chinese.because) == ["window_expired"]
    assert in_chinese.heading == "第 1 行：2 × SHOE-42，申请审核：拒绝"


def test_a_merchants_own_code_stands_for_itself() -> None:
    """A code that no catalogue knows is shown as it is."""
    assert "my_code [my_code]" in explain(decided() | {"codes": ["my_code"]}, catalogue("zh")).because


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def flat(texts: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {f"{kind}/{code}": text for kind, by_code in texts.items() for code, text in by_code.items()}


def test_catalogues_say_the_same_things() -> None:
    """Every language has every text, and each text the same parts to fill in."""
    english = flat(catalogue("en").texts)
    for language in LANGUAGES:
        others = flat(catalogue(language).texts)
        assert others.keys() == english.keys(), language
        assert {name: placeholders(text) for name, text in others.items()} == {
            name: placeholders(text) for name, text in english.items()
        }


def changes(model: Any, prefix: str) -> list[str]:
    return [f"{prefix}.{name}" for name in model.model_fields]


EFFECTS = [
    *(name for name in Effects.model_fields if name not in {"code", "window"}),
    *changes(WindowChange, "window"),
    *changes(FeesChange, "fees"),
    *("outcome", "refund_within_days", "refunds_outward_shipping", "grade_share_bps"),
]
WORDS: list[tuple[str, Iterable[str]]] = [
    (
        "facts",
        [*FACT_NAMES, *ANCHOR_FACTS, "withdrawal_exception", "grade", "liable_party", "grade_share_bps", "answers"],
    ),
    ("operators", OPERATORS),
    ("effects", EFFECTS),
    ("codes", [CODE_WINDOW_EXPIRED, CODE_WISH_NOT_OFFERED, CODE_REPAIR_FIRST, CODE_LAW_ASKS_PERSON, "not_accepted"]),
    ("outcomes", ["approve", "deny", "review"]),
    ("stages", ["request", "inspection", *STAGES.values()]),
    ("anchors", get_args(Anchor)),
    ("anchors_done", get_args(Anchor)),
    ("counts", ["calendar", "business"]),
    ("statutes", [right.id for right in edition_numbered(1).rights]),
    (
        "whys",
        [*("holds other_country not_in_force reason_not_covered excepted window_expired needs not_for no_law".split())],
    ),
    (
        "values",
        [word for words in (Reason, Wish, TenderKind, WithdrawalException, LiableParty) for word in get_args(words)],
    ),
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "words"), WORDS, ids=[kind for kind, _ in WORDS])
def test_every_code_has_a_text(language: Language, kind: str, words: Iterable[str]) -> None:
    """Whatever a decision can name is called something in every language."""
    texts: Catalogue = catalogue(language)
    assert [word for word in words if word not in texts.texts[kind]] == []


def test_every_right_of_the_newest_edition_has_a_name() -> None:
    """In every language, so that no explanation falls back on another."""
    for language in LANGUAGES:
        named = catalogue(language).texts["statutes"]
        assert [right.id for right in edition_numbered(NEWEST).rights if right.id not in named] == []
