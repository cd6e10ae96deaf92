"""Which customer may ask and speak for a return, and how the recipient of a gift proves himself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.order.gift_code import gift_code_hash, is_proved, is_same_code
from tests.support.refusals import refused, unchanged
from tests.support.shop import Shop
from tests.support.stories import ORDER, POLICY, day, on_return, open_shop, request

GIVER, RECIPIENT, STRANGER = "customer:C-1", "customer:R-9", "customer:X-3"
WANTED = [{"line_id": "L1", "quantity": 1, "reason": "gift", "wish": "refund"}]
OTHER = UUID(int=2)


def a_shop(**order: Any) -> Shop:
    return open_shop(order={**ORDER, **order})


def gift(**more: Any) -> dict[str, Any]:
    return on_return(lines=WANTED, gift=True, **more)


def codes(shop: Shop) -> tuple[str, ...]:
    terms = shop.rma().lines[1].terms
    assert terms is not None
    return terms.codes


def test_nobody_asks_for_anothers_order() -> None:
    """A stranger is refused, without a word of whose it is; its customer and an agent are not."""
    shop = a_shop()
    refused(shop, "not_permitted", "RequestReturn", on_return(lines=WANTED), actor=STRANGER, at=day(3))
    shop.send("RequestReturn", on_return(lines=WANTED), actor=GIVER, at=day(3))
    unchanged(shop, "RequestReturn", on_return(lines=WANTED), actor=GIVER, at=day(4))
    request(shop, {"line_id": "L1", "quantity": 1}, rma_id=OTHER)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("CorrectRequest", {"line": 1, "reason": "fit"}),
        ("WithdrawReturn", {}),
        ("AddEvidence", {"evidence": [{"evidence_id": "E", "kind": "photo", "uri": "https://example.org/1"}]}),
        ("GiveFeedback", {"score": 1}),
        ("AppealDenial", {"line": 1, "grounds": "x"}),
        ("AnswerRemedy", {"line": 1, "accepted": True}),
    ],
)
def test_nobody_speaks_for_anothers_return(name: str, data: dict[str, Any]) -> None:
    """Whatever a customer may do about a return, only the one who asked for it may."""
    shop = a_shop()
    shop.send("RequestReturn", on_return(lines=WANTED), actor=GIVER, at=day(3))
    refused(shop, "not_permitted", name, on_return(**data), actor=STRANGER, at=day(4), actor_id="X-3")


def test_the_code_proves_a_gift() -> None:
    """With it the recipient's request is decided by policy; the gift is his to withdraw, not the giver's."""
    shop = a_shop(gift_code="for-auntie-7")
    shop.send("RequestReturn", gift(recipient_id="R-9", gift_code="for-auntie-7"), actor=RECIPIENT, at=day(3))
    assert shop.rma().status == "authorized"
    refused(shop, "not_permitted", "WithdrawReturn", on_return(), actor=GIVER, at=day(4))
    shop.send("WithdrawReturn", on_return(), actor=RECIPIENT, at=day(4))
    assert shop.rma().status == "withdrawn"


@pytest.mark.parametrize("code", [{}, {"gift_code": "guess"}])
@pytest.mark.parametrize("order", [{}, {"gift_code": "for-auntie-7"}])
def test_a_stranger_without_the_code_waits_for_a_person(order: dict[str, Any], code: dict[str, Any]) -> None:
    """No code, a wrong one, an order without any: one answer, which tells nothing; whatever policy says."""
    denying = {"name": "no", "when": {"fact": "reason", "is": "gift"}, "then": {"decide": "deny", "code": "no"}}
    for rules in ([], [denying]):
        shop = open_shop({**POLICY, "rules": rules}, order={**ORDER, **order})
        shop.send("RequestReturn", gift(recipient_id="R-9", **code), actor=RECIPIENT, at=day(3))
        assert (shop.rma().status, codes(shop)) == ("needs_review", ("gift_unproved",))
        lines = [{"line": 1, "quantity": 1, "decision": "approve"}]
        shop.send("DecideRequest", on_return(lines=lines), at=day(4))
        assert shop.rma().status == "authorized"


def test_a_corrected_gift_is_no_more_proved_than_before() -> None:
    """Policy decides anew, and a person is asked again."""
    shop = a_shop()
    shop.send("RequestReturn", gift(recipient_id="R-9"), actor=RECIPIENT, at=day(3))
    shop.send("CorrectRequest", on_return(line=1, reason="too_small"), actor=RECIPIENT, at=day(4))
    assert codes(shop) == ("gift_unproved",)


def test_a_gift_is_asked_for_by_its_recipient() -> None:
    """Neither the giver nor a stranger asks in another's name; the giver may for himself, an agent for anybody."""
    shop = a_shop(gift_code="for-auntie-7")
    told = gift(recipient_id="R-9", gift_code="for-auntie-7")
    for actor in (GIVER, STRANGER):
        refused(shop, "not_permitted", "RequestReturn", told, actor=actor, at=day(3))
    shop.send("RequestReturn", gift(recipient_id="R-9"), at=day(3))
    assert shop.rma().status == "authorized"
    shop.send("WithdrawReturn", on_return(), actor=RECIPIENT, at=day(4))
    shop.send("RequestReturn", {**gift(recipient_id="C-1"), "rma_id": str(OTHER)}, actor=GIVER, at=day(5))
    assert shop.rma(OTHER).status == "authorized"


def test_only_a_hash_of_a_code_is_kept() -> None:
    """Neither events nor what is compared with them hold it; the same order told again is known by it."""
    shop = a_shop(gift_code="for-auntie-7")
    registered = {**ORDER, "gift_code": "for-auntie-7"}
    assert "for-auntie-7" not in str(shop.history)
    unchanged(shop, "RegisterOrder", registered)
    for other in ({**registered, "gift_code": "for-uncle-8"}, ORDER):
        refused(shop, "order_exists", "RegisterOrder", other)
    assert shop.order().content_hash == a_shop().order().content_hash


def test_codes_of_two_orders_have_nothing_in_common() -> None:
    """The hash is the order's own."""
    kept = gift_code_hash("O-1", "for-auntie-7")
    assert kept != gift_code_hash("O-2", "for-auntie-7")
    assert is_proved(kept, "O-1", "for-auntie-7")
    assert not any((is_proved(kept, "O-1", "x"), is_proved(kept, "O-1", None), is_proved(None, "O-1", "x")))


def test_an_order_told_again_has_the_same_gift_code() -> None:
    """Another, or none, is other content; one that was erased with its customer says nothing any more."""
    kept = gift_code_hash("O-1", "for-auntie-7")

    assert is_same_code(kept, kept)
    assert is_same_code(None, None)
    assert not is_same_code(kept, gift_code_hash("O-1", "for-uncle-8"))
    assert not is_same_code(kept, None)
    assert not is_same_code(None, kept)
    assert is_same_code("(erased)", kept)
    assert not is_proved("(erased)", "O-1", "for-auntie-7")
