"""Whoever relies on a released version gets along with this one; what would break them is found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from commands.fields import IDENTIFIER
from domain.names import NAME
from workers.contract.compatibility import breaks
from workers.contract.release import BREAKS, Contract, contract, releases, write
from workers.contract.shapes import UncomparableError

NOW: Final = contract()
RELEASES: Final = releases()
KNOWN: Final[dict[str, dict[str, str]]] = json.loads(BREAKS.read_text("utf-8"))
ADD: Final = "rma.AddEvidence.v1"
REGISTER: Final = "rma.RegisterOrder.v1"
PUBLISH: Final = "rma.PublishPolicy.v1"
SCANNED: Final = "rma.Rma.Scanned.v1"
RECEIVED: Final = "rma.Rma.Received.v1"
AUTHORIZED: Final = "rma.Rma.Authorized.v1"
RESULT: Final = "rma.CommandResult.v1"


@pytest.mark.parametrize("version", RELEASES)
def test_nobody_who_relies_on_a_released_version_is_broken(version: str) -> None:
    """A change that breaks a reader or a sender is not made, or stands with its reason in ``breaks.json``."""
    assert [str(found) for found in breaks(RELEASES[version], NOW)] == sorted(KNOWN.get(version, {}))


def test_every_break_that_is_known_has_its_reason() -> None:
    """Whoever is broken can read why."""
    assert set(KNOWN) <= set(RELEASES)
    assert all(reason.endswith(".") for of_version in KNOWN.values() for reason in of_version.values())


def test_a_version_breaks_nothing_of_its_own() -> None:
    """The comparison finds nothing where nothing was changed."""
    assert breaks(NOW, copy.deepcopy(NOW)) == []


def fields(schema: dict[str, Any], *parts: str) -> dict[str, Any]:
    """Return the fields of a schema, or of a part of it."""
    for part in parts:
        schema = schema["$defs"][part]
    found: dict[str, Any] = schema["properties"]
    return found


def drop_window(schema: dict[str, Any]) -> None:
    alternatives = fields(schema, "Decision")["trace"]["items"]["oneOf"]
    alternatives.remove({"$ref": "#/$defs/WindowRecord"})


def gone(kind: str, name: str) -> Callable[[Contract], object]:
    return lambda now: now[kind].pop(name)


def of(kind: str, name: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Contract], object]:
    return lambda now: change(now[kind][name])


def facts_named(change: Callable[[str], str]) -> Callable[[dict[str, Any]], object]:
    """Return a change of the pattern that says which facts conditions may name."""

    def made(schema: dict[str, Any]) -> None:
        [text] = [one for one in fields(schema, "Condition")["fact"]["anyOf"] if "pattern" in one]
        text["pattern"] = change(text["pattern"])

    return made


SENDERS_BROKEN: Final[dict[str, Callable[[Contract], object]]] = {
    "rma.AddEvidence.v1 is gone": gone("commands", ADD),
    "rma.AddEvidence.v1 may no longer be sent by customer": lambda now: now["senders"][ADD].remove("customer"),
    "rma.AddEvidence.v1 $.order_id is no field any more": of("commands", ADD, lambda s: fields(s).pop("order_id")),
    "rma.AddEvidence.v1 $.note is required now": of("commands", ADD, lambda s: s["required"].append("note")),
    "rma.AddEvidence.v1 $.evidence[].line is required now": of(
        "commands", ADD, lambda s: s["$defs"]["EvidenceItem"]["required"].append("line")
    ),
    "rma.AddEvidence.v1 $.evidence[].kind video is no word any more": of(
        "commands", ADD, lambda s: fields(s, "EvidenceItem")["kind"]["enum"].remove("video")
    ),
    "rma.AddEvidence.v1 $.evidence[].uri maxLength is 100, was 4000": of(
        "commands", ADD, lambda s: fields(s, "EvidenceItem")["uri"].update(maxLength=100)
    ),
    "rma.AddEvidence.v1 $.evidence[].uri minLength is 2, was 1": of(
        "commands", ADD, lambda s: fields(s, "EvidenceItem")["uri"].update(minLength=2)
    ),
    "rma.AddEvidence.v1 $.evidence[].line no longer takes null": of(
        "commands", ADD, lambda s: fields(s, "EvidenceItem")["line"]["anyOf"].pop()
    ),
    "rma.AddEvidence.v1 $.evidence maxItems is 10, was 100": of(
        "commands", ADD, lambda s: fields(s)["evidence"].update(maxItems=10)
    ),
    "rma.AddEvidence.v1 $.order_id no longer takes string": of(
        "commands", ADD, lambda s: fields(s).update(order_id={"type": "integer"})
    ),
    "rma.AddEvidence.v1 $.order_id pattern is ^O, was ^[!-~]{1,64}$": of(
        "commands", ADD, lambda s: fields(s)["order_id"].update(pattern="^O")
    ),
    "rma.AddEvidence.v1 $.evidence[].sha256 pattern is ^[0-9a-f]{64}$, was none": of(
        "commands", ADD, lambda s: fields(s, "EvidenceItem")["sha256"]["anyOf"].remove({"const": "", "type": "string"})
    ),
    "rma.RegisterOrder.v1 $.lines[].sku pattern is ^[!-~]{1,64}$, was " + NAME: of(
        "commands", REGISTER, lambda s: fields(s, "SoldLine")["sku"].update(pattern=IDENTIFIER)
    ),
    "rma.RegisterOrder.v1 $.channel takes certain words only": of(
        "commands", REGISTER, lambda s: fields(s)["channel"].update(enum=["web", "store"])
    ),
    "rma.RegisterOrder.v1 $.tax_included means something else where it is left out": of(
        "commands", REGISTER, lambda s: fields(s)["tax_included"].update(default=False)
    ),
    "rma.PublishPolicy.v1 $.document.rules[].when.not.at_most no longer takes number": of(
        "commands", PUBLISH, lambda s: fields(s, "Condition").update(at_most={"type": "string", "default": None})
    ),
    "rma.PublishPolicy.v1 $.document.dispositions.(name) X is no word any more": of(
        "commands", PUBLISH, lambda s: fields(s, "PolicyDocument")["dispositions"]["propertyNames"]["enum"].remove("X")
    ),
    "lines_open is no code any more": lambda now: now["codes"].remove("lines_open"),
}
READERS_BROKEN: Final[dict[str, Callable[[Contract], object]]] = {
    "rma.Rma.Scanned.v1 is gone": gone("events", SCANNED),
    "rma.Rma.Scanned.v1 $.place is not told any more": of("events", SCANNED, lambda s: fields(s).pop("place")),
    "rma.Rma.Scanned.v1 $.scan_id may be left out now": of(
        "events", SCANNED, lambda s: s["required"].remove("scan_id")
    ),
    "rma.Rma.Scanned.v1 $.scan_id may be null now": of(
        "events", SCANNED, lambda s: fields(s).update(scan_id={"anyOf": [{"type": "string"}, {"type": "null"}]})
    ),
    "rma.Rma.Scanned.v1 $.place is never null any more": of(
        "events", SCANNED, lambda s: fields(s).update(place={"type": "string"})
    ),
    "rma.Rma.Scanned.v1 $.scan_id may be integer now": of(
        "events", SCANNED, lambda s: fields(s).update(scan_id={"type": ["string", "integer"]})
    ),
    "rma.Rma.Scanned.v1 $.scan_id may be anything now": of("events", SCANNED, lambda s: fields(s).update(scan_id={})),
    "rma.Rma.Scanned.v1 $.status lost is no word any more": of(
        "events", SCANNED, lambda s: fields(s)["status"]["enum"].remove("lost")
    ),
    "rma.Rma.Scanned.v1 $.status may be any word now": of(
        "events", SCANNED, lambda s: fields(s).update(status={"type": "string"})
    ),
    "rma.Rma.Scanned.v1 $.at_dock is missing from what was told before": of(
        "events", SCANNED, lambda s: (fields(s).update(at_dock={"type": "boolean"}), s["required"].append("at_dock"))
    ),
    "rma.Rma.Received.v1 $.runs[].first is never integer any more": of(
        "events", RECEIVED, lambda s: fields(s, "RmaRun").update(first={"type": "string"})
    ),
    "rma.Rma.Authorized.v1 $.lines[].decision.trace[] is never object kind=window any more": of(
        "events", AUTHORIZED, drop_window
    ),
    "rma.CommandResult.v1 $.events[].position is not told any more": of(
        "results", RESULT, lambda s: fields(s, "RecordedEvent").pop("position")
    ),
    "rma.CommandResult.v1 $.recorded_at may be left out now": of(
        "results", RESULT, lambda s: s["required"].remove("recorded_at")
    ),
}


@pytest.mark.parametrize("what", SENDERS_BROKEN)
def test_a_change_that_breaks_senders_is_found(what: str) -> None:
    """What was accepted and would be malformed, refused to its sender, or read otherwise, is named by its place."""
    assert what in planted(SENDERS_BROKEN[what])


@pytest.mark.parametrize("what", READERS_BROKEN)
def test_a_change_that_breaks_readers_is_found(what: str) -> None:
    """What a reader would miss or not understand, and what old events would not fit, is named by its place."""
    assert what in planted(READERS_BROKEN[what])


def planted(change: Callable[[Contract], object]) -> list[str]:
    now = copy.deepcopy(NOW)
    change(now)
    return [str(found) for found in breaks(NOW, now)]


@pytest.mark.parametrize(
    "change",
    [
        lambda now: now["commands"].update({"rma.New.v1": {"type": "object"}}),
        lambda now: now["events"].update({"rma.Rma.New.v1": {"type": "object"}}),
        lambda now: now["codes"].append("another"),
        lambda now: now["senders"][ADD].append("gateway"),
        of("commands", ADD, lambda s: fields(s).update(note={"type": "string", "default": ""})),
        of("commands", ADD, lambda s: fields(s)["evidence"].update(maxItems=1_000, minItems=0)),
        of("commands", ADD, lambda s: fields(s, "EvidenceItem")["kind"]["enum"].append("sound")),
        of("commands", ADD, lambda s: fields(s, "EvidenceItem").update(kind={"type": "string"})),
        of("commands", ADD, lambda s: s["required"].remove("order_id")),
        of("commands", ADD, lambda s: fields(s).update(order_id={"type": "string", "pattern": NAME, "maxLength": 128})),
        of("commands", PUBLISH, lambda s: fields(s, "Condition").update(fact={"default": None})),
        of("commands", PUBLISH, facts_named(lambda pattern: pattern.replace("^(", "^(weather|"))),
        of("events", SCANNED, lambda s: fields(s).update(weight={"type": "integer"})),
        of("events", SCANNED, lambda s: fields(s)["status"]["enum"].append("returned")),
    ],
)
def test_a_change_that_breaks_nobody_is_let_through(change: Callable[[Contract], object]) -> None:
    """New commands, events, fields, words, codes and senders, and wider bounds of what is sent, are free to come."""
    assert planted(change) == []


def test_a_fact_that_conditions_can_no_longer_name_is_found() -> None:
    """A pattern of alternatives may get more of them, and not fewer."""
    fewer = of("commands", PUBLISH, facts_named(lambda pattern: pattern.replace("|wish", "")))

    assert {found.partition(" pattern ")[0] for found in planted(fewer)} >= {
        "rma.PublishPolicy.v1 $.document.rules[].when.fact"
    }


def test_what_the_comparison_does_not_know_stops_it() -> None:
    """A keyword that a schema uses for the first time is learnt, not passed over."""
    now = copy.deepcopy(NOW)
    now["commands"][ADD]["dependentRequired"] = {"order_id": ["rma_id"]}

    with pytest.raises(UncomparableError, match="dependentRequired"):
        breaks(NOW, now)


def test_a_release_is_written_once(tmp_path: Path) -> None:
    """What a released version promised is never written again."""
    path = write("0.2.0", tmp_path)

    assert json.loads(path.read_text()) == NOW
    with pytest.raises(FileExistsError):
        write("0.2.0", tmp_path)
