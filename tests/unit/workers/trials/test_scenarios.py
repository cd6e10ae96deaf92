"""Scenario files: what is understood, what each placeholder becomes, and how a difference reads."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from workers.pictures.sheet import Screen
from workers.trials.scenario.compare import compare_least, compare_rows, same_value
from workers.trials.scenario.files import (
    Names,
    NoScenarioFilesError,
    Refused,
    ScenarioError,
    SendStep,
    ViewStep,
    find_files,
    fresh_value,
    parse_scenario,
    read_scenario,
)
from workers.trials.scenario.report import as_data, print_played
from workers.trials.scenario.runner import Failure, Played, compare_result

RMA = UUID("7f2f6c1e-5f5e-4d0e-9d53-0d0d0d0d0d0d")
NINE_UTC = datetime(2026, 3, 1, 9, tzinfo=UTC)

WHOLE = """
scenario: A second return asks for what is gone
steps:
  - send: RequestReturn
    at: 2026-03-05T10:00:00+01:00
    actor: customer:C1
    data: {rma_id: "${rma}", country: NO, quantity: 3, since: 2026-03-01}
    expect: {refused: units_not_available, details: {available: 2}}
    events: []
  - view: payouts
    where: {rma_id: "${rma}"}
    rows: []
    save: {payout: payout_id}
