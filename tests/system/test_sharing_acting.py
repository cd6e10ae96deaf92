"""Two workers of each kind that acts on events: one that joins or is killed lets nothing wait for long."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any, Final

from pydantic import SecretStr

from domain.identity import deadline_id
from infra.addresses import postgres_address
from infra.sealing.master_keys import read_master_keys
from infra.sessions import connect
from infra.settings import Settings
from tests.support.busy_machine import slowness
from tests.support.in_thread import beside
from tests.support.mail_server import mail_server
from tests.support.pipeline import wait_for
from tests.support.receiver import receiving
from tests.support.worker_processes import WorkerProcess, processes
from tests.support.worker_threads import Counter, system
from tests.system.test_sharing import PAUSE_MAX_S, STARTED_AGAIN_AFTER_S, UNDISTURBED_S
from workers.cli.exit_codes import DONE
from workers.projector.projector import prepare
from workers.trials.gateway_simulator.server import GatewayServer
from workers.webhooks import subscriptions
from workers.webhooks.table import WebhookTable

KINDS: Final = ("payments", "credit_notes", "labels", "webhooks", "notices", "deadlines")
TWINS: Final = {f"{kind}-{number}": kind for kind in KINDS for number in (1, 2)}
JOIN: Final = {f"{kind}-3": kind for kind in KINDS}
SITES: Final = {"WH-1": {"name": "Returns", "address": ["1 Dock Road", "Dublin", "Ireland"]}}
POLICY: Final[dict[str, Any]] = {
    "window": {"days": 30},
    "method": "label",
    "return_to": "WH-1",
    "ship_back_days": 14,
    "refund_due": "approval",
}
"""One return gives all of them something to do."""

AGO: Final = timedelta(days=20)
"""The goods were due days ago; they are given time until a moment to come."""

GIVEN_S: Final = 1.0
STARTED_WITHIN_S: Final = 15.0
"""The first return's deadline passes when every worker has started: who makes labels is else too late for it."""
TRADE_EVERY_S: Final = 0.3
RECORDED: Final = """
    SELECT event_id::text, stream, type, recorded_at, convert_from(body, 'UTF8')::json AS body FROM rma_log.events
    ORDER BY position
"""


@contextmanager
def trading(counter: Counter) -> Iterator[None]:
    """Take returns all the time, while the block lasts; each is given time to send the goods."""

    def trade(stop: Event) -> None:
        for number in count(1):
            if stop.wait(TRADE_EVERY_S):
                return
            take_one(counter, f"O-{number}")

    with beside(trade):
        yield


def take_one(counter: Counter, order_id: str, given_s: float = GIVEN_S) -> None:
    contact = {"email": f"{order_id.lower()}@mail.example"}
    rma_id = counter.order_and_return(order_id, {"card": 1_999}, ago=AGO, contact=contact)
    given = {
        "order_id": order_id,
        "rma_id": str(rma_id),
        "deadline_id": str(deadline_id(rma_id, "ship_back", 1, 1)),
        "due_at": (datetime.now(UTC) + timedelta(seconds=given_s)).isoformat(),
        "reason": "a holiday",
    }
    counter.accepted("ExtendDeadline", given)


