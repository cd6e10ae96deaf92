"""The scenarios of the law against a whole system in which the newest edition is in effect."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from domain.policy.statutes import NEWEST
from infra.kafka.command_client import OutgoingCommand, conversation
from infra.settings import Settings
from projections.read_models import PROJECTIONS
from tests.support.whole_system import working
from workers.pictures.sheet import Screen
from workers.trials.scenario.report import run_scenarios

SCENARIOS: Final = Path(__file__).parents[3] / "law_scenarios"
LONG_AGO: Final = datetime(2010, 1, 1, tzinfo=UTC)
AHEAD: Final = frozenset({"ie_conformity", "ie_conformity_refund"})
"""Six years from an act of 2022 are not over, and no system takes a request of the future: played in memory alone."""


def test_every_scenario_of_the_law_passes(settings: Settings) -> None:
    """Published once, the edition decides every request; each article's last day is in, the next is out."""
    with working(settings):
        body = {"edition": NEWEST, "effective_from": LONG_AGO}
        command = OutgoingCommand("PublishStatutes", "law", "/test", "statutes", LONG_AGO, "agent:A1", body)
        with conversation(settings) as talk:
            assert talk.ask(command.to_record())["status"] == "accepted"
        console = Screen(width=160, record=True)
        paths = sorted(path for path in SCENARIOS.glob("*.yaml") if path.stem not in AHEAD)
        passed = run_scenarios(paths, settings, list(PROJECTIONS), console)
        assert passed, console.export_text()