"""


def test_a_file_is_read_as_it_is_written() -> None:
    """Times stay text, NO is Norway, and each step becomes its own kind."""
    scenario = parse_scenario(WHOLE)

    assert scenario.steps[0] == SendStep(
        send="RequestReturn",
        at="2026-03-05T10:00:00+01:00",
        actor="customer:C1",
        data={"rma_id": "${rma}", "country": "NO", "quantity": 3, "since": "2026-03-01"},
        expect=Refused(refused="units_not_available", details={"available": 2}),
        events=[],
    )
    assert scenario.steps[1] == ViewStep(
        view="payouts", where={"rma_id": "${rma}"}, rows=[], save={"payout": "payout_id"}
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("send: RequestReturn", "sent: RequestReturn", "step 1: a step is either a send or a view"),
        ("events: []", "event: []", "step 1 · send · event: Extra inputs are not permitted"),
        ("rows: []", "row: []", "step 2 · view · row: Extra inputs are not permitted"),
        ("expect: {refused:", "expect: {denied:", "step 1 · send · expect"),
        ("rows: []", "view: returns", "key 'view' is given twice"),
        ("scenario: A", "story: A", "story: Extra inputs are not permitted"),
        ("    rows: []\n    save: {payout: payout_id}\n", "", "a view step has rows or save, or both"),
        ("  - view: payouts", "  - view: [", "not the YAML it should be"),
        ("steps:", "steps: []\nmore:", "at least 1 item"),
    ],
)
def test_what_is_not_understood_is_refused(before: str, after: str, said: str) -> None:
    """A misspelt key, a step of no kind, a key given twice: nothing is passed over in silence."""
    assert before in WHOLE
    with pytest.raises(ScenarioError) as refused:
        parse_scenario(WHOLE.replace(before, after, 1))
    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["", "- a list", "a text"])
def test_what_is_no_scenario_at_all_is_said_so(text: str) -> None:
    with pytest.raises(ScenarioError, match="a scenario file holds `scenario`, its title, and `steps`"):
        parse_scenario(text)


def test_placeholders_are_unique_to_the_run_and_the_same_within_it() -> None:
    """``${rma…}`` is a UUID, anything else a short id; a second run draws others."""
    names, others = Names(), Names()
    filled = names.fill({"rma_id": "${rma_b}", "lines": [{"line_id": "L-${order}"}], "${order}": 3})

    assert UUID(filled["rma_id"])
    assert filled["lines"] == [{"line_id": f"L-{names.value('order')}"}]
    assert filled[names.value("order")] == 3
    assert others.value("order") != names.value("order")
    assert len(fresh_value("a" * 41)) <= 64


def test_a_saved_value_keeps_its_type_where_it_stands_alone() -> None:
    """What a view held is used as it is; inside a longer text it is written out."""
    names = Names()
    names.save("amount", 495)

    assert names.fill(["${amount}", "costs ${amount}"]) == [495, "costs 495"]


@pytest.mark.parametrize("text", ["${}", "${a b}", "${1}", "x ${rma!} y"])
def test_what_is_no_name_is_no_placeholder(text: str) -> None:
    """A placeholder that cannot be meant fails instead of standing in the data."""
    with pytest.raises(ScenarioError, match="is no placeholder"):
        Names().fill(text)


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (495, 495),
        (495, Decimal("495.00")),
        (0.1, Decimal("0.1")),
        (None, None),
        (True, True),
        ("L1", "L1"),
        (str(RMA).upper(), RMA),
        ("2026-03-01T10:00:00+01:00", NINE_UTC),
        ("2026-03-01T09:00:00.000Z", NINE_UTC),
        ("2026-03-01T10:00:00+01:00", "2026-03-01T09:00:00Z"),
        ("2026-03-01", date(2026, 3, 1)),
        (["a", "b"], ["a", "b"]),
        ({"a": [1, None]}, {"a": [1, None]}),
        ([], []),
    ],
)
def test_values_that_mean_the_same_are_the_same(expected: Any, found: Any) -> None:
    """Money, times, UUIDs, lists and objects compare by what they mean."""
    assert same_value(expected, found)


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (495, 496),
        (0, None),
        (None, 0),
        (None, ""),
        ("", None),
        (1, True),
        (True, 1),
        (84029, "84029"),
        ("495", 495),
        ("2026-03-01T10:00:00", NINE_UTC),
        ("2026-03-01T09:00:01Z", NINE_UTC),
        ("no time", NINE_UTC),
        ("2026-03-02", date(2026, 3, 1)),
        ("rma", RMA),
        (["a", "b"], ["b", "a"]),
        (["a"], ["a", "b"]),
        ("ab", ["a", "b"]),
        ({"a": 1}, {"a": 1, "b": 2}),
        (float("inf"), Decimal(1)),
    ],
)
def test_values_that_only_look_alike_differ(expected: Any, found: Any) -> None:
    """Nothing is no zero, a text is no number, a time without offset is no instant, order counts in lists."""
    assert not same_value(expected, found)


def test_rows_may_come_in_any_order_and_check_different_columns() -> None:
    """A loose row does not take the only row that a strict one could have."""
    found = [{"line": 1, "state": "received"}, {"line": 2, "state": "received"}]

    assert compare_rows([{"state": "received"}, {"line": 1}], found) == []
    assert compare_rows([{"line": 2}, {"line": 1}], found) == []
    assert compare_rows([], []) == []


def test_a_row_too_many_or_too_few_is_a_difference() -> None:
    """Exactly these rows: none may be left on either side, and one cannot count twice."""
    found = [{"line": 1}, {"line": 2}]

    assert [(part.expected, part.found) for part in compare_rows([{"line": 1}], found)] == [("(none)", '{"line": 2}')]
    once_more: list[dict[str, Any]] = [{"line": 1}, {"line": 2}, {"line": 2}]
    assert [(part.expected, part.found) for part in compare_rows(once_more, found)] == [('{"line": 2}', "(none)")]
    assert [(part.expected, part.found) for part in compare_rows([], [{"line": 1}])] == [("(none)", '{"line": 1}')]


def test_a_differing_row_stands_beside_the_most_similar_one() -> None:
    """The reader sees column by column what was expected and what was found."""
    found = [{"line": 1, "state": "received", "refund_minor": 0}, {"line": 2, "state": "received", "refund_minor": 5}]
    expected: list[dict[str, Any]] = [{"line": 2, "state": "inspected", "refund_minor": 5}, {"line": 1}]

    parts = compare_rows(expected, found)

    assert [(part.name, part.expected, part.found, part.same) for part in parts] == [
        ("row 1 · line", "2", "2", True),
        ("row 1 · state", '"inspected"', '"received"', False),
        ("row 1 · refund_minor", "5", "5", True),
    ]


def test_details_are_the_least_that_must_be_there() -> None:
    """Further details do not matter, missing and differing ones do."""
    found = {"available": 1, "line": {"line_id": "L1", "asked": 2}}

    assert all(part.same for part in compare_least("details", {"line": {"line_id": "L1"}}, found))
    assert [
        (part.name, part.found, part.same) for part in compare_least("details", {"available": 2, "x": 1}, found)
    ] == [
        ("details.available", "1", False),
        ("details.x", "(none)", False),
    ]


def test_folders_give_their_files_in_order_and_a_missing_path_is_named(tmp_path: Path) -> None:
    """Only YAML files of a folder are taken; what is not there is an error, and so is nothing at all."""
    for name in ("b.yaml", "a.yml", "notes.txt"):
        (tmp_path / name).write_text(WHOLE)

    assert [path.name for path in find_files([tmp_path])] == ["a.yml", "b.yaml"]
    with pytest.raises(NoScenarioFilesError, match="does not exist"):
        find_files([tmp_path / "c.yaml"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoScenarioFilesError, match="0 scenario files"):
        find_files([tmp_path / "empty"])


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 end in a message, not in a traceback."""
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_scenario(path)


