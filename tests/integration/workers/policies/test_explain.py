"""`rma explain` tells, from the read models, why each line was decided as it was."""

from __future__ import annotations

from uuid import UUID

import orjson
import pytest

from infra.migrate import migrate
from tests.integration.projections.test_projections import play
from tests.support.command_line import invoke
from tests.support.recorded_facts import recorded
from tests.support.shop import RMA_ID
from tests.support.stories import six_steps

DENIED = UUID(int=2)


@pytest.fixture(autouse=True)
def told(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One return that went through all steps, and one that was denied."""
    migrate(postgres_dsn)
    play(postgres_dsn, recorded(six_steps().history), batch=100)
    monkeypatch.setenv("RMA_POSTGRES_DSN", postgres_dsn)


def test_every_decision_of_a_return_is_told() -> None:
    """Requests and inspections are told, line by line, by the return's id and by its number."""
    said = orjson.loads(invoke("explain", str(RMA_ID), "--json").stdout)

    assert [(one["line"], one["stage"], one["outcome"]) for one in said] == [
        (1, "request", "approve"),
        (1, "inspection", "approve"),
        (1, "inspection", "approve"),
        (2, "request", "approve"),
        (2, "inspection", "review"),
    ]


def test_a_denial_is_told_in_both_languages() -> None:
    """The table names what decided and what would have changed it, in English and in Chinese."""
    english, chinese = invoke("explain", str(DENIED)), invoke("explain", str(DENIED), "--lang", "zh")

    assert (english.exit_code, chinese.exit_code) == (0, 0)
    assert "denied" in english.output
    assert "What would have led to approval" in english.output
    assert "已超过退货期限 [window_expired]" in chinese.output


def test_an_unknown_return_is_said_to_be() -> None:
    """A return that nobody knows ends with exit code 1 and its name."""
    ran = invoke("explain", "RMA-0000-0000-0000-0")

    assert ran.exit_code == 1
    assert "RMA-0000-0000-0000-0" in ran.output
