"""The HTTP gateway adapter against the local gateway server, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from infra.gateways.http import HttpGateway
from infra.gateways.port import PayoutRequest
from workers.trials.gateway_simulator.server import GatewayServer, Misbehaviour, MisbehaviourPlan

RMA = UUID("00000000-0000-4000-8000-000000000001")
REQUEST = PayoutRequest(
    payout_id=UUID("00000000-0000-4000-8000-0000000000a1"),
    idempotency_key="refund-1:T1:1",
    order_id="O-1",
    rma_id=RMA,
    tender_id="T1",
    tender_kind="card",
    amount_minor=1999,
    currency="EUR",
)
OTHER = replace(REQUEST, payout_id=UUID("00000000-0000-4000-8000-0000000000a2"), idempotency_key="refund-1:T2:1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GatewayServer]:
    with GatewayServer(tmp_path / "book.sqlite") as server:
        yield server


@pytest.fixture
def gateway(server: GatewayServer) -> Iterator[HttpGateway]:
    gateway = HttpGateway(server.url, timeout_s=0.3, tries_max=2, backoff_s=0.01)
    yield gateway
    gateway.close()


def will(server: GatewayServer, *tricks: Misbehaviour) -> None:
    """Have the next payouts go wrong in these ways, one each."""
    server.misbehave(MisbehaviourPlan(next=list(tricks), slow_s=0.6))


def test_a_payout_settles_once_however_often_it_is_asked_for(server: GatewayServer, gateway: HttpGateway) -> None:
    """A repeat under the same key gets the first answer, and pays nothing."""
    first, again = gateway.pay(REQUEST), gateway.pay(REQUEST)

    assert (first.kind, first) == ("settled", again)
    assert [(entry.payout_id, entry.amount_minor) for entry in server.payouts.entries()] == [
        (str(REQUEST.payout_id), 1999)
    ]


def test_a_refusal_is_final_under_its_key(server: GatewayServer, gateway: HttpGateway) -> None:
    """What failed under a key is never paid under it."""
    will(server, "fail")

    assert [gateway.pay(REQUEST).kind, gateway.pay(REQUEST).kind] == ["failed", "failed"]
    assert gateway.pay(REQUEST).reason == "refused_by_issuer"


@pytest.mark.parametrize("trick", ["lose", "late", "hang"])
def test_silence_is_overcome_by_asking_again_under_the_same_key(
    server: GatewayServer, gateway: HttpGateway, trick: Misbehaviour
) -> None:
    """An answer that was lost, late or never made costs a second try, not a second payment."""
    will(server, trick)

    assert gateway.pay(REQUEST).kind == "settled"
    assert len(server.payouts.entries()) == 1


@pytest.mark.parametrize(("trick", "paid"), [("lose", 1), ("hang", 0)])
def test_silence_at_every_try_is_an_unknown_outcome(
    server: GatewayServer, gateway: HttpGateway, trick: Misbehaviour, paid: int
) -> None:
    """From here nobody can tell a payment with a lost answer from none at all."""
    will(server, trick, trick)

    assert gateway.pay(REQUEST).kind == "unknown"
    assert len(server.payouts.entries()) == paid


def test_an_answer_sent_twice_is_not_taken_for_the_next_ones(server: GatewayServer, gateway: HttpGateway) -> None:
    """The stray second answer on a kept connection says nothing of another payout."""
    will(server, "twice")

    first, second = gateway.pay(REQUEST), gateway.pay(OTHER)

    assert {first.reference, second.reference} == {entry.reference for entry in server.payouts.entries()}
    assert first.reference != second.reference


def test_a_gateway_that_is_away_was_surely_not_asked(tmp_path: Path) -> None:
    """A refused connection is no unknown outcome: nothing was sent."""
    with GatewayServer(tmp_path / "book.sqlite") as server:
        url = server.url
    gateway = HttpGateway(url, timeout_s=0.3, tries_max=2, backoff_s=0.01)

    assert gateway.pay(REQUEST).kind == "unreached"


def test_looking_up_never_pays(server: GatewayServer, gateway: HttpGateway) -> None:
    """A question about a key that nobody used leaves the book empty."""
    assert gateway.look_up(REQUEST).kind == "not_found"
    assert server.payouts.entries() == []

    paid = gateway.pay(REQUEST)

    assert gateway.look_up(REQUEST) == paid


def test_a_key_stands_for_one_request(server: GatewayServer, gateway: HttpGateway) -> None:
    """Another sum under a used key is refused by the gateway, and its outcome stays unknown to us."""
    gateway.pay(REQUEST)

    assert gateway.pay(replace(REQUEST, amount_minor=2000)).kind == "unknown"
    assert [entry.amount_minor for entry in server.payouts.entries()] == [1999]


def test_a_settlement_can_be_taken_back(server: GatewayServer, gateway: HttpGateway) -> None:
    """After a charge-back the gateway says failed, and the settlement file no longer has the payout."""
    gateway.pay(REQUEST)
    httpx.post(f"{server.url}/payouts/{REQUEST.idempotency_key}/reverse", content=b"{}")

    assert gateway.look_up(REQUEST).kind == "failed"
    assert server.payouts.settlement_file() == "payout_id,amount,currency,settled_at,reference\n"


def test_the_book_outlives_the_server(tmp_path: Path) -> None:
    """A gateway that was restarted still knows what it paid."""
    answers = []
    for _ in range(2):
        with GatewayServer(tmp_path / "book.sqlite") as server:
            gateway = HttpGateway(server.url)
            answers.append(gateway.pay(REQUEST))
            gateway.close()

    assert answers[0] == answers[1]


def test_misbehaviour_at_random_repeats_itself(tmp_path: Path) -> None:
    """The same seed and rates draw the same tricks, so that a run can be seen again."""
    drawn = []
    for name in ("a", "b"):
        with GatewayServer(tmp_path / name, plan=MisbehaviourPlan(rates={"fail": 0.3, "lose": 0.3}, seed=7)) as server:
            drawn.append([server.mischief.draw() for _ in range(50)])

    assert drawn[0] == drawn[1]
    assert set(drawn[0]) == {"fail", "lose", "none"}


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b'{"rates": {"explode": 1}}', 400), (b'{"next": ["lose"]}', 200)],
)
def test_misbehaviour_is_told_over_http(server: GatewayServer, body: bytes, status: int) -> None:
    """A plan that the gateway does not understand is refused, not half followed."""
    assert httpx.put(f"{server.url}/misbehaviour", content=body).status_code == status


@pytest.mark.parametrize(
    ("headers", "body"),
    [({}, b"{}"), ({"Idempotency-Key": "k"}, b"{}"), ({"Idempotency-Key": "k"}, b"[]")],
)
def test_a_request_without_key_or_figures_is_refused(
    server: GatewayServer, headers: dict[str, str], body: bytes
) -> None:
    """Nothing is entered for a request that does not say what it wants."""
    assert httpx.post(f"{server.url}/payouts", content=body, headers=headers).status_code == 400
    assert server.payouts.entries() == []
