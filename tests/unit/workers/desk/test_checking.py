"""What is made of a file or an argument is read as the system would read it, before it leaves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from infra.kafka.command_client import OutgoingCommand
from workers.desk.checking import UnsendableError, checked

AN_ID = "00000000-0000-4000-8000-000000000001"


def report(**there: Any) -> OutgoingCommand:
    side = {"amount_minor": 100, "currency": "EUR", "reference": "GW-1", **there}
    body = {"difference_id": AN_ID, "kind": "missing_here", "payout_id": AN_ID, "there": side}
    return OutgoingCommand("ReportDifference", AN_ID, "/rma/reconcile", AN_ID, datetime.now(UTC), "system:x", body)


def test_a_command_that_can_be_read_is_handed_on() -> None:
    """It is the very same command."""
    command = report()

    assert checked(command, "the difference") is command


def test_every_fault_is_named_by_its_place() -> None:
    """One line says what it is about, each place and what is wrong there, and that nothing was sent."""
    with pytest.raises(UnsendableError) as refused:
        checked(report(currency="QQQ", reference=""), "the difference on payout 7")

    said = str(refused.value)
    assert said.startswith("the difference on payout 7: ")
    assert "$.there.currency: QQQ is no currency of ISO 4217" in said
    assert "$.there.reference: " in said
    assert said.endswith("; nothing was sent")
