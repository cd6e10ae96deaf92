"""A document is read strictly, within bounds, with each fault at its path; its hash is that of its content."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from domain.policy.document import (
    CONDITIONS_TOTAL_MAX,
    RULES_MAX,
    VALUES_TOTAL_MAX,
    PolicyDocument,
    canonical_json,
    content_hash,
    content_of,
)
from domain.policy.when import CONDITIONS_MAX, DEPTH_MAX, VALUES_MAX
from tests.support.policy_cases import raw_documents

SMALL: Final[dict[str, Any]] = {"window": {"days": 30}}
GIFT: Final[dict[str, Any]] = {"fact": "gift", "is": True}
KEEP: Final[dict[str, Any]] = {"method": "keep"}
WORN: Final[dict[str, Any]] = {"name": "worn", "text": "Was it worn outside?", "kind": "truth"}
DOCK: Final[dict[str, Any]] = {"name": "North", "address": "1 Dock Rd", "country": "DE"}


OLDEST: Final = (
    '{"accept_grades":["A","B"],"dispositions":{"A":"restock","B":"open_box","C":"liquidate","D":"recycle","E":"scrap",'
    '"X":"hold"},"fees":{"restocking_bps":0,"return_shipping_minor":0,"waived_for":[]},"inspect_within_days":5,'
    '"method":"own_carrier","offers":["refund"],"refund_due":"inspection","refunds_outward_shipping":false,'
    '"return_to":"default","rules":[],"ship_back_days":14,"window":{"anchor":"delivered","count":"calendar","days":30,'
    '"roll":"none","zone":"UTC"}}'
)
"""The canonical JSON of the smallest document, as the first version wrote it."""


def of_rules(*conditions: object, then: object = KEEP) -> dict[str, Any]:
    """Return a raw document of one rule for each condition."""
    rules = [{"name": f"r{index}", "when": when, "then": then} for index, when in enumerate(conditions)]
    return {**SMALL, "rules": rules}


def nested(depth: int) -> dict[str, Any]:
    """Return a condition so many levels deep."""
    condition = GIFT
    for _ in range(depth - 1):
        condition = {"not": condition}
    return condition


def asking(*questions: dict[str, Any]) -> dict[str, Any]:
    """Return a raw document that asks these questions."""
    return {**SMALL, "questions": list(questions)}


def fault_of(raw: object) -> tuple[str, str]:
    """Return the path and the message of the only fault."""
    with pytest.raises(ValidationError) as refused:
        PolicyDocument.model_validate(raw)
    (fault,) = refused.value.errors()
    return ".".join(map(str, fault["loc"])), fault["msg"]


def test_only_the_days_are_required() -> None:
    """Everything else has the default that the policy page names."""
    document = PolicyDocument.model_validate(SMALL)
    assert json.loads(canonical_json(document)) == {
        "window": {"days": 30, "anchor": "delivered", "count": "calendar", "roll": "none", "zone": "UTC"},
        "offers": ["refund"],
        "method": "own_carrier",
        "return_to": "default",
        "ship_back_days": 14,
        "inspect_within_days": 5,
        "fees": {"restocking_bps": 0, "return_shipping_minor": 0, "waived_for": []},
        "refund_due": "inspection",
        "refunds_outward_shipping": False,
        "accept_grades": ["A", "B"],
        "dispositions": {"A": "restock", "B": "open_box", "C": "liquidate", "D": "recycle", "E": "scrap", "X": "hold"},
        "rules": [],
    }


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ({}, "window"),
        ({"window": {"days": -1}}, "window.days"),
        ({"window": {"days": 10**9}}, "window.days"),
        ({"window": {"days": 1.5}}, "window.days"),
        ({"window": {"days": "30"}}, "window.days"),
        ({"window": {"days": True}}, "window.days"),
        ({"window": {"days": 30, "zone": "Mars/Olympus"}}, "window.zone"),
        ({"window": {"days": 30, "zone": "Europe"}}, "window.zone"),
        ({"window": {"days": 30, "zone": "localtime"}}, "window.zone"),
        ({"window": {"days": 30, "zone": "../../etc/passwd"}}, "window.zone"),
        ({"window": {"days": 30, "calendar": "England"}}, "window.calendar"),
        ({**SMALL, "colour": "red"}, "colour"),
        ({**SMALL, "offers": []}, "offers"),
        ({**SMALL, "offers": ["refund", "money"]}, "offers.1"),
        ({**SMALL, "return_to": "WH\x001"}, "return_to"),
        ({**SMALL, "fees": {"restocking_bps": 10_001}}, "fees.restocking_bps"),
        ({**SMALL, "fees": {"return_shipping_minor": 4.95}}, "fees.return_shipping_minor"),
        (of_rules({"fact": "colour", "is": "red"}), "rules.0.when.fact"),
        (of_rules({"fact": "answers.", "is": "red"}), "rules.0.when.fact"),
        (of_rules({"all": [GIFT, {"fact": "colour", "is": "red"}]}), "rules.0.when.all.1.fact"),
        (of_rules({"fact": "gift"}), "rules.0.when"),
        (of_rules({"is": True}), "rules.0.when"),
        (of_rules({"fact": "gift", "is": True, "all": []}), "rules.0.when"),
        (of_rules({"fact": "gift", "is": [True]}), "rules.0.when.is"),
        (of_rules({"fact": "sku", "is": "a\x00"}), "rules.0.when.is"),
        (of_rules({"fact": "quantity", "at_least": "2"}), "rules.0.when.at_least"),
        (of_rules({"fact": "quantity", "at_most": True}), "rules.0.when.at_most"),
        (of_rules({"fact": "quantity", "at_least": 10**400}), "rules.0.when.at_least"),
        (of_rules({"fact": "ordered_at", "before": "tomorrow"}), "rules.0.when.before"),
        (of_rules({"fact": "ordered_at", "before": "2026-01-01T10:00:00"}), "rules.0.when.before"),
        (of_rules(GIFT, then={"decide": "deny"}), "rules.0.then"),
        (of_rules(GIFT, then={"decide": "review"}), "rules.0.then"),
        (of_rules(GIFT, then={"code": "late"}), "rules.0.then"),
        (of_rules(GIFT, then={"window": {"day": 3}}), "rules.0.then.window.day"),
        (of_rules(GIFT, then={"remedy": {"kind": "partial_refund"}}), "rules.0.then.remedy"),
        (of_rules(GIFT, then={"remedy": {"kind": "troubleshooting", "share_bps": 100}}), "rules.0.then.remedy"),
        ({**SMALL, "rules": [{"name": "a", "then": KEEP}]}, "rules.0.when"),
    ],
)
def test_a_fault_is_named_by_its_path(raw: dict[str, Any], path: str) -> None:
    """What the schema forbids is refused at the place where it stands, whether it comes as objects or as text."""
    assert fault_of(raw)[0] == path
    with pytest.raises(ValidationError):
        PolicyDocument.model_validate_json(json.dumps(raw))


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (asking({**WORN, "kind": "essay"}), "questions.0.kind"),
        (asking({**WORN, "name": "worn out"}), "questions.0.name"),
        (asking({**WORN, "choices": ["yes", "no"]}), "questions.0"),
        (asking({**WORN, "kind": "choice"}), "questions.0"),
        (asking({**WORN, "kind": "choice", "choices": ["a", "a"]}), "questions.0"),
        (asking({**WORN, "kind": "choice", "choices": []}), "questions.0.choices"),
        (asking({**WORN, "when": {"fact": "colour", "is": "red"}}), "questions.0.when.fact"),
        (asking({**WORN, "when": nested(DEPTH_MAX + 1)}), "questions.0.when"),
        (asking(WORN, {**WORN, "text": "And now?"}), "questions.1.name"),
        ({**SMALL, "limits": {"agent_minor": -1}}, "limits.agent_minor"),
        ({**SMALL, "limits": {"agent": 5}}, "limits.agent"),
        ({**SMALL, "sites": {"WH-1": {"name": "North", "address": "1 Dock Rd"}}}, "sites.WH-1.country"),
        ({**SMALL, "sites": {"WH-1": {**DOCK, "country": "Germany"}}, "return_to": "WH-1"}, "sites.WH-1.country"),
        ({**SMALL, "sites": {"WH-1": DOCK}}, "return_to"),
        ({**SMALL, "sites": {"WH-1": DOCK}, "return_to": "WH-2"}, "return_to"),
        (
            {**of_rules(GIFT, then={"return_to": "{WH-2}"}), "sites": {"{WH-1}": DOCK}, "return_to": "{WH-1}"},
            "rules.0.then.return_to",
        ),
        ({**SMALL, "promotions": "forget"}, "promotions"),
        ({**SMALL, "grade_share_bps": {"C": 0}}, "grade_share_bps.C"),
        ({**SMALL, "grade_share_bps": {"C": 10_001}}, "grade_share_bps.C"),
        ({**SMALL, "grade_share_bps": {"X": 7_000}}, "grade_share_bps.X.[key]"),
        ({**SMALL, "fees": {"on_exchange": 1}}, "fees.on_exchange"),
        (of_rules(GIFT, then={"fees": {"on_exchange": "yes"}}), "rules.0.then.fees.on_exchange"),
        ({**SMALL, "feedback_after_days": -1}, "feedback_after_days"),
    ],
)
def test_a_fault_of_a_later_key_is_named_by_its_path(raw: dict[str, Any], path: str) -> None:
    """Questions, limits, sites, promotions, shares and fees on an exchange are read as strictly as all else."""
    assert fault_of(raw)[0] == path


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (of_rules(nested(DEPTH_MAX + 1)), "rules.0.when"),
        (of_rules(nested(900)), "rules.0.when"),
        (of_rules({"any": [GIFT] * CONDITIONS_MAX}), "rules.0.when"),
        (of_rules(*[GIFT] * (RULES_MAX + 1)), "rules"),
        (of_rules(*[{"fact": 1}] * 10_000), "rules"),
        (of_rules({"fact": "sku", "in": ["a"] * (VALUES_MAX + 1)}), "rules.0.when.in"),
        (of_rules(*[{"fact": "sku", "in": ["a"] * VALUES_MAX}] * (VALUES_TOTAL_MAX // VALUES_MAX + 1)), ""),
        (of_rules(*[{"any": [GIFT] * 98}] * (CONDITIONS_TOTAL_MAX // 99 + 1)), ""),
        ({**SMALL, "rules": [{"name": "a", "when": GIFT, "then": KEEP}] * 2}, ""),
    ],
)
def test_what_is_too_much_is_one_fault(raw: dict[str, Any], path: str) -> None:
    """Too deep, too many, too long, or two of one name: refused once, before anything looks into it."""
    where, message = fault_of(raw)
    assert where == path
    assert len(message) < 200


def test_depths_no_reader_of_json_likes() -> None:
    """A thousand levels are refused from objects and from text alike, never by running out of stack."""
    deep = nested(1_000)
    assert fault_of(of_rules(deep))[0] == "rules.0.when"
    text = (
        '{"window":{"days":3},"rules":[{"name":"a","then":{},"when":' + '{"not":' * 1_000 + "{}" + "}" * 1_000 + "}]}"
    )
    with pytest.raises(ValidationError):
        PolicyDocument.model_validate_json(text)


def test_the_largest_condition_is_read() -> None:
    """The bounds themselves are within bounds."""
    assert PolicyDocument.model_validate(of_rules(nested(DEPTH_MAX), {"any": [GIFT] * (CONDITIONS_MAX - 1)})).rules


def test_the_hash_is_of_the_content() -> None:
    """Defaults written out and the order of keys make no difference; a value does."""
    short = PolicyDocument.model_validate(SMALL)
    long = PolicyDocument.model_validate(json.loads(canonical_json(short)))
    assert content_hash(short) == content_hash(long)
    assert content_hash(short) != content_hash(PolicyDocument.model_validate({"window": {"days": 31}}))
    assert content_hash(short) == "c232cf58d9cae69164cafc94ea2b21e9c7d97df9c4cb535ee62580482b2dd5e0"


def test_keys_that_came_later_leave_older_documents_alone() -> None:
    """A document that says of a later key what holds anyhow is the one that does not speak of it, hash and all."""
    later = {
        "questions": [],
        "limits": {},
        "sites": {},
        "promotions": "keep",
        "grade_share_bps": {},
        "feedback_after_days": 3,
        "fees": {"on_exchange": False},
    }
    assert canonical_json(PolicyDocument.model_validate({**SMALL, **later})) == OLDEST
    assert canonical_json(PolicyDocument.model_validate(SMALL)) == OLDEST


@pytest.mark.parametrize(
    "said",
    [
        asking(WORN),
        {"limits": {"agent_minor": 20_000}},
        {"sites": {"WH-1": DOCK}, "return_to": "WH-1"},
        {"promotions": "recompute"},
        {"grade_share_bps": {"C": 7_000}},
        {"feedback_after_days": 0},
        {"fees": {"on_exchange": True}},
        of_rules(GIFT, then={"fees": {"on_exchange": False}}),
    ],
)
def test_what_later_keys_say_is_in_the_hash(said: dict[str, Any]) -> None:
    """A later key that says something is part of the document, and comes through its canonical JSON."""
    document = PolicyDocument.model_validate({**SMALL, **said})
    assert content_hash(document) != content_hash(PolicyDocument.model_validate(SMALL))
    again = PolicyDocument.model_validate_json(canonical_json(document))
    assert content_of(again) == content_of(document)


@settings(deadline=None)
@given(raw_documents)
def test_a_document_survives_its_canonical_json(raw: dict[str, Any]) -> None:
    """The canonical JSON is a document, with the same canonical JSON."""
    document = PolicyDocument.model_validate(raw)
    again = PolicyDocument.model_validate_json(canonical_json(document))
    assert canonical_json(again) == canonical_json(document)


def test_calendars_are_named_once() -> None:
    """All holiday calendars that a decision may need are those of the document and of its rules."""
    document = PolicyDocument.model_validate(
        {
            "window": {"days": 3, "calendar": "GB"},
            "rules": [
                {"name": "a", "when": GIFT, "then": {"window": {"calendar": "US-CA"}}},
                {"name": "b", "when": GIFT, "then": {"window": {"calendar": "GB"}}},
            ],
        }
    )
    assert document.calendars() == ("GB", "US-CA")
