"""Which commands have a form at the desk or the bench."""

from __future__ import annotations

import pytest

from commands.registry import REGISTRATIONS
from workers.http.pages.staff.fields import Asking, fields_of
from workers.http.pages.staff.forms import APPROVER, BENCH, DESK, ELSEWHERE, SUBJECT
from workers.http.pages.staff.labels import LABELS


def _may(kind: str) -> set[str]:
    return {name.split(".")[1] for name, known in REGISTRATIONS.items() if kind in known.by}


def test_every_command_of_agents_and_of_the_warehouse_is_a_form() -> None:
    """A command that is added has one, or stands among those that are said to have none."""
    assert _may("agent") - ELSEWHERE <= DESK.keys() | BENCH.keys()
    assert _may("warehouse") <= BENCH.keys()
    assert not ELSEWHERE & (DESK.keys() | BENCH.keys())


@pytest.mark.parametrize("command", [*DESK, *BENCH])
def test_every_field_of_a_command_is_asked_for_or_left_out_by_name(command: str) -> None:
    """And is called by a word; what is left out is a field that there is."""
    form = {**DESK, **BENCH}[command]
    known = set(form.model.model_fields)
    asked = {one.name for one in fields_of(form.model, Asking({}, {}, form.unasked))}

    assert {name.partition(".")[0] for name in form.left_out} <= known
    assert asked == known - form.unasked
    assert asked <= LABELS.keys()
    assert form.named is None or form.named in known
    assert {APPROVER} & known <= form.unasked
    assert form.unasked >= SUBJECT
