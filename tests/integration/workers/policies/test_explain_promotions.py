"""`rma explain` tells what promotions that no longer hold took off a return's refunds."""

from __future__ import annotations

import orjson
import pytest

from infra.migrate import migrate
from tests.integration.projections.test_projections import play
from tests.support.command_line import invoke
from tests.support.recorded_facts import recorded
from tests.support.shop import RMA_ID
from tests.support.stories import POLICY, open_shop, receive, request


def test_what_a_promotion_took_off_a_refund_is_told(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the decisions: how much of which promotion, and why; in both languages."""
    order = {"discount_minor": 300, "tenders": [{"tender_id": "T", "kind": "card", "amount_minor": 1200}]}
    needs = {"promotion_id": "SPRING", "amount_minor": 300, "requires": {"at_least_quantity": 5}}
    policy = {**POLICY, "refund_due": "receipt", "promotions": "recompute"}
    shop = open_shop(policy, {**order, "promotions": [needs]})
    request(shop, {"line_id": "L2", "quantity": 1})
    receive(shop, (1, 1))
    migrate(postgres_dsn)
    play(postgres_dsn, recorded(shop.history), batch=100)
    monkeypatch.setenv("RMA_POSTGRES_DSN", postgres_dsn)

    told = orjson.loads(invoke("explain", str(RMA_ID), "--json").stdout)[-1]

    assert (told["line"], told["stage"], told["heading"]) == (None, "refund", "Refund of 0.00 EUR")
    assert told["because"].startswith("2.00 EUR of promotion SPRING came off it")
    assert "SPRING" in invoke("explain", str(RMA_ID), "--lang", "zh").output
