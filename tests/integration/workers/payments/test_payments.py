"""The payments worker on real Kafka and PostgreSQL, against a real gateway over HTTP that has a book of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

import pytest
from pydantic import SecretStr

from infra.addresses import postgres_address
from infra.gateways.http import HttpGateway
from infra.gateways.port import Answer, PayoutRequest
from infra.metrics import WorkerMetrics
from infra.migrate import migrate
from infra.settings import Settings
from tests.support.pipeline import wait_for
from tests.support.worker_threads import Counter, running, system
from workers.payments.questions import PaymentQuestions
from workers.payments.worker import ask_until, run
from workers.projector.inbox import inbox
from workers.registry import SettingMissingError, worker_named
from workers.runtime.starting import NotInitialisedError
from workers.trials.gateway_simulator.server import GatewayServer, Misbehaviour, MisbehaviourPlan

SLOW_S = 0.5


@pytest.fixture
def counter(settings: Settings) -> Iterator[Counter]:
    with system(settings) as counter:
        counter.publish()
        yield counter


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayServer]:
    with GatewayServer(tmp_path / "book.sqlite") as server:
        yield server


def will(gateway: GatewayServer, *tricks: Misbehaviour) -> None:
    gateway.misbehave(MisbehaviourPlan(next=list(tricks), slow_s=SLOW_S))


class ListeningGateway(HttpGateway):
    """A gateway that remembers by which name it was told to find what had been paid."""

    def __init__(self, url: str) -> None:
        super().__init__(url, timeout_s=SLOW_S, tries_max=1)
        self.heard: list[str | None] = []

    def pay(self, request: PayoutRequest) -> Answer:
        self.heard.append(request.tender_reference)
        return super().pay(request)


@contextmanager
def paying(counter: Counter, gateway: GatewayServer, adapter: HttpGateway | None = None) -> Iterator[None]:
    """Run the payments worker, with little patience unless an adapter is given."""

    def work(settings: Settings, stop: Event) -> None:
        metrics = WorkerMetrics("payments")
        asked = adapter or HttpGateway(gateway.url, timeout_s=SLOW_S / 2, tries_max=1)
        with closing(asked), inbox(settings, PaymentQuestions(), stop, metrics):
            ask_until(settings, asked, stop, metrics)

    with running(counter.settings, work):
        yield


def statuses(counter: Counter) -> list[str]:
    return [row["status"] for row in counter.payouts()]


def wait_until(counter: Counter, *wanted: str) -> None:
    wait_for(lambda: statuses(counter) == list(wanted), f"payouts to be {wanted}")


def test_every_tender_gets_its_share_once(counter: Counter, gateway: GatewayServer) -> None:
    """Each payout is settled at the gateway under its own key, with the gateway's reference and time."""
    with paying(counter, gateway):
        counter.order_and_return("O-1", {"card": 1500, "wallet": 499})
        wait_until(counter, "settled", "settled")

    ours = {(row["idempotency_key"], row["amount_minor"], row["reference"]) for row in counter.payouts()}
    assert ours == {(entry.idempotency_key, entry.amount_minor, entry.reference) for entry in gateway.payouts.entries()}


def test_the_gateway_hears_by_which_name_it_was_paid(counter: Counter, gateway: GatewayServer) -> None:
    """What is sealed at rest is opened for it; where the customer's key is gone, it is asked without."""
    adapter = ListeningGateway(gateway.url)
    counter.order_and_return("O-1", {"card": 1999}, reference="auth-11")
    wait_for(counter.payouts, "the payout to be shown")
    with paying(counter, gateway, adapter):
        wait_until(counter, "settled")
    assert adapter.heard == ["auth-11"]

    counter.order_and_return("O-2", {"card": 500}, reference="auth-12")
    counter.accepted("EraseCustomer", {"customer_id": "C1", "reason": "request"})
    later = ListeningGateway(gateway.url)
    with paying(counter, gateway, later):
        wait_until(counter, "settled", "settled")
    assert later.heard == [None]


