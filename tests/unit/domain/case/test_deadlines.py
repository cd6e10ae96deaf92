"""Instants until which something has to happen: opened by facts, ended by what they waited for, passed by the clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.rma.parts import Deadline
from tests.support.refusals import refused, states, unchanged, unit_statuses
from tests.support.shop import Shop, names
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request, settle_all

DENYING = {**POLICY, "rules": [
    {"name": "no", "when": {"fact": "reason", "is": "gift"}, "then": {"decide": "deny", "code": "no"}},
]}  # fmt: skip


def deadline(shop: Shop, kind: str) -> Deadline:
    """Return the newest deadline of a kind."""
    return [found for found in shop.rma().deadlines.values() if found.kind == kind][-1]


def kinds(shop: Shop) -> dict[str, str]:
    return {found.kind: found.status for found in shop.rma().deadlines.values()}


def passing(found: Deadline) -> dict[str, Any]:
    return on_return(deadline_id=str(found.deadline_id))


def let_pass(shop: Shop, kind: str) -> list[str]:
    found = deadline(shop, kind)
    return names(shop.send("PassDeadline", passing(found), actor="clock:1", at=found.due_at))


def requested(policy: dict[str, Any] | None = None, **line: Any) -> Shop:
    shop = open_shop(policy)
    request(shop, {"line_id": "L1", "quantity": 2, **line})
    return shop


def test_authorization_opens_ship_back_until_the_end_of_its_last_day() -> None:
    """14 whole days after the day of authorization, in the window's zone."""
    shop = requested()
    assert deadline(shop, "ship_back").due_at == datetime.fromisoformat("2026-03-19T00:00:00Z")
    zoned = requested({**POLICY, "window": {"days": 30, "zone": "Asia/Shanghai"}, "ship_back_days": 2})
    assert deadline(zoned, "ship_back").due_at == datetime.fromisoformat("2026-03-07T00:00:00+08:00")


def test_a_deadline_passes_at_its_instant_and_not_before() -> None:
    """Before its instant it is refused; afterwards it says nothing new; one that is not there is refused."""
    shop = requested()
    found = deadline(shop, "ship_back")
    early = found.due_at - timedelta(microseconds=1)
    refused(shop, "wrong_state", "PassDeadline", passing(found), actor="clock:1", at=early)
    assert let_pass(shop, "ship_back") == ["DeadlinePassed", "Expired", "UnitsFreed"]
    unchanged(shop, "PassDeadline", passing(found), actor="clock:1", at=found.due_at)
    unknown = on_return(deadline_id=str(UUID(int=7)))
    refused(shop, "unknown_deadline", "PassDeadline", unknown, actor="clock:1")


def test_an_unsent_line_expires_and_frees_its_units() -> None:
    """Only what was not sent expires; what is under way goes on."""
    shop = requested()
    let_pass(shop, "ship_back")
    assert unit_statuses(shop, "L1") == [(3, "free")]
    assert shop.rma().status == "expired"

    shop = requested()
    shop.send("RecordHandover", on_return(), at=day(4))
    found = deadline(shop, "ship_back")
    assert found.status == "met"
    unchanged(shop, "PassDeadline", passing(found), actor="clock:1", at=found.due_at)
    assert shop.rma().status == "in_transit"


def test_a_given_up_return_cancels_its_deadlines() -> None:
    """Nothing is awaited from a withdrawn return."""
    shop = requested()
    shop.send("WithdrawReturn", on_return(), at=day(4))
    assert kinds(shop) == {"ship_back": "cancelled"}


def test_inspection_and_refund_are_overdue_and_still_happen() -> None:
    """Their deadlines mark them overdue; goods and money go on."""
    shop = requested()
    receive(shop, (1, 2))
    assert deadline(shop, "inspect").due_at == datetime.fromisoformat("2026-03-13T00:00:00Z")
    assert let_pass(shop, "inspect") == ["DeadlinePassed"]
    inspect(shop, 1, 2)
    assert deadline(shop, "refund").due_at == datetime.fromisoformat("2026-03-23T00:00:00Z")
    assert let_pass(shop, "refund") == ["DeadlinePassed"]
    settle_all(shop)
    assert kinds(shop) == {"ship_back": "met", "inspect": "passed", "refund": "passed", "close": "open"}


