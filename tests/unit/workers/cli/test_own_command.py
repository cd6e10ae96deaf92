"""A command that the system could not read is never sent: the argument is named instead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.unit.workers.cli.test_environment import NOWHERE, Said, rma
from workers.cli.errors import WrongUsageError
from workers.cli.exit_codes import UNREACHABLE, WRONG_USAGE
from workers.cli.own_command import check

NEW_YEAR: Final = "2026-01-01T00:00:00Z"
GOOD: Final = {"window": {"days": 30}}


def publish(folder: Path, document: object, *, since: str = NEW_YEAR, policy_id: str = "standard") -> Said:
    """Publish a policy where no service answers: whatever is wrong is said before anybody is asked."""
    file = folder / "policy.json"
    file.write_text(json.dumps(document))
    arguments = ("policy", "publish", str(file), "--from", since, "--policy", policy_id, "--as", "agent:ann")
    away = {"RMA_POSTGRES_DSN": f"postgresql://{NOWHERE}/x", "RMA_KAFKA_BOOTSTRAP": NOWHERE}
    return rma(folder, *arguments, **away)


@pytest.mark.parametrize("since", ["2026-01-01", "2026-01-01T00:00:00", "tomorrow", "2026-13-01T00:00:00Z"])
def test_a_time_that_is_none_is_named_by_its_argument(tmp_path: Path, since: str) -> None:
    """A date without a time made a dead letter once."""
    said = publish(tmp_path, GOOD, since=since)

    assert said.code == WRONG_USAGE
    assert said.err.startswith(f"--from {since}: ")
    assert said.err.endswith("such as 2026-03-01T00:00:00Z\n")


def test_every_fault_is_named_by_the_argument_it_came_from(tmp_path: Path) -> None:
    """Inside a file, by its place there."""
    said = publish(tmp_path, {"window": {"days": "many"}}, policy_id="with space")

    assert said.code == WRONG_USAGE
    policy, document = said.err.rstrip().split("; ")
    assert policy.startswith("--policy: must be 1 to 64 ASCII characters")
    assert document.startswith(f"{tmp_path / 'policy.json'} at $.window.days: ")


def test_what_can_be_read_is_sent(tmp_path: Path) -> None:
    """With nothing wrong, the first thing that fails is that no service answers."""
    assert publish(tmp_path, GOOD).code == UNREACHABLE


@pytest.mark.parametrize(
    ("kind", "field", "value", "argument"),
    [
        ("DecideRequest", "note", "x" * 4_001, "--note"),
        ("DecideRequest", "code", "no code", "--code"),
        ("ResolveDifference", "note", "", "--note"),
    ],
)
def test_arguments_of_other_commands_are_named_too(kind: str, field: str, value: str, argument: str) -> None:
    """Whatever a person may mistype is checked by the command's own model."""
    an_id = "00000000-0000-4000-8000-000000000001"
    line: dict[str, Any] = {"line": 1, "quantity": 1, "decision": "deny", "code": "too_late"}
    bodies: dict[str, dict[str, Any]] = {
        "DecideRequest": {"rma_id": an_id, "order_id": "O-1", "lines": [line], "note": "any"},
        "ResolveDifference": {"difference_id": an_id, "resolution": "written_off", "note": "any"},
    }
    places = {"$.note": "--note", "$.lines[0].code": "--code"}
    body = bodies[kind]
    check(kind, body, places)
    if field == "code":
        line[field] = value
    else:
        body[field] = value

    with pytest.raises(WrongUsageError, match=f"^{argument}: "):
        check(kind, body, places)
