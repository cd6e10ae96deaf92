"""A rebuild's promises: the same rows as the live read model, which goes on meanwhile; all of it or nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from infra.addresses import postgres_address
from infra.kafka import topic_reader
from infra.roles import as_role, role_of
from infra.settings import Settings
from projections.refund_ledger.fold import RefundLedger
from tests.support.pipeline import wait_for
from tests.support.worker_threads import Counter, system
from workers.operating import rebuilding
from workers.operating.initialising import initialise
from workers.operating.rebuilding import RebuildRunningError, Rebuilt, rebuild
from workers.projector.projector import prepare

NAME = "refund_ledger"
STEP = 2
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


@pytest.fixture
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step is two records, so that a few orders take many."""
    monkeypatch.setattr(rebuilding, "STEP_RECORDS", STEP)
    monkeypatch.setattr(topic_reader, "POLL_RECORDS_MAX", STEP)


def schemas(shop: Counter) -> list[str]:
    found = shop.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'refund_ledger%%' ORDER BY nspname")
    return [str(row["nspname"]) for row in found]


def broken_off_after(shop: Counter, steps: int) -> None:
    """Rebuild, and fail once so many steps are done."""
    done: list[int] = []

    def fail(read: int, _total: int) -> None:
        done.append(read)
        if len(done) == steps:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rebuild(shop.settings, NAME, fail)


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


@pytest.mark.usefixtures("short_steps")
def test_a_rebuild_that_was_broken_off_goes_on(shop: Counter) -> None:
    """What its steps wrote stays and is not read again, unless somebody asks for that; nothing of it shows before."""
    before = contents(shop)
    change(shop, f"UPDATE {SCHEMA}.payouts SET status = 'failed'")
    damaged = contents(shop)

    broken_off_after(shop, steps=3)
    assert contents(shop) == damaged
    assert schemas(shop) == [SCHEMA, f"{SCHEMA}_rebuild"]
    broken_off_after(shop, steps=2)

    done = rebuild(shop.settings, NAME, untold)
    assert 5 * STEP <= done.read_before < done.records
    assert contents(shop) == before
    assert schemas(shop) == [SCHEMA]

    broken_off_after(shop, steps=3)
    change(shop, f"UPDATE {SCHEMA}_rebuild.ledger_entries SET amount_minor = 0")
    assert rebuild(shop.settings, NAME, untold, anew=True) == replace(done, read_before=0)
    assert contents(shop) == before


KILLED_IN_THE_THIRD_STEP = f"""
import os, signal
from infra.kafka import topic_reader
from infra.settings import Settings
from projections.refund_ledger.fold import RefundLedger
from workers.operating import rebuilding

rebuilding.STEP_RECORDS = topic_reader.POLL_RECORDS_MAX = {STEP}
folded, fold = [], RefundLedger.fold

def folds(self, connection, events):
    fold(self, connection, events)
    folded.append(len(events))
    if len(folded) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

RefundLedger.fold = folds
rebuilding.rebuild(Settings(), "{NAME}", lambda *_: None)
"""


def test_a_rebuild_that_is_killed_goes_on_and_the_live_read_model_too(shop: Counter) -> None:
    """Killed while it writes, it leaves the steps before, both under their own names, and no lock."""
    before = contents(shop)

    killed = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", KILLED_IN_THE_THIRD_STEP],
        env={**os.environ, **shop.settings.as_environment()},
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL
    assert contents(shop) == before
    shop.order_and_return("O-2", {"card": 500})
    wait_for(lambda: len(shop.payouts()) == 3, "the live read model to go on")
    wanted = contents(shop)
    done = rebuild(shop.settings, NAME, untold)
    assert 2 <= done.read_before <= 2 * STEP
    assert done.read_before < done.records
    assert contents(shop) == wanted
    assert schemas(shop) == [SCHEMA]


def test_roles_have_their_rights_on_the_fresh_tables(shop: Counter) -> None:
    """A projector that works as its role goes on after a rebuild as before."""
    roled = shop.settings.model_copy(update={"postgres_roles": True})
    initialise(roled)

    rebuild(roled, NAME, untold)

    with psycopg.connect(as_role(postgres_address(roled), role_of(NAME))) as connection:
        assert connection.execute(f"SELECT count(*) FROM {SCHEMA}.payouts").fetchone() == (2,)
        connection.execute(f"DELETE FROM {SCHEMA}.payouts")


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