def test_a_refund_is_due_from_the_day_it_is_due() -> None:
    """Settled, its deadline is met; failed again, it has a new one."""
    shop = requested()
    receive(shop, (1, 2))
    inspect(shop, 1, 2)
    settle_all(shop)
    assert kinds(shop) == {"ship_back": "met", "inspect": "met", "refund": "met", "close": "open"}
    payout = next(iter(shop.order().payouts))
    told = on_return(payout_id=str(payout), outcome="failed")
    shop.send("RecordPayoutOutcome", told, actor="gateway:g", at=day(9))
    assert deadline(shop, "refund").status == "open"
    assert deadline(shop, "close").status == "cancelled"


def test_a_denial_can_be_appealed_for_thirty_days() -> None:
    """The deadline ends the right; an appeal in time meets it, and a new denial gives new time."""
    shop = requested(DENYING, reason="gift")
    assert deadline(shop, "appeal").due_at == datetime.fromisoformat("2026-04-04T00:00:00Z")
    shop.send("AppealDenial", on_return(line=1, grounds="please"), at=day(20))
    assert kinds(shop) == {"appeal": "met"}
    denial = {"line": 1, "quantity": 2, "decision": "deny", "code": "still_no"}
    shop.send("DecideRequest", on_return(lines=[denial]), at=day(25))
    let_pass(shop, "appeal")
    refused(shop, "wrong_state", "AppealDenial", on_return(line=1, grounds="again"), at=day(60))


def test_a_denial_after_a_passed_deadline_can_be_appealed_in_turn() -> None:
    """The right belongs to each denial: one that an agent made later has thirty days of its own."""
    shop = requested(DENYING, reason="gift")
    let_pass(shop, "appeal")
    for word, at in (("approve", 40), ("deny", 41)):
        line = {"line": 1, "quantity": 2, "decision": word}
        shop.send("OverrideDecision", on_return(lines=[line], approved_by="boss", reason="so"), at=day(at))
    assert deadline(shop, "appeal").status == "open"
    shop.send("AppealDenial", on_return(line=1, grounds="again"), at=day(50))
    assert shop.rma().status == "needs_review"


def test_a_resolved_return_closes_after_thirty_days() -> None:
    """Resolved, nothing more happening: the deadline closes it; reopened, it has time again."""
    shop = requested()
    receive(shop, (1, 2))
    inspect(shop, 1, 2)
    settle_all(shop)
    assert deadline(shop, "close").due_at == datetime.fromisoformat("2026-04-09T00:00:00Z")
    assert let_pass(shop, "close") == ["DeadlinePassed", "Closed", "DeadlinesMoved"]
    assert shop.rma().status == "closed"
    shop.send("ReopenReturn", on_return(reason="customer called"), at=day(50))
    assert deadline(shop, "close").status == "open"


def test_an_expired_line_authorized_anew_has_time_again() -> None:
    """A new authorization opens a new deadline."""
    shop = requested()
    let_pass(shop, "ship_back")
    line = {"line": 1, "quantity": 2, "decision": "approve"}
    shop.send("OverrideDecision", on_return(lines=[line], approved_by="boss", reason="ill"), at=day(20))
    assert deadline(shop, "ship_back").status == "open"
    assert deadline(shop, "ship_back").due_at == datetime.fromisoformat("2026-04-05T00:00:00Z")


def test_an_open_deadline_can_be_extended() -> None:
    """Only to a later instant; then the new instant counts."""
    shop = requested()
    found = deadline(shop, "ship_back")

    def extended(due_at: datetime) -> dict[str, Any]:
        return {**passing(found), "due_at": due_at.isoformat(), "reason": "holiday"}

    refused(shop, "wrong_state", "ExtendDeadline", extended(found.due_at), status="open")
    later = found.due_at + timedelta(days=7)
    assert names(shop.send("ExtendDeadline", extended(later), at=day(5))) == ["DeadlineExtended"]
    refused(shop, "wrong_state", "PassDeadline", passing(found), actor="clock:1", at=found.due_at)
    let_pass(shop, "ship_back")
    refused(shop, "wrong_state", "ExtendDeadline", extended(later + timedelta(days=1)), status="passed")
    refused(shop, "unknown_deadline", "ExtendDeadline", {**extended(later), "deadline_id": str(UUID(int=7))})


