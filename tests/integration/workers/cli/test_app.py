"""The command line beside real services: what it says of returns, balances and dead letters, and what it refuses."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog
from typer.testing import CliRunner

from infra.settings import Settings
from tests.support.pipeline import ORDER, environment, wait_for
from tests.support.worker_threads import Counter, running, system
from workers.cli.app import app
from workers.cli.exit_codes import DONE, SAID_NO, WRONG_USAGE
from workers.registry import worker_named


@pytest.fixture(autouse=True)
def _silent_workers() -> Iterator[None]:
    """The workers share this process with the command line: what they log would be taken for its output."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.fixture
def shop(settings: Settings) -> Iterator[Counter]:
    """A running system with all read models."""
    others = [worker_named(name).run for name in ("tracking", "return_reasons")]
    with system(settings) as counter, running(settings, *others):
        counter.publish()
        yield counter


@pytest.fixture
def returned(shop: Counter) -> UUID:
    """A return that every read model shows, refunded to a gift card and a card; the payouts are open."""
    rma_id = shop.order_and_return("O-1", {"gift_card": 300, "card": 700})
    wait_for(lambda: run(shop.settings, "status", "--json")[0] == DONE and caught_up(shop.settings), "read models")
    return rma_id


def run(settings: Settings, *arguments: str, given: str | None = None) -> tuple[int, str]:
    """Run the command line in this process; return its exit code and what it printed."""
    result = CliRunner().invoke(app, arguments, env=environment(settings), input=given)
    return result.exit_code, result.output


def asked(settings: Settings, *arguments: str) -> Any:
    """Return what a command prints as JSON."""
    code, said = run(settings, *arguments, "--json")
    assert code == DONE, said
    return json.loads(said)


def caught_up(settings: Settings) -> bool:
    """Tell whether every worker that runs here has come to the end."""
    found = asked(settings, "status")
    behind = {worker["worker"] for worker in found["workers"] if worker["behind"]}
    return found["log_position"] > 0 and behind <= {"deadlines", "credit_notes", "auditor"}


def commands(*lines: dict[str, Any]) -> str:
    """Return commands as JSON lines, as anyone may write them."""
    attributes = {"specversion": "1.0", "source": "/test", "datacontenttype": "application/json"}
    told = ({**attributes, "id": uuid4().hex, "time": "2026-03-01T10:00:00Z", **line} for line in lines)
    return "\n".join(json.dumps(line) for line in told)


def test_a_return_is_found_by_its_number_however_it_is_typed(shop: Counter, returned: UUID) -> None:
    """The id, the number, and the number as people type it all lead to the same return."""
    by_id = asked(shop.settings, "show", str(returned))
    number = by_id["summary"]["rma_number"]

    assert by_id["summary"]["rma_id"] == str(returned)
    assert asked(shop.settings, "show", number) == by_id
    assert asked(shop.settings, "show", number.lower().replace("-", "")) == by_id


def test_a_return_is_shown_with_its_lines_events_and_money(shop: Counter, returned: UUID) -> None:
    """People see where it stands, what happened, and which cents went where."""
    code, said = run(shop.settings, "show", str(returned), "--money")

    assert code == DONE
    for part in ("State of each line", "Timeline", "Requested", "Authorized", "gift_card T1", "3.00 EUR", "7.00 EUR"):
        assert part in said
    assert "How the cents of order O-1 are shared out" in said


def test_exchanges_are_followed_both_ways(shop: Counter, returned: UUID) -> None:
    """From each order of a chain of exchanges the whole chain is seen: what came before, and what came after."""
    again = uuid4()
    for given, order_id, rma_id in (("O-2", "O-1", returned), ("O-3", "O-2", again)):
        exchange = {"order_id": order_id, "rma_id": str(rma_id), "line": 1}
        shop.accepted(
            "RegisterOrder",
            {**ORDER, "order_id": given, "customer_id": "C1", "exchange_of": exchange},
            actor="system:shop",
        )
    wanted = [{"line_id": "L1", "quantity": 1, "reason": "defective", "wish": "refund"}]
    shop.accepted("RequestReturn", {"rma_id": str(again), "order_id": "O-2", "lines": wanted}, actor="customer:C1")
    wait_for(lambda: caught_up(shop.settings), "read models")

    for order_id, depths in (("O-1", [0, 1, 2]), ("O-2", [-1, 0, 1]), ("O-3", [-2, -1, 0])):
        chain = asked(shop.settings, "show", order_id)["exchanges"]
        assert [(row["depth"], row["order_id"]) for row in chain] == list(
            zip(depths, ("O-1", "O-2", "O-3"), strict=True)
        )
    assert "Exchanges, earliest first" in run(shop.settings, "show", str(again), "--money")[1]


