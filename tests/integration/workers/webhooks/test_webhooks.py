"""The webhook worker on real Kafka, PostgreSQL and receivers: in order, at least once, nobody held up by another."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from infra.addresses import postgres_address
from infra.metrics import WorkerMetrics
from infra.sealing.master_keys import read_master_keys
from infra.sealing.vault import open_vault
from infra.sessions import connect
from infra.settings import Settings
from tests.conftest import VAULT_KEY
from tests.support.pipeline import wait_for
from tests.support.receiver import Receiver, receiving
from tests.support.worker_threads import Counter, running, system
from workers.operating.status import read_status
from workers.webhooks import lanes, subscriptions
from workers.webhooks.subscriptions import NewSecret, NoSubscriptionError
from workers.webhooks.worker import Patience, run

SOON: Final = Patience(first_s=0.05, factor=1.5, longest_s=0.5)
ALL: Final = ("*",)
OTHER_KEY: Final = b64encode(b"another master key, 32 bytes long"[:32]).decode()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings under which receivers on this machine may be told."""
    return settings.model_copy(update={"webhooks": True, "webhooks_allow_private": True})


def worker(patience: Patience = SOON) -> partial[None]:
    return partial(run, metrics=WorkerMetrics("webhooks"), patience=patience)


@contextmanager
def database(settings: Settings) -> Iterator[psycopg.Connection]:
    with closing(connect(postgres_address(settings))) as connection:
        yield connection


def subscribe(settings: Settings, receiver: Receiver, *types: str) -> NewSecret:
    with database(settings) as connection:
        return subscriptions.add(connection, read_master_keys(settings), receiver.url, types or ALL, allow_private=True)


def recorded(counter: Counter) -> dict[str, list[str]]:
    """Return the ids of all events by their Kafka key, in the order of the log."""
    by_key: dict[str, list[str]] = {}
    for row in counter.rows("SELECT partition_key, event_id FROM rma_log.events ORDER BY position"):
        by_key.setdefault(row["partition_key"], []).append(str(row["event_id"]))
    return by_key


def taken(receiver: Receiver) -> dict[str, list[str]]:
    """Return the ids of what was taken, by Kafka key, each where it was taken first."""
    by_key: dict[str, list[str]] = {}
    for one in receiver.taken:
        ids = by_key.setdefault(one.event["partitionkey"], [])
        if one.event_id not in ids:
            ids.append(one.event_id)
    return by_key


def all_delivered(settings: Settings) -> bool:
    with database(settings) as connection:
        found = lanes.counts(connection)
        [(open_lanes,)] = connection.execute("SELECT count(*) FROM rma_webhooks.lanes").fetchall()
    return found is not None and found.waiting == 0 and open_lanes == 0


def test_who_subscribes_is_told_in_order_what_comes_then(settings: Settings) -> None:
    """Each its types, signed by its secret; what was recorded before is not told; a failure delays its key alone."""
    failed_once = lambda event_id, before: 500 if before < UUID(event_id).int % 3 else 200  # noqa: E731
    with system(settings) as counter, receiving(answer=failed_once) as every, receiving() as closed:
        counter.publish()
        before = {one for ids in recorded(counter).values() for one in ids}
        secret = subscribe(settings, every)
        subscribe(settings, closed, "rma.Order.Refund*")
        with running(settings, worker(), worker()):
            for number in range(6):
                counter.order_and_return(f"O-{number}", {"card": 1_000 + number})
            wait_for(lambda: sum(map(len, taken(every).values())) >= 12, "the first events")
            wait_for(lambda: all_delivered(settings), "all events to be delivered")

        wanted = {key: [one for one in ids if one not in before] for key, ids in recorded(counter).items()}
        assert taken(every) == {key: ids for key, ids in wanted.items() if ids}
        assert {one.event["type"] for one in closed.got} == {"rma.Order.RefundRequested.v1"}
        assert len(closed.got) == 6
        for one in every.got:
            Webhook(secret.secret).verify(one.body, dict(one.headers))
        told = read_status(settings).webhooks
        assert told is not None
        assert (told.subscriptions, told.waiting, told.parked) == (2, 0, 0)


def test_one_that_is_dead_or_slow_holds_up_nobody_else(settings: Settings) -> None:
    """A receiver that does not answer, one that nobody is at, and one that takes its time: others hear at once."""
    silent = Event()
    with (
        system(settings) as counter,
        receiving(answer=lambda *_: 200 if silent.wait(30) else 500) as slow,
        receiving() as gone,
        receiving() as well,
    ):
        for one in (slow, gone, well):
            subscribe(settings, one)
        gone.url = "nobody is here any more"
        with database(settings) as connection:
            connection.execute(
                "UPDATE rma_webhooks.subscriptions SET url = 'http://127.0.0.1:9/' WHERE url = %s", [gone.url]
            )
        with running(settings, worker()):
            counter.publish()
            for number in range(4):
                counter.order_and_return(f"O-{number}", {"card": 100})
            wait_for(lambda: taken(well) == recorded(counter), "who is well to hear all of it")
            assert slow.taken == []
            silent.set()


