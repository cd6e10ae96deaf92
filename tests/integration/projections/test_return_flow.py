"""When units took each step, and who decided: view ``return_flow``."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest

from tests.integration.projections.test_projections import PROJECTIONS, only, play, rows
from tests.support.recorded_facts import recorded, recorded_of
from tests.support.shop import Shop
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request, settle_all

STEPS: Final = (
    "requested_at decided_at authorized_at handed_over_at received_at inspected_at resolved_at paid_at closed_at"
).split()
BY: Final = ("decided_by", "resolved_by", "closed_by", "overridden")
LOOK: Final = {"name": "look", "when": {"fact": "reason", "is": "other"}, "then": {"decide": "review", "code": "look"}}
NEVER: Final = {"name": "never", "when": {"fact": "reason", "is": "gift"}, "then": {"decide": "deny", "code": "no"}}
SHARE: Final = {
    "name": "share",
    "when": {"fact": "reason", "is": "better_price"},
    "then": {"remedy": {"kind": "partial_refund", "share_bps": 2_000}},
}


def shop_of(*lines: dict[str, Any]) -> Shop:
    """Return a shop whose policy leaves some reasons to a person, denies some, and offers on some; lines asked for."""
    shop = open_shop({**POLICY, "rules": [LOOK, NEVER, SHARE]})
    request(shop, *lines)
    return shop


def shown(dsn: str, shop: Shop) -> list[dict[str, Any]]:
    """Return the rows of a history, told in small batches."""
    play(dsn, recorded_of(shop), batch=3)
    return rows(dsn, "return_flow")


def instants(row: dict[str, Any]) -> list[int | None]:
    """Return on which day after the order each step was taken."""
    return [None if row[step] is None else (row[step] - day(0)).days for step in STEPS]


def by(row: dict[str, Any]) -> list[Any]:
    return [row[name] for name in BY]


def decide(shop: Shop, name: str, decision: str, on: int, **more: Any) -> None:
    told = on_return(lines=[{"line": 1, "quantity": 1, "decision": decision}], **more)
    shop.send(name, told, actor="agent:rosa", at=day(on))


def pass_deadline(shop: Shop, kind: str) -> datetime:
    (deadline,) = [one for one in shop.rma().deadlines.values() if one.kind == kind and one.status == "open"]
    told = on_return(deadline_id=str(deadline.deadline_id))
    shop.send("PassDeadline", told, actor="clock:deadlines", at=deadline.due_at)
    return deadline.due_at


def test_every_step_has_its_instant(postgres_dsn: str) -> None:
    """From request to close, decided by policy throughout and closed by a deadline: no agent had a hand in it."""
    shop = shop_of({"line_id": "L1", "quantity": 2})
    receive(shop, (1, 2))
    inspect(shop, 1, 2)
    settle_all(shop)
    closed_at = pass_deadline(shop, "close")
    shop.senders = [(actor.replace("agent:A1", "system:shop"), command) for actor, command in shop.senders]
    (row,) = shown(postgres_dsn, shop)
    assert instants(row) == [3, 3, 3, 5, 6, 7, 7, 8, (closed_at - day(0)).days]
    assert by(row) == ["policy", "policy", "deadline", False]
    assert (row["quantity"], row["order_id"], row["line_id"], row["sku"]) == (2, "O-1", "L1", "SHOE-42")
    assert (row["authorization_state"], row["agent_commands"]) == ("authorized", 0)


def test_units_that_part_are_rows_of_their_own(postgres_dsn: str) -> None:
    """One of three is received, one inspected and paid as well, one never sent: three rows, as soon as they differ."""
    shop = shop_of({"line_id": "L1", "quantity": 3})
    receive(shop, (1, 2), complete=False)
    inspect(shop, 1, 1)
    settle_all(shop)
    assert [(row["quantity"], instants(row)[3:8]) for row in shown(postgres_dsn, shop)] == [
        (1, [5, 6, 7, 7, 8]),
        (1, [5, 6, None, None, None]),
        (1, [5, None, None, None, None]),
    ]


def test_units_that_meet_again_are_one_row(postgres_dsn: str) -> None:
    """What two inspections of the same day found is one run of steps; rows that are no more are gone."""
    shop = shop_of({"line_id": "L1", "quantity": 2})
    receive(shop, (1, 2))
    inspect(shop, 1, 1, "I-1")
    inspect(shop, 1, 1, "I-2")
    assert [(row["quantity"], instants(row)[5]) for row in shown(postgres_dsn, shop)] == [(2, 7)]


def test_a_person_decides(postgres_dsn: str) -> None:
    """What policy leaves open is decided by nobody until a person does; who overrides is on record."""
    shop = shop_of({"line_id": "L1", "quantity": 1, "reason": "other"})
    open_still = len(shop.history)
    decide(shop, "DecideRequest", "deny", 5)
    denied = len(shop.history)
    decide(shop, "OverrideDecision", "approve", 9, approved_by="boss", reason="a good customer")
    events = recorded_of(shop)
    play(postgres_dsn, events[:open_still], batch=100)
    assert (instants(only(postgres_dsn, "return_flow"))[:3], by(only(postgres_dsn, "return_flow"))) == (
        [3, None, None],
        [None, None, None, False],
    )
    play(postgres_dsn, events[open_still:denied], batch=100)
    row = only(postgres_dsn, "return_flow")
    assert (instants(row)[:3], by(row)) == ([3, 5, None], ["person", None, None, False])
    play(postgres_dsn, events[denied:], batch=100)
    row = only(postgres_dsn, "return_flow")
    assert (instants(row)[:3], by(row)) == ([3, 9, 9], ["person", None, None, True])
    assert (row["authorization_state"], row["agent_commands"]) == ("authorized", 3)  # the request is an agent's, too


def test_a_lapsed_offer_lets_a_deadline_decide(postgres_dsn: str) -> None:
    """Policy decided and offered something instead; nobody answered, and the clock carried the decision out."""
    shop = shop_of({"line_id": "L1", "quantity": 1, "reason": "better_price"})
    lapsed_at = pass_deadline(shop, "remedy")
    (row,) = shown(postgres_dsn, shop)
    days = (lapsed_at - day(0)).days
    assert (instants(row)[:3], by(row)) == ([3, days, days], ["deadline", None, None, False])


def test_what_is_undone_is_empty_again(postgres_dsn: str) -> None:
    """A settlement that is taken back leaves nothing paid, a return that is reopened is not closed."""
    shop = shop_of({"line_id": "L1", "quantity": 3})
    receive(shop, (1, 3))
    inspect(shop, 1, 3)
    settle_all(shop)
    paid = len(shop.history)
    shop.send("CloseReturn", on_return(reason="done"), at=day(9))
    closed = len(shop.history)
    payout = next(iter(shop.order().payouts))
    told = on_return(payout_id=str(payout), outcome="failed", reason="closed account")
    shop.send("RecordPayoutOutcome", told, actor="gateway:stripe", at=day(10))
    shop.send("ReopenReturn", on_return(reason="not paid"), at=day(11))
    events = recorded_of(shop)
    found = []
    for part in (events[:paid], events[paid:closed], events[closed:]):
        play(postgres_dsn, part, batch=100)
        row = only(postgres_dsn, "return_flow")
        found.append((*instants(row)[7:], row["closed_by"]))
    assert found == [(8, None, None), (8, 9, "person"), (None, None, None)]


def test_commands_of_agents_are_counted_once(postgres_dsn: str) -> None:
    """Each command counts, whatever facts it led to, those that only touch the order included; of others, none."""
    shop = shop_of({"line_id": "L1", "quantity": 1})
    receive(shop, (1, 1))
    shop.send("GrantGoodwill", on_return(amount_minor=100, reason="sorry"), actor="agent:rosa", at=day(7))
    inspect(shop, 1, 1)
    settle_all(shop)
    kinds = {actor.partition(":")[0] for actor, _ in shop.senders}
    assert {"agent", "carrier", "gateway"} <= kinds
    (row,) = shown(postgres_dsn, shop)
    assert row["agent_commands"] == 4  # request, receipt and inspection, which stand-ins here send as agents; goodwill


def test_money_that_moves_without_a_return_is_no_return_of_it(postgres_dsn: str) -> None:
    """An order's fact that names no return is in no timeline."""
    shop = shop_of({"line_id": "L1", "quantity": 1})
    receive(shop, (1, 1))
    inspect(shop, 1, 1)
    events = recorded(shop.history)
    told = next(event for event in events if event.type == "rma.Order.RefundRequested.v1")
    named, nameless = f'"rma_id":"{shop.rma().rma_id}"'.encode(), b'"rma_id":null'
    assert named in told.body
    object.__setattr__(told, "body", told.body.replace(named, nameless))
    play(postgres_dsn, events, batch=100)
    types = {row["type"] for row in rows(postgres_dsn, "return_timeline")}
    assert "rma.Rma.Inspected.v1" in types
    assert told.type not in types


@pytest.mark.parametrize("batch", [1, 4])
def test_a_forgotten_past_is_told_again(postgres_dsn: str, batch: int) -> None:
    """Folded by projections that forget between batches, or in one go: the rows are the same."""
    shop = shop_of({"line_id": "L1", "quantity": 3, "reason": "other"}, {"line_id": "L2", "quantity": 2})
    decide(shop, "DecideRequest", "approve", 4)
    decide(shop, "DecideRequest", "deny", 5)
    receive(shop, (1, 1), (2, 2))
    inspect(shop, 2, 1)
    decide(shop, "OverrideDecision", "approve", 9, approved_by="boss", reason="x")
    request(shop, {"line_id": "L1", "quantity": 1}, rma_id=UUID(int=7), on=12)
    events = recorded_of(shop)
    play(postgres_dsn, events, batch=batch)
    in_parts = rows(postgres_dsn, "return_flow")
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        for projection in PROJECTIONS:
            connection.execute(f"DROP SCHEMA {projection.name}_v{projection.version} CASCADE")
    play(postgres_dsn, events, batch=len(events))
    assert rows(postgres_dsn, "return_flow") == in_parts
    assert len(in_parts) > 4
