"""What the bench finds, and what follows from it by policy or by a person."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from domain.vocabularies import Disposition
from tests.support.refusals import refused, states, unchanged
from tests.support.shop import Shop, names
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request, settle_all


def received(quantity: int = 2, policy: dict[str, Any] | None = None, **line: Any) -> Shop:
    """Return a shop in which units of L1 have come in."""
    shop = open_shop(policy)
    request(shop, {"line_id": "L1", "quantity": quantity, **line})
    receive(shop, (1, quantity))
    return shop


def findings(name: str = "I-1", quantity: int = 1, **more: Any) -> dict[str, Any]:
    found = {"grade": "A", "cause": "none_found", "liable_party": "none", **more}
    return on_return(inspection_id=name, line=1, quantity=quantity, **found)


def test_an_accepted_inspection_decides_and_pays_in_the_same_append() -> None:
    """Disposition, resolution and refund follow at once; the same inspection again is nothing new."""
    shop = received()
    facts = shop.send("RecordInspection", findings(), actor="warehouse:W", at=day(7))

    assert names(facts) == [
        "Inspected", "DispositionDecided", "StockInstructed", "ResolutionDecided", "RefundRequested", "RefundStarted",
        "DeadlinesMoved",
    ]  # fmt: skip
    unchanged(shop, "RecordInspection", findings(), at=day(8))
    refused(shop, "inspection_id_reused", "RecordInspection", findings(grade="B"), at=day(8))


ELSEWHERE = {"evidence_id": "E", "kind": "photo", "uri": "https://example.org/1", "line": 7}


@pytest.mark.parametrize(
    ("inspected", "told", "code", "details"),
    [
        (0, findings(quantity=3), "quantity_exceeded", {"asked": 3, "available": 2}),
        (0, {**findings(), "line": 2}, "unknown_line", {}),
        (2, findings("I-2"), "quantity_exceeded", {"asked": 1, "available": 0}),
        (2, findings("I-2", supersedes="I-9"), "unknown_inspection", {"inspection_id": "I-9"}),
        (2, findings("I-2", 3, supersedes="I-1"), "quantity_exceeded", {"available": 2}),
        (2, findings("I-2", supersedes="I-1", evidence=[ELSEWHERE]), "unknown_line", {}),
    ],
)
def test_only_what_is_here_and_waits_can_be_inspected(
    inspected: int, told: dict[str, Any], code: str, details: dict[str, Any]
) -> None:
    """More than arrived, or than was not inspected yet, is refused with what is there."""
    shop = received(2)
    if inspected:
        shop.send("RecordInspection", findings(quantity=inspected))
    refused(shop, code, "RecordInspection", told, **details)


@pytest.mark.parametrize(
    ("grade", "liable", "accepted"),
    [
        ("A", "none", True),
        ("B", "customer", True),
        ("C", "none", False),
        ("C", "unknown", False),
        ("D", "customer", False),
        *(("E", party, True) for party in ("carrier", "warehouse", "merchandising", "supplier", "manufacturer")),
        ("X", "none", False),
        ("X", "supplier", False),
    ],
)
def test_goods_are_accepted_by_their_grade_or_by_who_is_liable(grade: str, liable: str, accepted: bool) -> None:
    """Grades named by the policy, or anybody liable but the customer; never for grade X."""
    shop = received(1)
    shop.send("RecordInspection", findings(grade=grade, liable_party=liable, cause="unknown"), at=day(7))
    assert states(shop, "accepted", "resolution") == [(1, accepted, "refund" if accepted else "undecided")]


@pytest.mark.parametrize(
    ("grade", "disposition"),
    [("A", "restock"), ("B", "open_box"), ("C", "donate"), ("D", "recycle"), ("E", "scrap"), ("X", "hold")],
)
def test_the_disposition_follows_from_the_grade(grade: str, disposition: str) -> None:
    """Once it is decided what the customer gets; grades that a document leaves out keep their default."""
    shop = received(1, {**POLICY, "dispositions": {"C": "donate"}})
    shop.send("RecordInspection", findings(grade=grade), at=day(7))
    accepted = grade in {"A", "B"}
    assert states(shop, "disposition") == [(1, disposition if accepted else "hold")]
    if not accepted:
        shop.send("DecideResolution", on_return(line=1, quantity=1, resolution="refund"), at=day(8))
    assert states(shop, "disposition") == [(1, disposition)]


def test_an_inspection_supersedes_an_earlier_one_and_goods_are_accepted_after_all() -> None:
    """A revision names what it supersedes; what was refused is paid once it is accepted."""
    shop = received(2)
    shop.send("RecordInspection", findings(quantity=2, grade="D", liable_party="customer", cause="misuse"), at=day(7))
    shop.send("RecordInspection", findings("I-2", supersedes="I-1", grade="B"), at=day(8))

    assert states(shop, "inspection_id", "resolution", "disposition") == [
        (1, "I-2", "refund", "open_box"),
        (1, "I-1", "undecided", "hold"),
    ]
    refused(shop, "quantity_exceeded", "RecordInspection", findings("I-3", 2, supersedes="I-1"), available=1)


@pytest.mark.parametrize("refusal", ["send_back", "none"])
def test_what_a_person_refused_is_for_a_person_to_grant(refusal: str) -> None:
    """A superseding inspection that would be accepted changes no person's decision; it lets one be made anew."""
    shop = received(1)
    inspect(shop, 1, 1, "I-1", grade="D", cause="misuse", liable_party="customer")
    decided = {"line": 1, "quantity": 1}
    shop.send("DecideResolution", on_return(**decided, resolution=refusal), at=day(8))  # type: ignore[arg-type]
    inspect(shop, 1, 1, "I-2", supersedes="I-1", grade="D", cause="packaging", liable_party="supplier")
    assert states(shop, "resolution") == [(1, refusal)]

    shop.send("DecideResolution", on_return(**decided, resolution="refund"), at=day(9))  # type: ignore[arg-type]
    assert sum(payout.amount_minor for payout in shop.order().payouts.values()) == 333


