"""What remedies avoided, by the rule that offered them: each event, in whatever batches it is heard."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from projections.return_reasons.rates import read_reason_tables
from tests.integration.projections.test_projections import PROJECTIONS, only, play, rows
from tests.support.recorded_facts import recorded
from tests.support.shop import RMA_ID, Shop
from tests.support.stories import POLICY, day, on_return, open_shop, request
from workers.pictures.sheet import Screen
from workers.pictures.tables import reason_bars

HINTS: dict[str, Any] = {"kind": "troubleshooting", "instructions": "Hold the button for ten seconds."}
SHARE: dict[str, Any] = {"kind": "partial_refund", "share_bps": 2_500}
BONUS: dict[str, Any] = {"kind": "exchange_bonus", "bonus_minor": 50}
FEES: dict[str, Any] = {"restocking_bps": 1_000, "return_shipping_minor": 30}
COUNTS = ("offered", "accepted", "declined", "lapsed", "returns_avoided", "units_saved")
MONEY = ("kept_minor", "given_minor", "saved_minor")


def offering(*rules: tuple[str, dict[str, Any], dict[str, Any]], **policy: Any) -> Shop:
    """Return a shop whose rules, by name, condition and remedy, offer something before an authorization.

    A rule that always holds and offers nothing stands before them.
    """
    slow = {"name": "slow", "when": {"all": []}, "then": {"ship_back_days": 60}}
    made = [{"name": name, "when": when, "then": {"remedy": remedy}} for name, when, remedy in rules]
    return open_shop({**POLICY, **policy, "rules": [slow, *made]})


def always(remedy: dict[str, Any], **policy: Any) -> Shop:
    return offering(("avoid", {"all": []}, remedy), **policy)


def answer(shop: Shop, *, accepted: bool, line: int = 1, rma_id: UUID = RMA_ID) -> None:
    shop.send("AnswerRemedy", on_return(rma_id, line=line, accepted=accepted), actor="customer:C-1", at=day(4))


def lapse(shop: Shop, rma_id: UUID = RMA_ID) -> None:
    (deadline,) = [d for d in shop.rma(rma_id).deadlines.values() if d.kind == "remedy"]
    told = on_return(rma_id, deadline_id=str(deadline.deadline_id))
    shop.send("PassDeadline", told, actor="clock:deadlines", at=day(20))


def told(dsn: str, shop: Shop, *, batch: int = 1_000) -> dict[str, Any]:
    """Return the one row of the view that a history comes to."""
    play(dsn, recorded(shop.history), batch=batch)
    return only(dsn, "remedies")


def counts(row: dict[str, Any]) -> tuple[int, ...]:
    return tuple(row[name] for name in COUNTS)


def money(row: dict[str, Any]) -> tuple[int, ...]:
    return tuple(row[name] for name in MONEY)


def many_offers() -> Shop:
    """Return a shop with an offer of each kind that is accepted, one declined, one lapsed, and one still open."""
    shop = offering(
        ("hints", {"fact": "reason", "is": "defective"}, HINTS),
        ("bonus", {"fact": "reason", "is": "too_small"}, BONUS),
        ("keep", {"all": []}, SHARE),
    )
    asked = [
        ("defective", "L1"),
        ("too_small", "L1"),
        ("changed_mind", "L1"),
        ("changed_mind", "L2"),
        ("defective", "L2"),
    ]
    for number, (reason, line_id) in enumerate(asked, start=1):
        request(shop, {"line_id": line_id, "quantity": 1, "reason": reason}, rma_id=UUID(int=number))
    for number in (1, 2, 3):
        answer(shop, accepted=True, rma_id=UUID(int=number))
    answer(shop, accepted=False, rma_id=UUID(int=4))
    return shop


def test_an_open_offer_has_avoided_nothing_yet(postgres_dsn: str) -> None:
    """Offered: counted under the policy's version and the rule that won the remedy, and nothing saved."""
    shop = always(SHARE)
    request(shop, {"line_id": "L1", "quantity": 2})
    row = told(postgres_dsn, shop)
    assert [row[name] for name in ("policy_id", "policy_version", "rule", "kind", "currency")] == [
        "standard", 1, "avoid", "partial_refund", "EUR",
    ]  # fmt: skip
    assert (counts(row), money(row)) == ((1, 0, 0, 0, 0, 0), (0, 0, 0))


def test_an_accepted_share_saves_the_rest(postgres_dsn: str) -> None:
    """Accepted: what would have gone back for the units, less the fee it would have borne, less the share given."""
    shop = always(SHARE, fees=FEES)
    request(shop, {"line_id": "L1", "quantity": 2})
    answer(shop, accepted=True)
    row = told(postgres_dsn, shop)
    paid = 666  # two of three units that cost 1,000
    assert counts(row) == (1, 1, 0, 0, 1, 2)
    assert money(row) == (paid - 67, 166, paid - 67 - 166)
    assert shop.rma().refund_minor == row["given_minor"]


