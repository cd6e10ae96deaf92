"""The payments worker is killed again and again while the gateway misbehaves; then two books are compared."""

from __future__ import annotations

import random
from collections import Counter as Count
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from infra.settings import Settings
from tests.support.pipeline import wait_for
from tests.support.worker_processes import serve, until_killed
from tests.support.worker_threads import Counter, system
from workers.desk.reconciliation import reconcile
from workers.trials.gateway_simulator.server import GatewayServer, MisbehaviourPlan

KILLS = 50
ORDERS_PER_LIFE = 3
PAYOUTS_PER_LIFE = 2 * ORDERS_PER_LIFE
RETRY_EVERY = 10
SEED = 20_261_123
RATES = MisbehaviourPlan(
    rates={"fail": 0.1, "hang": 0.15, "twice": 0.1, "late": 0.15, "lose": 0.2}, seed=SEED, slow_s=0.3
)


def sell_and_return(counter: Counter, life: int, chance: random.Random) -> None:
    for number in range(ORDERS_PER_LIFE):
        tenders = {"card": chance.randint(1, 9_999), "wallet": chance.randint(1, 9_999)}
        counter.order_and_return(f"O-{life}-{number}", tenders)


def retry_failed(counter: Counter) -> None:
    """Have an agent make new payouts for those that failed."""
    for payout in counter.payouts():
        if payout["status"] == "failed" and not payout["retried"]:
            body = {name: str(payout[name]) for name in ("order_id", "rma_id", "payout_id")}
            counter.accepted("RetryPayout", body)


def open_payouts(counter: Counter) -> list[dict[str, Any]]:
    return [payout for payout in counter.payouts() if payout["status"] in {"requested", "unknown"}]


def test_no_kill_makes_the_books_differ(settings: Settings, tmp_path: Path) -> None:
    """After 50 kills amid lost, late, doubled and missing answers, gateway and ledger agree to the cent."""
    chance = random.Random(SEED)  # noqa: S311 - repeatable on purpose
    with GatewayServer(tmp_path / "book.sqlite", plan=RATES) as gateway, system(settings) as counter:
        counter.publish()
        where = settings.model_copy(update={"gateway_url": SecretStr(gateway.url)})
        for life in range(KILLS):
            wanted = gateway.mischief.drawn + chance.randint(1, PAYOUTS_PER_LIFE)
            with until_killed(serve, "payments", where) as process:
                sell_and_return(counter, life, chance)
                wait_for(lambda: gateway.mischief.drawn >= wanted, f"asks in life {life}")  # noqa: B023 - used at once
                assert process.is_alive()
            if life % RETRY_EVERY == 0:
                retry_failed(counter)
        with until_killed(serve, "payments", where):
            wait_for(lambda: not open_payouts(counter), "every payout to have an outcome")
            assert_books_agree(counter, gateway, tmp_path)


def assert_books_agree(counter: Counter, gateway: GatewayServer, folder: Path) -> None:
    payouts, entries = counter.payouts(), gateway.payouts.entries()
    assert gateway.mischief.drawn > len(entries), "nothing was asked twice: the gateway behaved too well"
    assert max(Count(entry.payout_id for entry in entries).values()) == 1
    theirs = {entry.payout_id: (entry.outcome, entry.amount_minor, entry.reference) for entry in entries}
    ours = {str(row["payout_id"]): (row["status"], row["amount_minor"], row["reference"]) for row in payouts}
    assert ours == theirs
    assert {"settled", "failed"} <= {row["status"] for row in payouts}

    file = folder / "settlements.csv"
    file.write_text(gateway.payouts.settlement_file())
    assert reconcile(counter.settings, file).agrees

    accounts = {row["account"]: row["balance_minor"] for row in counter.rows("SELECT * FROM rma_read.ledger_balances")}
    paid = sum(entry.amount_minor for entry in entries if entry.outcome == "settled")
    assert -sum(balance for account, balance in accounts.items() if account.startswith("clearing:")) == paid
    owed = sum(row["amount_minor"] for row in payouts if row["status"] == "failed" and not row["retried"])
    assert -accounts["refunds_owed"] == owed
    assert accounts.get("customer_receivable", 0) == 0
    assert sum(accounts.values()) == 0
