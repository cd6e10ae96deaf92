"""Scenario files against a whole system: those of the project pass, broken ones fail with a readable difference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from infra.kafka.command_client import NeverAnsweredError, OutgoingCommand, conversation
from infra.settings import Settings
from projections.read_models import PROJECTIONS
from tests.support.whole_system import working
from workers.pictures.sheet import Screen
from workers.trials.scenario.report import run_scenarios
from workers.trials.scenario.runner import play_files

SCENARIOS: Final = Path(__file__).parents[3] / "scenarios"
FIRST_STEP: Final = SCENARIOS / "step_1_request.yaml"


@pytest.fixture
def system(settings: Settings) -> Iterator[Settings]:
    with working(settings):
        yield settings


def test_every_scenario_of_the_project_passes(system: Settings) -> None:
    """All files pass, each under names of its own, so that a file may be played again in the same system."""
    console = Screen(width=160, record=True)
    passed = run_scenarios([SCENARIOS, FIRST_STEP], system, list(PROJECTIONS), console)
    assert passed, console.export_text()


BROKEN: Final = {
    "quantity: 2, reason: too_small": ("quantity: 4, reason: too_small", "send RequestReturn", "status"),
    "in_return: 2": ("in_return: 3", "view order_units", "row 1 · in_return"),
    "codes: []": ("codes: [final_sale]", "view decisions", "row 1 · codes"),
    "    rows: []": ("    rows: [{status: settled}]", "view refunds", "row 1"),
    "      - {evidence_id: E2, kind: video, line: null}\n": ("", "view evidence", "a row too many"),
}


def test_a_broken_scenario_fails_with_what_was_expected_beside_what_was_found(system: Settings, tmp_path: Path) -> None:
    """Each expectation that is put wrong is found, at its step and by its name."""
    text = FIRST_STEP.read_text()
    for number, (right, (wrong, _, _)) in enumerate(BROKEN.items()):
        assert right in text
        (tmp_path / f"{number}.yaml").write_text(text.replace(right, wrong, 1))
    files = sorted(tmp_path.glob("*.yaml"))

    all_played = list(play_files(files, system, list(PROJECTIONS)))

    for played, (_, step, name) in zip(all_played, BROKEN.values(), strict=True):
        assert played.failure is not None
        assert played.failure.where.endswith(step)
        assert name in [part.name for part in played.failure.compared if not part.same]


UNASKABLE: Final = {
    "view: refunds": ("view: refund", "there is no view rma_read.refund"),
    "in_return: 2": ("in_returns: 2", "has no column in_returns; it has "),
    '    where: {rma_id: "${rma}"}\n    rows: []': (
        '    where: {rma_id: "none"}\n    rows: []',
        "view refunds cannot be asked so",
    ),
    "    rows: []": ("    rows: []\n    save: {refund: refund_id}", "save needs a single row of view refunds, 0 were"),
    'rma_id: "${rma}"\n      order_id': ('rma_id: "${}"\n      order_id', "is no placeholder"),
}


def test_what_cannot_be_asked_is_a_failure(system: Settings, tmp_path: Path) -> None:
    """A view or column that does not exist, a value of another kind, a save without a row: never a pass by luck."""
    text = FIRST_STEP.read_text()
    for number, (right, (wrong, _)) in enumerate(UNASKABLE.items()):
        assert right in text
        (tmp_path / f"{number}.yaml").write_text(text.replace(right, wrong))

    all_played = list(play_files(sorted(tmp_path.glob("*.yaml")), system, list(PROJECTIONS)))

    for played, (_, said) in zip(all_played, UNASKABLE.values(), strict=True):
        assert played.failure is not None
        assert said in played.failure.why


def test_a_projection_that_lags_is_a_failure_and_not_an_empty_view(settings: Settings) -> None:
    """Nothing is read before every projection has come as far as the answers say."""
    with working(settings, without={"refund_ledger"}):
        (played,) = play_files([FIRST_STEP], settings, list(PROJECTIONS), catch_up_timeout_s=2.0)

    assert played.failure is not None
    assert played.failure.where.endswith("view returns")
    assert played.failure.why.startswith("not caught up within 2 s: refund_ledger, partition")


def test_silence_is_a_failure_that_names_the_command(settings: Settings) -> None:
    """Where no worker runs, waiting ends, and the command that was never answered is named."""
    command = OutgoingCommand("RequestReturn", "c-1", "/shop", "O-1", None, None, {})
    with (
        working(settings, without={"commands", "relay", *PROJECTIONS}),
        conversation(settings, answer_timeout_s=1.0) as talk,
        pytest.raises(NeverAnsweredError, match="to one command: c-1 from /shop; do the workers run"),
    ):
        talk.ask(command.to_record())