def test_a_later_finding_never_takes_money_back_silently() -> None:
    """An inspection against the customer after a refund changes no refund: a claim is an agent's decision."""
    shop = received(1)
    shop.send("RecordInspection", findings(), at=day(7))
    settle_all(shop)
    facts = shop.send("RecordInspection", findings("I-2", supersedes="I-1", grade="E", liable_party="customer"))
    assert "RefundRequested" not in names(facts)
    assert states(shop, "resolution", "settlement", "grade") == [(1, "refund", "settled", "E")]


def test_units_are_taken_by_the_lowest_number() -> None:
    """Where several units would do, the lowest-numbered are inspected."""
    shop = received(3)
    inspect(shop, 1, 1, "I-1", grade="C")
    inspect(shop, 1, 1, "I-2", grade="D")
    assert states(shop, "grade") == [(1, "C"), (1, "D"), (1, None)]


@pytest.mark.parametrize("disposition", get_args(Disposition))
def test_a_person_disposes_of_goods_that_are_here(disposition: str) -> None:
    """Any disposition of the vocabulary; more units than are here, or none of that inspection, are refused."""
    shop = received(2)
    inspect(shop, 1, 1)
    told = on_return(line=1, quantity=1, disposition=disposition, inspection_id="I-1")
    facts = names(shop.send("DecideDisposition", told, actor="warehouse:W", at=day(8)))
    assert facts == ["DispositionDecided", "StockInstructed"][: 1 if disposition in {"hold", "restock"} else 2]
    assert states(shop, "disposition") == [(1, disposition), (1, None)]
    refused(shop, "quantity_exceeded", "DecideDisposition", {**told, "quantity": 2}, available=1)
    refused(shop, "quantity_exceeded", "DecideDisposition", {**told, "inspection_id": "I-9"}, available=0)
    refused(shop, "unknown_line", "DecideDisposition", {**told, "line": 2})


def test_goods_without_authorization_are_inspected_and_paid_once_it_comes() -> None:
    """Inspected on a denied line, they wait; an override pays by the findings."""
    denying = {"name": "no", "when": {"fact": "reason", "is": "gift"}, "then": {"decide": "deny", "code": "no"}}
    shop = open_shop({**POLICY, "rules": [denying]})
    request(shop, {"line_id": "L1", "quantity": 1, "reason": "gift"})
    told = on_return(receipt_id="R", site="W", items=[{"line": 1, "quantity": 1}], complete=True)
    shop.send("ReceiveGoods", told, at=day(5))
    shop.send("RecordInspection", findings(), at=day(6))
    assert states(shop, "inspection", "resolution") == [(1, "inspected", "undecided")]

    line = {"line": 1, "quantity": 1, "decision": "approve"}
    shop.send("OverrideDecision", on_return(lines=[line], approved_by="boss", reason="kind"), at=day(7))
    assert states(shop, "resolution", "settlement") == [(1, "refund", "pending")]