def test_what_fails_for_too_long_is_parked_and_the_next_goes_on(settings: Settings) -> None:
    """A gap that is shown; by hand it is delivered after all, marked, under the id that it always had."""
    mended = Event()
    with system(settings) as counter, receiving() as receiver:
        counter.publish()
        made = subscribe(settings, receiver, "rma.Order.*")
        counter.order_and_return("O-1", {"card": 100})
        bad, *rest = (
            str(row["event_id"])
            for row in counter.rows(
                "SELECT event_id FROM rma_log.events WHERE starts_with(type, 'rma.Order.') ORDER BY position"
            )
        )
        receiver.answer = lambda event_id, _: 302 if event_id == bad and not mended.is_set() else 200
        hasty = Patience(first_s=0.05, factor=1.0, longest_s=0.05, give_up=timedelta(seconds=0.4))
        with running(settings, worker(hasty)):
            wait_for(lambda: len(receiver.taken) == len(rest), "the others")
            wait_for(lambda: all_delivered(settings), "nothing to wait")
            assert [one.event_id for one in receiver.taken] == rest
            assert receiver.came[bad] >= 2  # where cores are rare, time is over after the second try
            with database(settings) as connection:
                [parked] = lanes.shown(connection, made.subscription_id, "parked", 10)
                assert (str(parked["event_id"]), parked["why"]) == (bad, "status_302")
                mended.set()
                assert lanes.redeliver(connection, made.subscription_id, [], all_parked=True) == 1
                wait_for(lambda: len(receiver.taken) == len(rest) + 1, "the one that was parked")
                again = UUID(rest[0])
                assert lanes.redeliver(connection, made.subscription_id, [again], all_parked=False) == 1
                with pytest.raises(lanes.NotDeliveredError):
                    lanes.redeliver(connection, made.subscription_id, [UUID(int=1)], all_parked=False)
            wait_for(lambda: receiver.came[rest[0]] == 2, "the one that was asked for once more")

        marked = [one.event_id for one in receiver.got if one.headers.get("rma-redelivery") == "true"]
        assert marked == [bad, rest[0]]


def test_who_no_longer_leads_does_not_take_back_what_was_delivered(settings: Settings) -> None:
    """A worker that was frozen notes its failed try when another has long delivered: nothing is left to wait for."""
    with system(settings) as counter, receiving() as receiver:
        made = subscribe(settings, receiver)
        with running(settings, worker()):
            counter.publish()
            wait_for(lambda: receiver.taken, "the policy's event")
            wait_for(lambda: all_delivered(settings), "nothing to wait")
        with database(settings) as connection:
            lanes.redeliver(connection, made.subscription_id, [UUID(receiver.taken[0].event_id)], all_parked=False)
            [(lane, [letter])] = lanes.due(connection, {made.subscription_id: 1}, ()).items()
            at = datetime.now(UTC)
            for tried in (lanes.Tried(letter, at, "delivered"), lanes.Tried(letter, at, "waiting", "ReadTimeout")):
                lanes.settle(connection, [lanes.LaneOutcome(lane, [tried])])

            [shown] = lanes.shown(connection, made.subscription_id, None, 1)
            assert (shown["state"], shown["why"]) == ("delivered", None)


def test_who_is_paused_is_told_later_and_who_is_removed_never(settings: Settings) -> None:
    """What came meanwhile waited, in its order."""
    with system(settings) as counter, receiving() as receiver, receiving() as other:
        made, ended = subscribe(settings, receiver), subscribe(settings, other)
        with running(settings, worker()), database(settings) as connection:
            subscriptions.pause(connection, made.subscription_id, paused=True)
            subscriptions.remove(connection, ended.subscription_id)
            counter.publish()
            counter.order_and_return("O-1", {"card": 100})
            number = sum(map(len, recorded(counter).values()))
            wait_for(lambda: len(lanes.shown(connection, made.subscription_id, "waiting", 99)) == number, "all to wait")
            assert receiver.got == []
            subscriptions.pause(connection, made.subscription_id, paused=False)
            wait_for(lambda: taken(receiver) == recorded(counter), "what waited")
            assert other.got == []
            for missing in (subscriptions.remove, partial(subscriptions.pause, paused=True)):
                with pytest.raises(NoSubscriptionError):
                    missing(connection, ended.subscription_id)


def test_secrets_overlap_and_outlive_a_new_master_key(settings: Settings) -> None:
    """The newest two sign, no third; wrapped by another master key they are the same."""
    masters = read_master_keys(settings)
    both = settings.model_copy(update={"vault_key": SecretStr(f"{OTHER_KEY} {VAULT_KEY}")})
    new = settings.model_copy(update={"vault_key": SecretStr(OTHER_KEY)})
    with system(settings) as counter, receiving() as receiver:
        first = subscribe(settings, receiver, "rma.ReturnPolicy.*", "rma.Order.*")
        with database(settings) as connection:
            second, third = (subscriptions.rotate(connection, masters, first.subscription_id) for _ in range(2))
            with closing(open_vault(both)):
                assert subscriptions.wrap_anew(connection, read_master_keys(both)) == 2
            assert subscriptions.wrap_anew(connection, read_master_keys(both)) == 0
        counter.publish()
        counter.order_and_return("O-1", {"card": 100})
        with running(new, worker()):
            wait_for(lambda: receiver.taken, "an event")

        [one, *_] = receiver.taken
        signed = [made for made in (first, second, third) if _is_signed(made.secret, one.body, dict(one.headers))]
        assert signed == [second, third]
        assert len(one.headers["webhook-signature"].split()) == 2


def _is_signed(secret: str, body: bytes, headers: dict[str, Any]) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except Exception:
        return False
    return True
