"""A rebuild's promises: the same rows as the live read model, which goes on meanwhile; all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from infra.addresses import postgres_address
from infra.settings import Settings
from projections.refund_ledger.fold import RefundLedger
from tests.support.pipeline import wait_for
from tests.support.worker_threads import Counter, system
from workers.operating.rebuilding import RebuildRunningError, Rebuilt, rebuild
from workers.projector.projector import prepare

NAME = "refund_ledger"
SCHEMA = f"{NAME}_v{RefundLedger.version}"
VIEWS = ("refunds", "payouts", "ledger_entries", "ledger_balances", "order_units")


@pytest.fixture
def shop(settings: Settings) -> Iterator[Counter]:
    """A running system in which one return was refunded to two tenders."""
    with system(settings) as counter:
        counter.publish()
        counter.order_and_return("O-1", {"gift_card": 300, "card": 700})
        wait_for(counter.payouts, "the first payouts")
        yield counter


def untold(_done: int, _total: int) -> None:
    """Nobody watches."""


def contents(shop: Counter) -> dict[str, list[dict[str, Any]]]:
    return {view: sorted(shop.rows(f"SELECT * FROM rma_read.{view}"), key=str) for view in VIEWS}


def change(shop: Counter, statement: str) -> None:
    with psycopg.connect(postgres_address(shop.settings)) as connection:
        connection.execute(statement.encode())


def rebuilt_while(shop: Counter, act: Callable[[], None]) -> Rebuilt:
    """Rebuild, and act once in the middle of it."""
    acts = iter([act])
    return rebuild(shop.settings, NAME, lambda _done, _total: next(acts, lambda: None)())


def test_what_was_damaged_is_as_it_should_be(shop: Counter) -> None:
    """A rebuilt read model holds what its events say, whatever somebody did to the rows."""
    before = contents(shop)
    change(shop, f"UPDATE {SCHEMA}.payouts SET status = 'failed'; DELETE FROM {SCHEMA}.ledger_entries")
    assert contents(shop) != before

    rebuild(shop.settings, NAME, untold)

    assert contents(shop) == before


def test_the_live_read_model_goes_on_meanwhile(shop: Counter) -> None:
    """Events that come during a rebuild show at once, are in the rebuilt one too, and so are those that come after."""

    def sell_another() -> None:
        shop.order_and_return("O-2", {"card": 500})
        wait_for(lambda: len(shop.payouts()) == 3, "the live read model to show what came during the rebuild")

    rebuilt_while(shop, sell_another)
    assert len(shop.payouts()) == 3

    shop.order_and_return("O-3", {"card": 900})
    wait_for(lambda: len(shop.payouts()) == 4, "the rebuilt read model to go on")


def test_a_rebuild_that_fails_changes_nothing(shop: Counter) -> None:
    """The live read model is as before, and can be rebuilt the next time."""
    before = contents(shop)

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rebuilt_while(shop, fail)

    assert contents(shop) == before
    assert rebuild(shop.settings, NAME, untold).records > 0
    assert contents(shop) == before


def test_a_read_model_is_rebuilt_by_one_at_a_time(shop: Counter) -> None:
    """The second one is told so, and the first goes on."""

    def rebuild_too() -> None:
        with pytest.raises(RebuildRunningError):
            rebuild(shop.settings, NAME, untold)

    assert rebuilt_while(shop, rebuild_too).records > 0


def test_another_version_stays_live_until_it_is_rebuilt(shop: Counter) -> None:
    """New code does not show empty tables: the views move when a rebuild has filled them, and the old tables go."""
    before = contents(shop)
    change(
        shop,
        "CREATE SCHEMA refund_ledger_v0;"
        f"CREATE TABLE refund_ledger_v0.refunds AS SELECT * FROM {SCHEMA}.refunds;"
        "CREATE OR REPLACE VIEW rma_read.refunds AS SELECT * FROM refund_ledger_v0.refunds;"
        "INSERT INTO rma_read_meta.positions SELECT projection, 0, partition, next_offset, log_position, now()"
        " FROM rma_read_meta.positions WHERE projection = 'refund_ledger'",
    )
    prepare(postgres_address(shop.settings), RefundLedger())
    change(shop, "DELETE FROM refund_ledger_v0.refunds")
    assert contents(shop)["refunds"] == []  # the views still show the other version

    rebuild(shop.settings, NAME, untold)

    assert contents(shop) == before
    assert shop.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'refund_ledger%%'") == [{"nspname": SCHEMA}]
