"""Every decision that version 0.1.0 wrote down comes out again byte for byte, under edition 1 of the law.

``tests/data/version_0_1_0/README.md`` says where they come from.
"""

from __future__ import annotations

import json
import lzma
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast

import orjson

from domain.policy.return_policy import ReturnPolicy
from domain.policy.statutes import FIRST, edition_numbered
from domain.rma import Rma
from workers.policies.history import DecidedReturn, DecisionEvent
from workers.policies.verifying import verify
from workers.runtime.every_event import make_codec

FILE: Final = Path(__file__).parents[3] / "data" / "version_0_1_0" / "decisions.jsonl.xz"
CODEC: Final = make_codec()
DECISIONS: Final = 296
COUNTRIES: Final = {"US", "GB", "AT", "CN", "NL", "DE", "FR"}


def stored() -> list[dict[str, Any]]:
    """Return the events of the file: stream, version, position, type, occurred_at, and the body as text."""
    return [json.loads(line) for line in lzma.open(FILE, "rt", encoding="utf-8")]


def policies(events: list[dict[str, Any]]) -> dict[str, ReturnPolicy]:
    """Return the policies that they publish."""
    found: dict[str, ReturnPolicy | None] = {}
    for row in events:
        if row["stream"].startswith("policy/"):
            at = datetime.fromisoformat(row["occurred_at"])
            fact = CODEC.decode(row["type"], row["stream"], row["version"], at, row["body"].encode())
            found[row["stream"]] = cast("ReturnPolicy", fact.mutate(found.get(row["stream"])))
    return {policy.policy_id: policy for policy in found.values() if policy is not None}


def returns(events: list[dict[str, Any]]) -> Iterator[DecidedReturn]:
    """Yield each return with what was decided on it, as the log has it."""
    found: dict[str, DecidedReturn] = {}
    for row in events:
        if not row["stream"].startswith("rma/"):
            continue
        _, body = CODEC.newest(row["type"], row["body"].encode())
        if CODEC.class_of(row["type"]) is Rma.Requested:
            found[row["stream"]] = DecidedReturn(row["stream"], orjson.loads(body))
        else:
            found[row["stream"]].events.append(DecisionEvent(row["position"], body))
    yield from found.values()


def test_what_was_decided_then_is_decided_so_today() -> None:
    """In every country whose law was known, and in one without any; the very bytes."""
    events = stored()
    verified = verify(returns(events), policies(events), lambda _: None)

    assert verified.differences == []
    assert verified.decisions == DECISIONS


def test_they_name_no_edition_and_cover_every_jurisdiction_of_the_first() -> None:
    """A decision without an edition is one of the first; its rights all had a say somewhere in the file."""
    lines = [line for one in returns(stored()) for event in one.events for line in event.lines]
    outcomes = Counter(line.decision.outcome for line in lines)

    assert {line.decision.edition for line in lines} == {FIRST}
    assert {line.decision.facts.country for line in lines} == COUNTRIES
    assert set(outcomes) == {"approve", "deny", "review"}
    named = {right for line in lines for right in line.decision.statutes}
    assert named == {right.id for right in edition_numbered(FIRST).rights}


def test_a_byte_that_differs_is_found() -> None:
    """One digit of one stored instant."""
    events = stored()
    row = next(row for row in events if row["type"] == "rma.Rma.Denied.v1")
    row["body"] = row["body"].replace('"ship_back_days":14', '"ship_back_days":15', 1)

    assert verify(returns(events), policies(events), lambda _: None).differing == 1
