"""`rma privacy` on a system at work: what is held is shown, forgotten, and then cannot be shown any more."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from infra.kafka.command_client import OutgoingCommand, conversation
from infra.settings import Settings
from tests.support.pipeline import environment, order, wait_for
from tests.support.whole_system import working
from workers.cli.app import app
from workers.runtime.clock import utc_now

CONTACT = {"name": "Canary Lind", "email": "canary@lind.example"}
Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings) -> Run:
    """Run ``rma`` against the system of the test."""
    return lambda *arguments, given=None: CliRunner().invoke(
        app, list(arguments), env=environment(settings), input=given
    )


def test_a_customer_is_shown_forgotten_and_shown_no_more(settings: Settings, run: Run) -> None:
    """Nothing happens where the question is not answered yes; afterwards the export names each text as erased."""
    with working(settings):
        with conversation(settings) as talk:
            told = OutgoingCommand(
                "RegisterOrder", "o-1", "/shop", "O-1", utc_now(), "system:shop", order(contact=CONTACT)
            )
            assert talk.ask(told.to_record())["status"] == "accepted"
        wait_for(lambda: run("privacy", "export", "C-1").exit_code == 0, "the order to be known")

        assert json.loads(run("privacy", "export", "C-1").stdout)["events"][0]["data"]["contact"] == CONTACT
        looks = [json.loads(line) for line in run("audit", "trail", "--openings", "--json").stdout.splitlines()]
        assert {(one["why"], one["person"], *one["fields"]) for one in looks} == {
            ("rma privacy export", "customer/C-1", "Registered.contact")
        }
        kept = run("privacy", "erase", "C-1", "--as", "agent:ann", given="n\n")
        assert (kept.exit_code, "plain commands since" in kept.stdout) == (1, True)
        erased = run("privacy", "erase", "C-1", "--as", "agent:ann", "--yes")
        assert (erased.exit_code, "Erased" in erased.stdout) == (0, True), erased.stdout

        [registered, *_] = json.loads(run("privacy", "export", "C-1").stdout)["events"]
        assert (registered["data"]["contact"], registered["erased"]) == (None, ["contact"])
        assert run("privacy", "export", "C-9").exit_code == 1
        assert run("privacy", "erase", "C-1", "--as", "agent:ann", "--reason", "spite").exit_code == 2
        assert "0 keys" in run("vault", "rotate").stdout