@pytest.mark.parametrize("wish", ["replacement", "exchange"])
def test_an_advance_exchange_is_claimed_when_the_original_does_not_come_back(wish: str) -> None:
    """The new article went out first: at expiry the customer owes for what was kept."""
    shop = requested({**POLICY, "offers": [wish], "refund_due": "approval"}, wish=wish)
    shop.send("ShipReplacement", on_return(line=1, quantity=1), at=day(4))
    let_pass(shop, "ship_back")
    (claim,) = [fact for fact in shop.history if type(fact).__name__ == "ClaimRaised"]
    assert claim.amount_minor == 333  # type: ignore[attr-defined]
    assert states(shop, "authorization", "goods_sent") == [(1, "expired", True), (1, "expired", False)]


def test_what_was_refunded_and_kept_cannot_be_asked_for_again() -> None:
    """Paid on approval and never sent: at expiry the units count as returned, whoever asks for them."""
    shop = requested({**POLICY, "refund_due": "approval"})
    let_pass(shop, "ship_back")
    assert unit_statuses(shop, "L1") == [(2, "returned"), (1, "free")]
    again = on_return(UUID(int=9), lines=[{"line_id": "L1", "quantity": 2, "reason": "fit", "wish": "refund"}])
    refused(shop, "units_not_available", "RequestReturn", again, at=day(40), available=1)


def decide(shop: Shop, word: str, on: int) -> None:
    """Let a person answer on one unit that waits."""
    shop.send("DecideRequest", on_return(lines=[{"line": 1, "quantity": 1, "decision": word}]), at=day(on))


def waiting() -> Shop:
    """Return a shop in which two units wait for a person."""
    look = {"decide": "review", "code": "look"}
    rule = {"name": "look", "when": {"fact": "reason", "is": "gift"}, "then": look}
    return requested({**POLICY, "rules": [rule]}, reason="gift")


def due(shop: Shop, kind: str) -> list[tuple[str, str]]:
    return [(f"{d.due_at:%m-%d}", d.status) for d in shop.rma().deadlines.values() if d.kind == kind]


@pytest.mark.parametrize(("word", "kind", "days"), [("deny", "appeal", 30), ("approve", "ship_back", 14)])
def test_units_decided_later_have_their_full_time(word: str, kind: str, days: int) -> None:
    """Thirty days to appeal from each denial, fourteen to send from each approval: the last one counts for the line."""
    shop = waiting()
    decide(shop, word, 4)
    decide(shop, word, 10)
    first, last = ((day(on + days + 1)).strftime("%m-%d") for on in (4, 10))
    assert due(shop, kind) == [(first, "cancelled"), (last, "open")]


def test_a_denial_is_appealed_from_its_own_day_also_after_a_reopening() -> None:
    """Closing and reopening a return gives no second thirty days."""
    shop = requested(DENYING, reason="gift")
    shop.send("CloseReturn", on_return(reason="done"), at=day(5))
    shop.send("ReopenReturn", on_return(reason="called"), at=day(20))
    assert due(shop, "appeal") == [("04-04", "cancelled"), ("04-04", "open")]


def test_the_bench_has_its_days_from_receipt() -> None:
    """Goods that came before anyone let them are to be inspected within days of their receipt."""
    shop = waiting()
    receive(shop, (1, 2), on=6)
    decide(shop, "approve", 9)
    assert due(shop, "inspect") == [("03-13", "open")]


def test_what_comes_after_an_overdue_fact_was_met_has_a_deadline_again() -> None:
    """An overdue inspection, then refund, were caught up on; later goods and a later failure are due in turn."""
    shop = requested()
    receive(shop, (1, 1), on=6, complete=False)
    let_pass(shop, "inspect")
    inspect(shop, 1, 1, "I-1")
    receive(shop, (1, 1), on=20)
    assert due(shop, "inspect") == [("03-13", "passed"), ("03-27", "open")]
    inspect(shop, 1, 1, "I-2")
    let_pass(shop, "refund")
    settle_all(shop)
    payout = next(iter(shop.order().payouts))
    failed = on_return(payout_id=str(payout), outcome="failed")
    shop.send("RecordPayoutOutcome", failed, actor="gateway:stripe", at=day(40))
    assert due(shop, "refund")[-1] == ("04-25", "open")
