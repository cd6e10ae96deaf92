"""What a gateway's settlement file says otherwise becomes an event, is listed, and is resolved by an agent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from infra.kafka.command_client import conversation
from infra.settings import Settings
from tests.support.command_line import invoke
from tests.support.pipeline import environment, wait_for
from tests.support.whole_system import working
from tests.support.worker_threads import POLICY, Counter

UNKNOWN = str(UUID(int=5))


@pytest.fixture
def counter(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    """A running system in which a refund of 9.00 to a card waits for a gateway."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    with working(settings), conversation(settings) as talk:
        counter = Counter(settings, lambda command: talk.ask(command.to_record()))
        counter.publish(POLICY)
        counter.order_and_return("O-1", {"card": 900})
        wait_for(counter.payouts, "the payout to be requested")
        yield counter


def test_differences_become_events_that_an_agent_resolves(counter: Counter, tmp_path: Path) -> None:
    """Reported once however often the file is compared; resolved, they leave the list; another answer is refused."""
    [payout] = counter.payouts()
    file = tmp_path / "settled.csv"
    file.write_text(
        "payout_id,amount,currency,settled_at,reference\n"
        f"{payout['payout_id']},900,EUR,2026-03-09T10:00:00Z,GW-1\n"
        f"{UNKNOWN},500,EUR,2026-03-09T10:00:00Z,GW-2\n"
    )

    def listed() -> list[dict[str, Any]]:
        return counter.rows("SELECT * FROM rma_read.differences WHERE status = 'open'")

    looked = invoke("reconcile", str(file), "--compare-only")
    assert (looked.exit_code, listed()) == (1, [])
    for _ in range(2):
        assert invoke("reconcile", str(file)).exit_code == 1
        wait_for(lambda: len(listed()) == 2, "the differences to be listed")

    ours, strange = sorted(listed(), key=lambda found: found["order_id"] is None)
    assert (ours["kind"], ours["here_status"], ours["here_minor"], ours["there_minor"]) == (
        "missing_here", "requested", 900, 900,
    )  # fmt: skip
    assert (strange["kind"], str(strange["payout_id"]), strange["here_minor"]) == ("missing_here", UNKNOWN, None)

    name = str(strange["difference_id"])
    assert name in invoke("differences", "list", "--json").output
    resolve = ("differences", "resolve", name, "--as", "agent:Ann", "--note", "not ours")
    assert invoke(*resolve, "--how", "corrected_there").exit_code == 0
    wait_for(lambda: len(listed()) == 1, "the resolved difference to leave the list")
    refused = invoke(*resolve, "--how", "written_off")
    assert (refused.exit_code, "wrong_state" in refused.output) == (1, True)
    [known] = counter.rows("SELECT * FROM rma_read.differences WHERE status = 'resolved'")
    assert (str(known["difference_id"]), known["resolution"], known["resolved_by"]) == (
        name, "corrected_there", "agent:Ann",
    )  # fmt: skip
    assert name in invoke("differences", "list", "--all", "--json").output