def test_an_order_is_shown_with_its_cents_and_returns(shop: Counter, returned: UUID) -> None:
    """Each unit's cents, and the returns that took units of it; an order that nobody knows is exit code 1."""
    order = asked(shop.settings, "show", "O-1")

    assert [row["rma_id"] for row in order["returns"]] == [str(returned)]
    assert [(row["goods_minor"], row["tax_minor"], row["in_return"]) for row in order["units"]] == [(1_000, 0, 0)]
    assert run(shop.settings, "show", "O-404")[0] == SAID_NO


def test_an_unknown_return_is_exit_code_1(shop: Counter) -> None:
    """The system says no, and how the argument should look."""
    code, said = run(shop.settings, "show", str(uuid4()))

    assert code == SAID_NO
    assert "RMA-7K3M-9QXF-2ADC-P" in said


def test_a_database_without_schema_asks_for_init(settings: Settings) -> None:
    """Services that are there but were never initialised are told apart from services that are away."""
    code, said = run(settings, "ledger")

    assert code == SAID_NO
    assert "rma init" in said


def test_the_trial_balance_sums_to_zero(shop: Counter, returned: UUID) -> None:
    """Debits and credits are shown, and that they are equal."""
    balances = {row["account"]: row["balance_minor"] for row in asked(shop.settings, "ledger")["balances"]}
    assert balances == {"sales_returns": 1_000, "refunds_owed": -1_000}

    code, said = run(shop.settings, "ledger")
    assert code == DONE
    assert "✓ EUR sums to zero (10.00 EUR on either side)" in said


def test_an_account_card_shows_one_order(shop: Counter, returned: UUID) -> None:
    """Each posting of the order, with the balance of its account so far."""
    card = asked(shop.settings, "ledger", "O-1")

    assert [(row["account"], row["amount_minor"]) for row in card] == [
        ("sales_returns", 1_000),
        ("refunds_owed", -1_000),
    ]
    assert run(shop.settings, "ledger", "O-404")[0] == SAID_NO


def test_reasons_are_drawn_as_bars(shop: Counter, returned: UUID) -> None:
    """The largest reason fills the width."""
    code, said = run(shop.settings, "reasons")

    assert code == DONE
    assert "defective" in said
    assert "█" in said


def test_send_waits_for_each_answer(shop: Counter, tmp_path: Path) -> None:
    """Each command's answer is a line; exit code 1 says that one was not accepted."""
    policy = {"policy_id": "other", "effective_from": "2026-01-01T00:00:00Z", "document": {"window": {"days": 1}}}
    good = {"type": "rma.PublishPolicy.v1", "actor": "agent:A1", "data": policy}
    feedback = {"order_id": "O-404", "rma_id": str(uuid4()), "score": 5}
    bad = {"type": "rma.GiveFeedback.v1", "actor": "customer:C1", "data": feedback}
    file = tmp_path / "commands.jsonl"

    file.write_text(commands(good))
    code, said = run(shop.settings, "send", str(file), "--wait")
    assert (code, "Policy.Published" in said) == (DONE, True)

    code, said = run(shop.settings, "send", "-", "--wait", "--json", given=commands(bad | {"type": "rma.No.v1"}, bad))
    assert code == SAID_NO
    assert [json.loads(line)["status"] for line in said.splitlines()] == ["malformed", "refused"]