@pytest.mark.parametrize("trick", ["hang", "lose", "late"])
def test_an_unknown_outcome_is_said_once_and_resolved_by_asking(
    counter: Counter, gateway: GatewayServer, trick: Misbehaviour
) -> None:
    """Silence is recorded as unknown, once; then the same key is asked again until it is settled."""
    will(gateway, trick)
    with paying(counter, gateway):
        counter.order_and_return("O-1", {"card": 1999})
        wait_until(counter, "settled")

    assert counter.events("O-1")[-2:] == ["PayoutUnclear", "PayoutSettled"]
    assert len(gateway.payouts.entries()) == 1


def test_a_failed_payout_is_paid_when_an_agent_retries_it(counter: Counter, gateway: GatewayServer) -> None:
    """A failure is final under its key; the payout made anew has a key of its own."""
    will(gateway, "fail")
    with paying(counter, gateway):
        rma_id = counter.order_and_return("O-1", {"card": 1999})
        wait_until(counter, "failed")
        [failed] = counter.payouts()
        retry = {"order_id": "O-1", "rma_id": str(rma_id), "payout_id": str(failed["payout_id"])}
        counter.accepted("RetryPayout", retry)
        wait_until(counter, "failed", "settled")

    assert [(entry.outcome, entry.amount_minor) for entry in gateway.payouts.entries()] == [
        ("failed", 1999),
        ("settled", 1999),
    ]
    [owed] = counter.rows("SELECT balance_minor FROM rma_read.ledger_balances WHERE account = 'refunds_owed'")
    assert owed["balance_minor"] == 0


def gone_elsewhere(counter: Counter, amount_minor: int) -> None:
    gone = {"external_id": "dp-1", "tender_id": "T1", "amount_minor": amount_minor, "kind": "chargeback"}
    counter.accepted("RecordExternalRefund", {"order_id": "O-1", **gone}, actor="gateway:bank")


def test_a_payout_that_gave_way_is_never_paid(counter: Counter, gateway: GatewayServer) -> None:
    """It is only looked up, and the gateway knows nothing of it; what still fits of it is paid under another key."""
    counter.order_and_return("O-1", {"card": 1999})
    wait_for(counter.payouts, "the payout to be shown")
    gone_elsewhere(counter, 1500)

    with paying(counter, gateway):
        wait_for(lambda: sorted(statuses(counter)) == ["failed", "settled", "settled"], "the rest to be paid")
        wait_for(lambda: not open_questions(counter), "the look-up")

    assert [entry.amount_minor for entry in gateway.payouts.entries()] == [499]


def test_what_was_paid_before_it_gave_way_is_found_out(counter: Counter, gateway: GatewayServer) -> None:
    """The gateway had paid, and its answer was lost: it is looked up, and what is too much is owed."""
    silence: list[Misbehaviour] = ["hang"] * 20
    will(gateway, "lose", *silence)
    with paying(counter, gateway):
        counter.order_and_return("O-1", {"card": 1999})
        wait_until(counter, "unknown")
    gone_elsewhere(counter, 1999)
    will(gateway)
    with paying(counter, gateway):
        wait_until(counter, "settled", "settled")

    assert len(gateway.payouts.entries()) == 1
    [owed] = counter.rows("SELECT because, open_minor FROM rma_read.receivables")
    assert owed == {"because": "surplus", "open_minor": 1999}


def open_questions(counter: Counter) -> list[dict[str, object]]:
    return counter.rows("SELECT payout_id FROM rma_payments.questions WHERE open")


