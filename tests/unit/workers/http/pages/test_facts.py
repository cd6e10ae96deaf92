"""What happened, as the desk tells it."""

from __future__ import annotations

from workers.http.pages.staff.facts import told
from workers.http.pages.words import words


def test_a_message_is_called_by_what_it_told() -> None:
    """Not by the state of a return that has the same name."""
    notice = {"kind": "requested", "outcome": "sent"}

    assert told("rma.Rma.CustomerNotified.v1", notice, "EUR", words("en")).details == ("sent", "Request received")


def test_nobody_answers_for_what_nobody_is_liable_for() -> None:
    """And not “nothing”, as a state of that name is called."""
    assert told("rma.Rma.Inspected.v1", {"liable_party": "none"}, "EUR", words("en")).details == ("nobody",)