def test_a_line_that_is_no_command_says_what_was_sent(shop: Counter, tmp_path: Path) -> None:
    """A file is sent whole or not at all; of a stream, what came before the line has been sent. Either is said."""
    policy = {"policy_id": "sent", "effective_from": "2026-01-01T00:00:00Z", "document": {"window": {"days": 1}}}
    good = commands({"type": "rma.PublishPolicy.v1", "actor": "agent:A1", "data": policy})
    file = tmp_path / "commands.jsonl"
    file.write_text(f"{good}\n{{\n")

    for options in ([], ["--wait"]):
        code, said = run(shop.settings, "send", str(file), *options)
        assert (code, said.count("\n"), "line 2 is not JSON" in said) == (SAID_NO, 1, True)
        assert said.endswith("; nothing was sent\n")
    assert shop.events_of("policy/sent") == []

    code, said = run(shop.settings, "send", "-", given=f"{good}\n{{\n")
    assert (code, said.endswith("; before it 1 command sent\n")) == (SAID_NO, True)
    wait_for(lambda: shop.events_of("policy/sent") == ["Published"], "the command before the fault")


def test_a_dead_letter_is_listed_shown_and_sent_again(shop: Counter) -> None:
    """The original record can be looked at, and comes again as it was; what is no dead letter is refused."""
    assert asked(shop.settings, "dead", "list") == []
    record = commands({"type": "rma.No.v1", "actor": "agent:A1", "data": {"order_id": "O-1"}})
    assert run(shop.settings, "send", "-", "--wait", given=record)[0] == SAID_NO

    [letter] = wait_for(lambda: asked(shop.settings, "dead", "list"), "the dead letter")
    assert (letter["value"], letter["sealed"]) == (None, True)
    assert asked(shop.settings, "dead", "show", letter["id"])["value"] == record
    assert letter["reason"]["faults"][0]["path"] == "$.type"
    code, said = run(shop.settings, "dead", "show", letter["id"])
    assert (code, "rma.No.v1" in said, "$.type" in said) == (DONE, True, True)

    assert asked(shop.settings, "dead", "redrive", letter["id"]) == {"redriven": [letter["id"]]}
    again = wait_for(lambda: [one for one in asked(shop.settings, "dead", "list") if one["id"] != letter["id"]], "it")
    assert [asked(shop.settings, "dead", "show", one["id"])["value"] for one in again] == [record]
    assert letter["id"] not in run(shop.settings, "dead", "list")[1]
    assert asked(shop.settings, "dead", "redrive", letter["id"]) == {"redriven": [], "known": [letter["id"]]}
    assert run(shop.settings, "dead", "show", "0:999")[0] == SAID_NO


def test_a_dead_letter_is_dropped_for_a_reason(shop: Counter) -> None:
    """It leaves the list and the count; with --all it is there, with who dropped it and why. No reason, no dropping."""
    record = commands({"type": "rma.No.v1", "actor": "agent:A1", "data": {"order_id": "O-1"}})
    run(shop.settings, "send", "-", "--wait", given=record)
    [letter] = wait_for(lambda: asked(shop.settings, "dead", "list"), "the dead letter")
    drop = ("dead", "drop", letter["id"], "--as", "agent:ann")

    assert run(shop.settings, *drop)[0] == WRONG_USAGE
    assert run(shop.settings, *drop, "--reason", " ")[0] == WRONG_USAGE
    assert asked(shop.settings, *drop, "--reason", "a typing error") == {"dropped": [letter["id"]]}

    assert asked(shop.settings, "dead", "list") == []
    assert asked(shop.settings, "status")["dead_letters"] == 0
    assert "dropped by agent:ann" in run(shop.settings, "dead", "list", "--all")[1]
    assert asked(shop.settings, "dead", "show", letter["id"])["action"]["reason"] == "a typing error"
    assert asked(shop.settings, "dead", "redrive", "--all") == {"redriven": []}


def test_before_init_every_command_says_so(settings: Settings, tmp_path: Path) -> None:
    """Nothing waits, and no worker is started over and over, for tables and topics that nobody has made."""
    command = tmp_path / "one.jsonl"
    command.write_text('{"id": "c-1", "source": "/shop"}')
    asked_early = (
        ["work", "all"],
        ["work", "commands"],
        ["work", "relay"],
        ["work", "projector", "tracking"],
        ["work", "deadlines"],
        ["work", "auditor"],
        ["audit", "verify"],
        ["audit", "checkpoint"],
        ["status"],
        ["ledger"],
        ["policy", "list"],
        ["dead", "list"],
        ["send", str(command)],
    )
    for arguments in asked_early:
        code, said = run(settings, *arguments)

        assert code == SAID_NO, (arguments, said)
        assert "run: rma init" in said, (arguments, said)
        assert said.count("\n") == 1, (arguments, said)
