"""The deadline worker on real Kafka and PostgreSQL: it fires when the clock has passed an instant, once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest

from infra.metrics import WorkerMetrics
from infra.settings import Settings
from tests.support.pipeline import wait_for
from tests.support.worker_threads import POLICY, Counter, running, system
from workers.deadlines.worker import run

ASK_FIRST = {"window": {"days": 30}, "ship_back_days": 14}
"""The return is authorized at once and the goods are due within two weeks."""


@pytest.fixture
def counter(settings: Settings) -> Iterator[Counter]:
    with system(settings) as counter:
        counter.publish(ASK_FIRST)
        yield counter


@contextmanager
def watching(counter: Counter, *, days_ahead: float, grace: timedelta | None = None) -> Iterator[None]:
    """Run the deadline worker with a clock that is so far ahead; ``grace`` None: as it is where nobody sets it."""
    settings = counter.settings if grace is None else counter.settings.model_copy(update={"deadline_grace": grace})
    ahead = partial(
        run, metrics=WorkerMetrics("deadlines"), wall=lambda: datetime.now(UTC) + timedelta(days=days_ahead)
    )
    with running(settings, ahead):
        yield


def facts(counter: Counter, rma_id: UUID) -> list[str]:
    rows = counter.rows("SELECT type FROM rma_log.events WHERE stream = %s ORDER BY version", f"rma/{rma_id}")
    return [row["type"].split(".")[2] for row in rows]


def passed(counter: Counter, rma_id: UUID) -> bool:
    return "DeadlinePassed" in facts(counter, rma_id)


def known(counter: Counter) -> list[dict[str, object]]:
    """Return the deadlines that the worker has heard of, or none while it has not set up its table."""
    [found] = counter.rows("SELECT to_regclass('rma_deadlines.deadlines') AS name")
    return counter.rows("SELECT * FROM rma_deadlines.deadlines ORDER BY due_at") if found["name"] else []


def test_a_deadline_passes_when_the_clock_does(counter: Counter) -> None:
    """Not before its instant; after it, once, and by the clock's own hand."""
    rma_id = counter.order_and_return("O-1", {"card": 1999})
    with watching(counter, days_ahead=13):
        wait_for(lambda: known(counter), "the worker to hear of the deadline")
    assert not passed(counter, rma_id)

    for _ in range(2):  # the second one has nothing left to do
        with watching(counter, days_ahead=16):
            wait_for(lambda: passed(counter, rma_id), "the deadline to pass")

    assert facts(counter, rma_id).count("DeadlinePassed") == 1
    [event] = counter.rows("SELECT actor, occurred_at FROM rma_log.events WHERE type = 'rma.Rma.DeadlinePassed.v1'")
    assert event["actor"] == "clock:deadlines"
    assert known(counter)[0]["due_at"] <= event["occurred_at"]


def test_a_deadline_waits_out_its_grace(counter: Counter) -> None:
    """News under way still count: for an hour past the instant where nobody says otherwise."""
    rma_id = counter.order_and_return("O-1", {"card": 1999})
    with watching(counter, days_ahead=0):
        [deadline] = wait_for(lambda: known(counter), "the worker to hear of the deadline")
    assert isinstance(deadline["due_at"], datetime)
    to_go = (deadline["due_at"] - datetime.now(UTC)) / timedelta(days=1)
    just_past, older = to_go + 0.5 / 24, counter.order_and_return("O-2", {"card": 1999}, ago=timedelta(days=3))
    with watching(counter, days_ahead=just_past):
        wait_for(lambda: passed(counter, older), "an older deadline to pass")
    assert not passed(counter, rma_id)

    with watching(counter, days_ahead=just_past, grace=timedelta(0)):
        wait_for(lambda: passed(counter, rma_id), "the deadline to pass")


def test_a_clock_set_back_fires_nothing_twice(counter: Counter) -> None:
    """What was fired stays fired when its instant comes for a second time."""
    rma_id = counter.order_and_return("O-1", {"card": 1999})
    for days_ahead in (16, 0, 16):
        with watching(counter, days_ahead=days_ahead):
            wait_for(lambda: passed(counter, rma_id), "the deadline to pass")

    commands = counter.rows("SELECT FROM rma_log.outcomes WHERE source = '/rma/deadlines'")
    assert len(commands) == 1


def test_a_deadline_that_was_past_when_it_was_recorded_is_never_fired(counter: Counter) -> None:
    """History that is loaded is history: its deadlines are overdue, not alarms to go off now."""
    old = counter.order_and_return("O-1", {"card": 1999}, ago=timedelta(days=60))
    new = counter.order_and_return("O-2", {"card": 1999})

    with watching(counter, days_ahead=16):
        wait_for(lambda: passed(counter, new), "the later deadline to pass")

    assert not passed(counter, old)
    assert [row["overdue"] for row in known(counter)][:2] == [True, False]


