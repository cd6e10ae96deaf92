"""The review queue shows what waits for a person, and takes a person's answer."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest

from infra.addresses import postgres_address
from infra.kafka.command_client import conversation
from infra.settings import Settings
from projections.tracking.review_queue import read_review_queue
from tests.integration.projections.test_projections import play
from tests.support.command_line import invoke
from tests.support.pipeline import environment, wait_for
from tests.support.recorded_facts import recorded
from tests.support.stories import day, inspect, on_return, open_shop, receive, request
from tests.support.whole_system import working
from tests.support.worker_threads import Counter

DEAR = {
    "window": {"days": 30},
    "rules": [
        {
            "name": "dear",
            "when": {"fact": "line_paid_minor", "at_least": 500},
            "then": {"decide": "review", "code": "high_value"},
        }
    ],
}


def test_the_queue_holds_requests_goods_and_appeals(postgres_dsn: str) -> None:
    """Oldest first: what policy left open, what an appeal reopened, what the bench did not accept; nothing else."""
    shop = open_shop(DEAR)
    request(shop, {"line_id": "L2", "quantity": 1}, on=3)
    receive(shop, (1, 1))
    inspect(shop, 1, 1, grade="D", cause="misuse", liable_party="customer")
    request(shop, {"line_id": "L1", "quantity": 2}, rma_id=UUID(int=3), on=8)
    request(shop, {"line_id": "L1", "quantity": 1}, rma_id=UUID(int=4), on=50)
    shop.send("AppealDenial", on_return(UUID(int=4), line=1, grounds="was ill"), actor="customer:C-1", at=day(51))
    play(postgres_dsn, recorded(shop.history), batch=1000)

    with psycopg.connect(postgres_dsn) as connection:
        waiting = read_review_queue(connection)
        oldest = read_review_queue(connection, 1)

    assert [(one["stage"], one["codes"], one["quantity"], one["waiting_since"]) for one in waiting] == [
        ("inspection", ["not_accepted"], 1, day(7)),
        ("request", ["high_value"], 2, day(8)),
        ("request", ["window_expired", "appealed"], 1, day(51)),
    ]
    assert waiting[0]["grade"] == "D"
    assert oldest == waiting[:1]


@pytest.fixture
def counter(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    """A running system with a policy that leaves dear goods to a person."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    with working(settings), conversation(settings) as talk:
        counter = Counter(settings, lambda command: talk.ask(command.to_record()))
        counter.publish(DEAR)
        yield counter


def queue(counter: Counter) -> list[tuple[str, list[str]]]:
    with psycopg.connect(postgres_address(counter.settings)) as connection:
        return [(str(one["rma_id"]), one["codes"]) for one in read_review_queue(connection)]


def test_a_person_decides_from_the_command_line(counter: Counter) -> None:
    """Approved from the queue, a return is authorized and leaves the queue; deciding again is refused by code."""
    rma_id = str(counter.order_and_return("O-1", {"card": 900}))
    wait_for(lambda: queue(counter) == [(rma_id, ["high_value"])], "the return to be in the queue")
    decide = ("review", "decide", rma_id, "--line", "1", "--quantity", "1", "--as", "agent:Ann")
    assert "high_value" in invoke("review", "list").output

    without_code = invoke(*decide, "--deny")
    approved = invoke(*decide, "--approve")
    again = invoke(*decide, "--deny", "--code", "worn")
    wait_for(lambda: not queue(counter), "the queue to be empty")

    assert (without_code.exit_code, approved.exit_code, again.exit_code) == (2, 0, 1)
    assert "ReviewDecided" in approved.output
    assert "wrong_state" in again.output
    assert "nothing waits for a person" in invoke("review", "list").output