def test_hints_that_helped_save_everything(postgres_dsn: str) -> None:
    """Accepted without anything given: all that would have gone back is saved, fees being waived for the reason."""
    shop = always(HINTS, fees={**FEES, "waived_for": ["defective"]}, method="label")
    request(shop, {"line_id": "L1", "quantity": 3, "reason": "defective"})
    answer(shop, accepted=True)
    row = told(postgres_dsn, shop)
    assert (counts(row), money(row)) == ((1, 1, 0, 0, 1, 3), (1000, 0, 1000))


def test_a_bonus_saves_no_units(postgres_dsn: str) -> None:
    """An exchange comes back all the same; what it costs more is shown as it is."""
    shop = always(BONUS)
    request(shop, {"line_id": "L1", "quantity": 1})
    answer(shop, accepted=True)
    row = told(postgres_dsn, shop)
    assert (counts(row), money(row)) == ((1, 1, 0, 0, 0, 0), (0, 50, -50))


@pytest.mark.parametrize(("lapsed", "expected"), [(False, (1, 0, 1, 0, 0, 0)), (True, (1, 0, 0, 1, 0, 0))])
def test_declined_and_lapsed_save_nothing(postgres_dsn: str, lapsed: bool, expected: tuple[int, ...]) -> None:
    """Declined, or nobody answered: the return takes its course, and the two are counted apart."""
    shop = always(SHARE)
    request(shop, {"line_id": "L1", "quantity": 1})
    lapse(shop) if lapsed else answer(shop, accepted=False)
    row = told(postgres_dsn, shop)
    assert (counts(row), money(row)) == (expected, (0, 0, 0))


def test_return_shipping_is_kept_while_anything_comes_back(postgres_dsn: str) -> None:
    """It is borne once a return: only a return that is avoided as a whole would have borne it for the units saved."""
    shop = always(HINTS, fees={"return_shipping_minor": 30}, method="label")
    request(shop, {"line_id": "L1", "quantity": 1}, {"line_id": "L2", "quantity": 1})
    answer(shop, accepted=True, line=1)
    row = told(postgres_dsn, shop)
    assert (counts(row), money(row)) == ((2, 1, 0, 0, 0, 1), (333, 0, 333))
    before = len(shop.history)
    answer(shop, accepted=True, line=2)
    play(postgres_dsn, recorded(shop.history[before:], start=before + 1), batch=1)
    row = only(postgres_dsn, "remedies")
    assert (counts(row), money(row)) == ((2, 2, 0, 0, 1, 2), (333 + 250 - 30, 0, 333 + 250 - 30))


def test_units_that_come_in_after_all_are_not_saved(postgres_dsn: str) -> None:
    """Who took the hints and sent the goods all the same has not kept them."""
    shop = always(HINTS)
    request(shop, {"line_id": "L1", "quantity": 2})
    answer(shop, accepted=True)
    arrived = on_return(receipt_id="R-1", site="WH-1", items=[{"line": 1, "quantity": 1}], complete=True)
    shop.send("ReceiveGoods", arrived, actor="warehouse:WH-1", at=day(9))
    row = told(postgres_dsn, shop)
    assert (counts(row), money(row)) == ((1, 1, 0, 0, 0, 1), (333, 0, 333))


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_rebuilt_equals_incremental(postgres_dsn: str, batch: int) -> None:
    """Folded in small batches, or all at once into new tables, the rules come to the same rows."""
    shop = many_offers()
    events = recorded(shop.history)
    play(postgres_dsn, events, batch=batch)
    in_parts = rows(postgres_dsn, "remedies")
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        for projection in (made() for made in PROJECTIONS):
            connection.execute(f"DROP SCHEMA {projection.name}_v{projection.version} CASCADE")
    play(postgres_dsn, events, batch=len(events))
    assert rows(postgres_dsn, "remedies") == in_parts
    assert {row["rule"]: counts(row) for row in in_parts} == {
        "bonus": (1, 1, 0, 0, 0, 0),
        "hints": (2, 1, 0, 0, 1, 1),
        "keep": (2, 1, 1, 0, 1, 1),
    }


def test_the_reasons_show_what_was_avoided(postgres_dsn: str) -> None:
    """`rma reasons` has a table of it where anything was offered, even where nothing came back yet."""
    shop = always(HINTS)
    request(shop, {"line_id": "L1", "quantity": 1})
    answer(shop, accepted=True)
    told(postgres_dsn, shop)
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        tables = read_reason_tables(connection, skus_max=5)
    console = Screen(width=140)
    with console.capture() as shown:
        console.print(reason_bars(tables))
    assert "What remedies avoided" in shown.get()
    assert "standard 1: avoid" in shown.get()
    assert "3.33 EUR" in shown.get()