def waits_s(counter: Counter, heard: Mapping[str, datetime]) -> dict[str, list[float]]:
    """Return how long each kind of worker let something wait, all that there was: from the fact to what came of it.

    Raises:
        KeyError: Nothing came of one.
    """
    rows = counter.rows(RECORDED)
    at = {row["event_id"]: row["recorded_at"] for row in rows}
    by_type: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_type.setdefault(row["type"].split(".")[2], []).append(row)

    def s(since: datetime, until: datetime) -> float:
        return (until - since).total_seconds()

    labelled = {row["stream"]: row["recorded_at"] for row in by_type["LabelIssued"]}
    settled = {row["body"]["payout_id"]: row["recorded_at"] for row in by_type["PayoutSettled"]}
    noted = {row["body"]["refund_id"]: row["recorded_at"] for row in by_type["Issued"]}
    passed = {row["body"]["deadline_id"]: row["recorded_at"] for row in by_type["DeadlinePassed"]}
    told = {row["body"]["notice_id"].partition(".")[0]: row["recorded_at"] for row in by_type["CustomerNotified"]}
    refunds, approved = by_type["RefundRequested"], by_type["Authorized"]
    return {
        "labels": [s(row["recorded_at"], labelled[row["stream"]]) for row in approved],
        "notices": [s(row["recorded_at"], told[row["event_id"]]) for row in approved],
        "payments": [s(row["recorded_at"], settled[row["body"]["payouts"][0]["payout_id"]]) for row in refunds],
        "credit_notes": [s(row["recorded_at"], noted[row["body"]["refund_id"]]) for row in refunds],
        "deadlines": [
            s(datetime.fromisoformat(row["body"]["due_at"]), passed[row["body"]["deadline_id"]])
            for row in by_type["DeadlineExtended"]
        ],
        "webhooks": [s(at[event_id], heard[event_id]) for event_id in at],
    }


def kill_and_join(workers: Mapping[str, WorkerProcess], settings: Settings, folder: Path) -> None:
    """Let one more of each kind join and leave again, and kill each of the others, one at a time."""
    with processes(settings, folder, JOIN) as further:
        time.sleep(UNDISTURBED_S)
        for worker in workers.values():
            assert worker.runs, worker.what_it_said()
            worker.kill()
            time.sleep(STARTED_AGAIN_AFTER_S)
            worker.start()
            time.sleep(UNDISTURBED_S)
        for worker in further.values():
            assert worker.end() == DONE, worker.what_it_said()


def test_whoever_acts_and_is_killed_is_hardly_noticed(settings: Settings, tmp_path: Path) -> None:
    """From the fact to what has to come of it nothing takes longer than the bound, though each is killed once."""
    heard: dict[str, datetime] = {}

    def hear(event_id: str, _: int) -> int:
        heard.setdefault(event_id, datetime.now(UTC))
        return 200

    (tmp_path / "sites.json").write_text(json.dumps(SITES))
    with (
        GatewayServer(tmp_path / "book.sqlite") as gateway,
        mail_server() as mail,
        receiving(answer=hear) as receiver,
        system(settings) as counter,
    ):
        where = settings.model_copy(
            update={
                "gateway_url": SecretStr(gateway.url),
                "sites_file": tmp_path / "sites.json",
                "webhooks": True,
                "webhooks_allow_private": True,
                "smtp_url": SecretStr(mail.url),
                "notices_sender": "returns@shop.example",
                "notices_since": datetime(2020, 1, 1, tzinfo=UTC),
                "http_public_url": "https://returns.example",
                "deadline_grace": timedelta(0),
            }
        )
        prepare(postgres_address(settings), WebhookTable())
        with closing(connect(postgres_address(settings))) as connection:
            subscriptions.add(connection, read_master_keys(where), receiver.url, ["*"], allow_private=True)
        counter.publish(POLICY)
        with processes(where, tmp_path, TWINS) as workers:
            take_one(counter, "O-first", STARTED_WITHIN_S)
            wait_for(lambda: all_came(counter, heard), "each to have acted once")
            with slowness() as machine:
                with trading(counter):
                    kill_and_join(workers, where, tmp_path)
                wait_for(lambda: all_came(counter, heard), "each to have acted on all")
    longest = {kind: max(found[1:]) for kind, found in waits_s(counter, heard).items()}
    waits = ", ".join(f"{kind} {wait_s:.1f} s" for kind, wait_s in longest.items())
    print(f"{waits}; work takes {machine.times:.1f} times as long here")

    assert max(longest.values()) <= PAUSE_MAX_S * machine.times, longest


def all_came(counter: Counter, heard: Mapping[str, datetime]) -> bool:
    try:
        return bool(waits_s(counter, heard))
    except KeyError:
        return False
