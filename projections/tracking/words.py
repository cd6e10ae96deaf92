"""What people said and decided about a return, read off its timeline: claims, answers, appeals, overrides, feedback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from domain.rma import Rma

Row = dict[str, Any]

APPEAL: Final = Rma.DenialAppealed.TOPIC
OVERRIDE: Final = Rma.DecisionOverridden.TOPIC
REVIEW: Final = Rma.ReviewDecided.TOPIC
BY_PERSONS: Final = (REVIEW, OVERRIDE, APPEAL)
"""The types of facts by which persons decide, or ask for another decision."""

STAGES: Final = {REVIEW: "review", OVERRIDE: "override", APPEAL: "appeal"}


def claims(timeline: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return what the customer says of each line, as it was last put right: ``line``, ``comment``, ``answers``."""
    found: dict[int, Row] = {}
    for event in timeline:
        data = event["data"]
        if event["type"] == Rma.Requested.TOPIC:
            for line in data["lines"]:
                found[line["line"]] = {name: line[name] for name in ("line", "comment", "answers")}
        elif event["type"] == Rma.RequestCorrected.TOPIC:
            found[data["line"]]["comment"] = data["comment"]
    return list(found.values())


def decisions_by_persons(timeline: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Yield what persons decided on units of each line, and each appeal, in the order in which it happened.

    ``stage`` is ``review``, ``override`` or ``appeal``; the outcome of an appeal is that a person has to look again.
    """
    for event in timeline:
        if event["type"] in BY_PERSONS:
            data, head = event["data"], {name: event[name] for name in ("position", "occurred_at", "actor")}
            for line in [data] if event["type"] == APPEAL else data["lines"]:
                yield {
                    **head,
                    "stage": STAGES[event["type"]],
                    "line": line["line"],
                    "units": sum(run["count"] for run in line["runs"]),
                    "outcome": _outcome(line),
                    "codes": [line["code"]] if line.get("code") else [],
                    "approved_by": data.get("approved_by"),
                    "reason": data.get("reason"),
                    "grounds": data.get("grounds"),
                    "note": data.get("note"),
                }


def _outcome(line: Mapping[str, Any]) -> str:
    if "approved" not in line:
        return "review"
    return "approve" if line["approved"] else "deny"