REFUSED = {
    "command_id": "c-1",
    "source": "/scenario/1",
    "type": "rma.RequestReturn.v1",
    "status": "refused",
    "code": "units_not_available",
    "message": "1 of 2 units can still be returned",
    "details": {"line_id": "L1", "available": 1},
    "events": [],
}
ACCEPTED = REFUSED | {"status": "accepted", "code": None, "events": [{"type": "rma.Rma.Requested.v1", "position": 7}]}
MALFORMED = REFUSED | {
    "status": "malformed",
    "details": {"faults": [{"path": "$.b", "message": "no"}, {"path": "$.a", "message": "no"}]},
}


def a_send(**changes: Any) -> SendStep:
    return SendStep.model_validate({"send": "RequestReturn", "data": {}} | changes)


@pytest.mark.parametrize(
    ("step", "result"),
    [
        (a_send(), ACCEPTED),
        (a_send(events=["rma.Rma.Requested.v1"]), ACCEPTED),
        (a_send(expect={"refused": "units_not_available"}), REFUSED),
        (a_send(expect={"refused": "units_not_available", "details": {"available": 1}}, events=[]), REFUSED),
        (a_send(expect="malformed"), REFUSED | {"status": "malformed", "code": None, "details": None}),
        (a_send(expect={"malformed": ["$.a", "$.b"]}), MALFORMED),
    ],
)
def test_an_answer_as_expected_has_no_difference(step: SendStep, result: dict[str, Any]) -> None:
    """Details are the least there must be, events count only where they are named."""
    assert all(part.same for part in compare_result(step, result))


@pytest.mark.parametrize(
    ("step", "result", "named"),
    [
        (a_send(), REFUSED, "status"),
        (a_send(expect="malformed"), REFUSED, "status"),
        (a_send(expect={"malformed": []}), REFUSED, "status"),
        (a_send(expect={"malformed": ["$.a"]}), MALFORMED, "faults"),
        (a_send(expect={"refused": "units_not_available"}), ACCEPTED, "status"),
        (a_send(expect={"refused": "wrong_state"}), REFUSED, "code"),
        (a_send(expect={"refused": "units_not_available", "details": {"available": 2}}), REFUSED, "details.available"),
        (a_send(expect={"refused": "units_not_available", "details": {"line": 1}}), REFUSED, "details.line"),
        (a_send(events=[]), ACCEPTED, "events"),
        (a_send(events=["rma.Rma.Requested.v1", "rma.Rma.Authorized.v1"]), ACCEPTED, "events"),
    ],
)
def test_an_answer_that_differs_is_named(step: SendStep, result: dict[str, Any], named: str) -> None:
    """Status, code, details and the order of events are each compared."""
    assert named in [part.name for part in compare_result(step, result) if not part.same]


def test_a_difference_is_readable() -> None:
    """The report names file, step and reason, and marks what differs beside what was expected."""
    step = a_send(expect={"refused": "units_not_available", "details": {"available": 2}})
    failure = Failure("step 2 of 3, send RequestReturn", "the answer says: 1 of 2", compare_result(step, REFUSED))
    played = Played(Path("second.yaml"), "A second return", 0.2, failure)
    console = Screen(width=100, record=True)

    print_played(played, console)

    lines = [line.split() for line in console.export_text().splitlines()]
    assert ["failed", "A", "second", "return", "(second.yaml,", "0.2", "s)"] in lines
    assert "step 2 of 3, send RequestReturn: the answer says: 1 of 2".split() in lines
    assert ["status", "refused", "refused"] in lines
    assert ["✗", "details.available", "2", "1"] in lines
    assert as_data(played)["compared"][-1] == {
        "name": "details.available", "expected": "2", "found": "1", "same": False,
    }  # fmt: skip


SCENARIOS = sorted((Path(__file__).parents[3] / "scenarios").glob("*.yaml"))


def test_there_are_scenarios() -> None:
    """The twelve that systems in the field get wrong, each of the six steps, refusals and policy are all there."""
    names = [path.name for path in SCENARIOS]
    assert [sum(name.startswith(part) for name in names) >= least for part, least in (
        ("step_", 6), ("field_", 12), ("refused_", 8), ("policy_", 10), ("statute_", 4), ("money_", 4), ("goods_", 3),
    )] == [True] * 7  # fmt: skip


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_file_is_understood(path: Path) -> None:
    """Each file is read without a fault, and its placeholders can be filled."""
    scenario = read_scenario(path)
    names = Names()
    for step in scenario.steps:
        names.fill(step.model_dump())