def test_what_was_settled_elsewhere_is_not_paid_again(counter: Counter, gateway: GatewayServer) -> None:
    """A worker that starts after the fact reads the whole order before it asks anything."""
    rma_id = counter.order_and_return("O-1", {"card": 1999})
    [payout] = wait_for(counter.payouts, "the payout to be shown")
    outcome = {"order_id": "O-1", "rma_id": str(rma_id), "payout_id": str(payout["payout_id"]), "outcome": "settled"}
    counter.accepted("RecordPayoutOutcome", outcome, actor="gateway:till")

    with paying(counter, gateway):
        counter.order_and_return("O-2", {"card": 1})
        wait_until(counter, "settled", "settled")

    assert [entry.amount_minor for entry in gateway.payouts.entries()] == [1]


def test_store_credit_is_not_handed_to_a_gateway(counter: Counter, gateway: GatewayServer) -> None:
    """A gift's refund is issued here; nobody else pays anything for it."""
    with paying(counter, gateway):
        counter.order_and_return("O-1", {"card": 500}, gift=True)
        counter.order_and_return("O-2", {"card": 1})
        wait_until(counter, "settled", "settled")

    assert [entry.amount_minor for entry in gateway.payouts.entries()] == [1]


def test_contradicting_outcomes_are_looked_up(counter: Counter, gateway: GatewayServer) -> None:
    """A failure that arrived after a settlement is checked with the gateway, whose word is recorded as well."""
    with paying(counter, gateway):
        rma_id = counter.order_and_return("O-1", {"card": 1999})
        wait_until(counter, "settled")
        [payout] = counter.payouts()
        outcome = {"order_id": "O-1", "rma_id": str(rma_id), "payout_id": str(payout["payout_id"]), "outcome": "failed"}
        counter.accepted("RecordPayoutOutcome", outcome, actor="gateway:hearsay")
        wait_for(lambda: counter.events("O-1")[-2:] == ["PayoutFailed", "PayoutSettled"], "the gateway's word")
        wait_until(counter, "settled")

    assert len(gateway.payouts.entries()) == 1


def test_one_worker_asks_and_another_takes_over(counter: Counter, gateway: GatewayServer) -> None:
    """Two of them ask no more often than one; when the one that asks ends, the other goes on."""
    with paying(counter, gateway):
        with paying(counter, gateway):
            counter.order_and_return("O-1", {"card": 1500, "wallet": 499})
            wait_until(counter, "settled", "settled")
            assert gateway.mischief.drawn == 2
        counter.order_and_return("O-2", {"card": 1})
        wait_until(counter, "settled", "settled", "settled")

    assert gateway.mischief.drawn == 3


def test_a_worker_without_topics_ends_with_the_reason(settings: Settings, gateway: GatewayServer) -> None:
    """What ends the thread that reads ends the worker: it does not go on acting on what it no longer hears."""
    migrate(postgres_address(settings))

    with pytest.raises(NotInitialisedError, match="rma init"):
        run(settings.model_copy(update={"gateway_url": SecretStr(gateway.url)}), Event(), WorkerMetrics("payments"))


def test_a_gateway_that_is_away_is_waited_for(counter: Counter, tmp_path: Path) -> None:
    """While nobody answers, nothing is said; once somebody does, the payout settles."""
    with GatewayServer(tmp_path / "book.sqlite") as gone:
        port = int(gone.url.rpartition(":")[2])
    with paying(counter, gone):
        counter.order_and_return("O-1", {"card": 1999})
        asked = "SELECT FROM rma_payments.questions WHERE asks > 0"
        wait_for(lambda: counter.rows(asked), "an ask that reached nobody")
        with GatewayServer(tmp_path / "book.sqlite", port=port):
            wait_until(counter, "settled")

    assert "PayoutUnclear" not in counter.events("O-1")


def test_without_a_gateway_the_worker_says_so(settings: Settings) -> None:
    """There is no default gateway: money goes nowhere unless somebody says where."""
    with pytest.raises(SettingMissingError, match="RMA_GATEWAY_URL, which is not set, or empty"):
        worker_named("payments").run(settings, Event())
