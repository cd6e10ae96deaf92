"""What led to what can be followed by ids alone, from a request to the money, across workers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from infra.metrics import WorkerMetrics
from infra.settings import Settings
from tests.support.pipeline import Pipeline, wait_for
from tests.support.worker_threads import Counter, running, system
from workers.deadlines import worker as deadlines
from workers.registry import worker_named
from workers.trials.gateway_simulator.server import GatewayServer

Told = dict[str, str]
"""The attributes of a published event, without the prefix of their headers."""


def published(pipeline: Pipeline) -> dict[str, Told]:
    """Return the events of the topic by id."""
    records = pipeline.read_topic(pipeline.topics.events)
    events = [{name.removeprefix("ce_"): value.decode() for name, value in record.headers} for record in records]
    return {event["id"]: event for event in events}


def chain_to(fact: str, events: dict[str, Told]) -> list[str]:
    """Return what led to the last fact of a kind, by ids alone: the command first, then facts, the one named last."""
    at = max((event for event in events.values() if fact_of(event) == fact), key=lambda event: int(event["position"]))
    chain = [at]
    while chain[0]["causationid"] in events:
        chain.insert(0, events[chain[0]["causationid"]])
    assert {event["correlationid"] for event in chain} == {at["correlationid"]}
    return [chain[0]["causationid"], *map(fact_of, chain)]


def fact_of(event: Told) -> str:
    return event["type"].split(".")[2]


def command_of(counter: Counter, rma_id: UUID) -> str:
    """Return the id of the command that asked for a return."""
    [row] = counter.rows("SELECT command_id FROM rma_log.events WHERE stream = %s AND version = 1", f"rma/{rma_id}")
    return str(row["command_id"])


def assert_in_order(chain: list[str], *wanted: str) -> None:
    """Check that a chain has these facts in this order, whatever else lies between them."""
    found = [link for link in chain if link in wanted]
    assert tuple(found) == wanted, chain


def test_a_settled_payout_leads_back_to_the_request(settings: Settings, pipeline: Pipeline, tmp_path: Path) -> None:
    """Request, authorization, payout requested, payout settled: each names what led to it, the first the command."""
    with GatewayServer(tmp_path / "book.sqlite") as gateway, system(settings) as counter:
        counter.publish()
        paid = settings.model_copy(update={"gateway_url": SecretStr(gateway.url)})
        with running(paid, worker_named("payments").run):
            rma_id = counter.order_and_return("O-1", {"card": 1999})
            wait_for(lambda: [row["status"] for row in counter.payouts()] == ["settled"], "the payout to settle")
        asked = command_of(counter, rma_id)

    chain = chain_to("PayoutSettled", published(pipeline))
    assert chain[0] == asked
    assert_in_order(chain, asked, "Requested", "Authorized", "RefundRequested", "PayoutSettled")


def test_a_passed_deadline_leads_back_to_the_request(settings: Settings, pipeline: Pipeline) -> None:
    """The clock's command answers the event that set the instant, and belongs to what that event belongs to."""

    def later() -> datetime:
        return datetime.now(UTC) + timedelta(days=16)

    with system(settings) as counter:
        counter.publish({"window": {"days": 30}, "ship_back_days": 14})
        rma_id = counter.order_and_return("O-1", {"card": 1999})

        def passed() -> list[Any]:
            return counter.rows("SELECT FROM rma_log.events WHERE type = 'rma.Rma.DeadlinePassed.v1'")

        with running(settings, partial(deadlines.run, metrics=WorkerMetrics("deadlines"), wall=later)):
            wait_for(passed, "the deadline to pass")
        asked = command_of(counter, rma_id)
        wait_for(pipeline.all_relayed, "the relay to publish it")

    chain = chain_to("DeadlinePassed", published(pipeline))
    assert_in_order(chain, asked, "Requested", "DeadlinesMoved", "DeadlinePassed")