def test_an_extended_deadline_passes_at_its_new_instant(counter: Counter) -> None:
    """More time is more time; and the new instant is fired under an id of its own."""
    rma_id = counter.order_and_return("O-1", {"card": 1999})
    with watching(counter, days_ahead=0):
        [deadline] = wait_for(lambda: known(counter), "the worker to hear of the deadline")
    extension = {
        "order_id": "O-1",
        "rma_id": str(rma_id),
        "deadline_id": str(deadline["deadline_id"]),
        "due_at": (datetime.now(UTC) + timedelta(days=20)).isoformat(),
        "reason": "holiday",
    }
    counter.accepted("ExtendDeadline", extension)

    with watching(counter, days_ahead=18):
        wait_for(lambda: known(counter)[0]["due_at"] != deadline["due_at"], "the worker to hear of the extension")
        counter.accepted("RecordHandover", {"order_id": "O-1", "rma_id": str(rma_id), "drop_off": "shop 7"})
        wait_for(lambda: not known(counter)[0]["open"], "the worker to hear that it was met")

    with watching(counter, days_ahead=30):
        later = counter.order_and_return("O-2", {"card": 1999})
        wait_for(lambda: passed(counter, later), "another deadline to pass")

    assert not passed(counter, rma_id)


def reminders(counter: Counter, rma_id: UUID) -> int:
    return facts(counter, rma_id).count("Reminded")


def asked(counter: Counter, rma_id: UUID) -> int:
    return facts(counter, rma_id).count("FeedbackAsked")


def test_a_customer_is_reminded_when_his_deadline_is_near(counter: Counter) -> None:
    """Three days before it, once; anew only where it got another instant."""
    rma_id = counter.order_and_return("O-1", {"card": 1999})
    older = counter.order_and_return("O-2", {"card": 1999}, ago=timedelta(days=3))
    with watching(counter, days_ahead=9):  # of 14 days the first still has five, the other two
        wait_for(lambda: reminders(counter, older), "the older return's reminder")
    assert reminders(counter, rma_id) == 0

    for _ in range(2):
        with watching(counter, days_ahead=12):
            wait_for(lambda: reminders(counter, rma_id), "the reminder")

    assert (reminders(counter, rma_id), reminders(counter, older)) == (1, 1)
    [event] = counter.rows(
        "SELECT actor FROM rma_log.events WHERE type = 'rma.Rma.Reminded.v1' AND stream = %s", f"rma/{rma_id}"
    )
    assert event["actor"] == "clock:deadlines"


def test_a_deadline_that_was_set_late_or_was_met_is_no_reminder(counter: Counter) -> None:
    """Whoever was told of a day that is near needs no second letter, nor does he who has sent the goods."""
    late = counter.order_and_return("O-1", {"card": 1999}, ago=timedelta(days=12))
    known_before = counter.order_and_return("O-4", {"card": 1999}, ago=timedelta(days=10))
    sent = counter.order_and_return("O-2", {"card": 1999})
    counter.accepted("RecordHandover", {"order_id": "O-2", "rma_id": str(sent), "drop_off": "shop 7"})
    other = counter.order_and_return("O-3", {"card": 1999})

    with watching(
        counter, days_ahead=2
    ):  # less than a day before the first one's end, less than three before the other's
        wait_for(lambda: reminders(counter, known_before), "the reminder of who was told four days before")
    with watching(counter, days_ahead=12):
        wait_for(lambda: reminders(counter, other), "another return's reminder")
    assert (reminders(counter, late), reminders(counter, sent)) == (0, 0)


def over(counter: Counter, order_id: str, *, ago: timedelta = timedelta()) -> UUID:
    """Return a return that is paid for and over."""
    rma_id = counter.order_and_return(order_id, {"card": 1999}, ago=ago)
    query = "SELECT payout_id FROM rma_read.payouts WHERE rma_id = %s"
    [payout] = wait_for(lambda: counter.rows(query, rma_id), "the payout")
    told = {"order_id": order_id, "rma_id": str(rma_id), "payout_id": str(payout["payout_id"]), "outcome": "settled"}
    at = datetime.now(UTC) - ago
    counter.accepted("RecordPayoutOutcome", told | {"reference": "gw"}, actor="gateway:g", at=at)
    return rma_id


def test_a_customer_is_asked_how_it_went_once_his_return_is_over(settings: Settings) -> None:
    """As many days after it as his policy says, once; not who said it before, nor whose return was over long ago."""
    with system(settings) as counter:
        counter.publish(POLICY | {"feedback_after_days": 5})
        rma_id, said, old = over(counter, "O-1"), over(counter, "O-2"), over(counter, "O-3", ago=timedelta(days=30))
        feedback = {"order_id": "O-2", "rma_id": str(said), "score": 5}
        counter.accepted("GiveFeedback", feedback, actor="customer:C1")
        closed = over(counter, "O-5")
        counter.accepted("CloseReturn", {"order_id": "O-5", "rma_id": str(closed), "reason": "done"})
        with watching(counter, days_ahead=4):
            marker = over(counter, "O-6")
            query = "SELECT FROM rma_deadlines.over WHERE rma_id = %s AND ask_at IS NOT NULL"
            wait_for(lambda: counter.rows(query, marker), "the worker to know of all")
        assert [asked(counter, one) for one in (rma_id, said, old, closed)] == [0, 0, 0, 0]

        for _ in range(2):
            with watching(counter, days_ahead=6):
                wait_for(lambda: asked(counter, rma_id) and asked(counter, closed), "the question")

        assert [asked(counter, one) for one in (rma_id, said, old, closed)] == [1, 0, 0, 1]
