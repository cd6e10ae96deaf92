"""Plays scenario files against the running system, through Kafka only, and compares what the views say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from pydantic import ValidationError

from infra.addresses import postgres_address
from infra.kafka.command_client import Conversation, NeverAnsweredError, OutgoingCommand, Result, conversation, key_of
from infra.kafka.partitioner import Placement
from infra.kafka.topics import TopicNames
from infra.settings import Settings
from workers.trials.scenario.compare import Compared, compare_least, compare_rows, same_value, shown
from workers.trials.scenario.files import (
    Malformed,
    Names,
    Refused,
    Scenario,
    ScenarioError,
    SendStep,
    ViewStep,
    read_scenario,
)
from workers.trials.scenario.opening import opened_rows
from workers.trials.scenario.views import CATCH_UP_TIMEOUT_S, Views

ANSWER_TIMEOUT_S: Final = 30.0
UNANSWERED_MAX: Final = 2
"""Scenarios that may wait in vain before the rest is not played: then no worker runs."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Where a scenario failed and why; ``compared`` is what was expected beside what was found."""

    where: str
    why: str
    compared: Sequence[Compared] = ()
    unanswered: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """How one file went; no failure means that it passed."""

    path: Path
    title: str
    seconds: float
    failure: Failure | None


class _DifferenceError(ScenarioError):
    def __init__(self, why: str, compared: Sequence[Compared]) -> None:
        super().__init__(why)
        self.compared = compared


def compare_result(step: SendStep, result: Result) -> list[Compared]:
    """Compare a command's answer with what a step expects of it."""
    status = step.expect if isinstance(step.expect, str) else type(step.expect).__name__.lower()
    compared = [Compared("status", status, result["status"], same=status == result["status"])]
    if isinstance(step.expect, Refused):
        code = result.get("code", "")
        compared.append(Compared("code", step.expect.refused, str(code), same=step.expect.refused == code))
        compared += compare_least("details", step.expect.details, result.get("details") or {})
    if isinstance(step.expect, Malformed):
        named, paths = sorted(step.expect.malformed), sorted(fault["path"] for fault in _faults(result))
        compared.append(Compared("faults", shown(named), shown(paths), same=named == paths))
    if step.events is not None:
        types = [event["type"] for event in result["events"]]
        compared.append(Compared("events", shown(step.events), shown(types), same_value(step.events, types)))
    return compared


def _faults(result: Result) -> list[dict[str, str]]:
    faults: list[dict[str, str]] = (result.get("details") or {}).get("faults", [])
    return faults


@dataclass(slots=True)
class Player:
    """One run of one scenario: its own names, its own source, and how far the log has come for it."""

    talk: Conversation
    views: Views
    events: Placement
    opened: Callable[[Sequence[dict[str, Any]]], list[dict[str, Any]]]
    """Shows rows with their texts as they were written."""
    names: Names = field(default_factory=Names)
    source: str = field(default_factory=lambda: f"/scenario/{uuid4().hex[:10]}")
    _reached: dict[int, int] = field(default_factory=dict)
    _keys: dict[str, str] = field(default_factory=dict)

    def play(self, step: SendStep | ViewStep) -> None:
        """Play one step; raises ``ScenarioError`` where it fails."""
        filled = self.names.fill(step.model_dump())
        if isinstance(step, SendStep):
            self._send(SendStep.model_validate(filled))
        else:
            # what a saved value is called is a name, not a value
            self._view(ViewStep.model_validate(filled | {"save": step.save}))

    def _send(self, step: SendStep) -> None:
        command = OutgoingCommand(
            type=step.send,
            id=uuid4().hex if step.id is None else step.id,
            source=self.source if step.source is None else step.source,
            key=key_of(step.data) if step.key is None else step.key,
            time=step.at,
            actor=step.actor,
            data=step.data,
        )
        result = self.talk.ask(command.to_record())
        compared = compare_result(step, result)
        if not all(part.same for part in compared):
            raise _DifferenceError(_said(result), compared)
        for event in result["events"]:
            partition = self.events.of(self._key_of_stream(event["stream"], step.data).encode())
            self._reached[partition] = max(self._reached.get(partition, 0), event["position"])

    def _key_of_stream(self, stream: str, data: object) -> str:
        """Return the key of a stream's events: an answer to a difference names it alone, its report named the order."""
        if stream not in self._keys:
            payout = data.get("payout_id") if isinstance(data, dict) else None
            self._keys[stream] = key_of(data) or (payout if isinstance(payout, str) else "")
        return self._keys[stream]

    def _view(self, step: ViewStep) -> None:
        named = {*step.where, *(column for row in step.rows or () for column in row), *(step.save or {}).values()}
        self.views.check_columns(step.view, named)
        self.views.wait_for(self._reached)
        found = self.opened(self.views.rows(step.view, step.where))
        if step.rows is not None and (compared := compare_rows(step.rows, found)):
            raise _DifferenceError(f"{len(step.rows)} rows expected, {len(found)} found", compared)
        if step.save:
            self._save(step, found)

    def _save(self, step: ViewStep, found: Sequence[dict[str, Any]]) -> None:
        if len(found) != 1:
            raise ScenarioError(f"save needs a single row of view {step.view}, {len(found)} were found")
        for name, column in (step.save or {}).items():
            value = found[0][column]
            self.names.save(name, value if isinstance(value, bool | int | float | None) else str(value))


def _said(result: Result) -> str:
    """Return what the system itself says about an answer that was not expected."""
    return f"the answer says: {result['message']}" if result.get("message") else "the answer differs"


def play_file(path: Path, player: Callable[[], Player]) -> Played:
    """Play one file from its first step until one fails."""
    began = time.monotonic()
    title, failure = path.stem, None
    try:
        scenario = read_scenario(path)
        title = scenario.scenario
        failure = play_scenario(scenario, player())
    except ScenarioError as error:
        failure = Failure("the file", str(error))
    return Played(path, title, time.monotonic() - began, failure)


def play_scenario(scenario: Scenario, player: Player) -> Failure | None:
    """Play the steps in their order; return where it failed, or None where all went as expected."""
    for number, step in enumerate(scenario.steps, start=1):
        name = f"send {step.send}" if isinstance(step, SendStep) else f"view {step.view}"
        where = f"step {number} of {len(scenario.steps)}, {name}"
        try:
            player.play(step)
        except _DifferenceError as difference:
            return Failure(where, str(difference), difference.compared)
        except ValidationError as error:
            return Failure(where, f"not understood once its placeholders are filled: {error}")
        except NeverAnsweredError as error:
            return Failure(where, str(error), unanswered=True)
        except ScenarioError as error:
            return Failure(where, str(error))
    return None


def play_files(
    paths: Sequence[Path],
    settings: Settings,
    projections: Sequence[str],
    *,
    catch_up_timeout_s: float = CATCH_UP_TIMEOUT_S,
) -> Iterator[Played]:
    """Play files one after the other against the running system, and yield how each one went.

    After ``UNANSWERED_MAX`` scenarios without any answer the rest is reported as not played.

    Raises:
        ServiceUnreachableError: Kafka or PostgreSQL is away.
    """
    unanswered = 0
    with (
        closing(Views(postgres_address(settings), projections, catch_up_timeout_s=catch_up_timeout_s)) as views,
        conversation(settings, answer_timeout_s=ANSWER_TIMEOUT_S) as talk,
    ):
        events = talk.placement_of(TopicNames(settings.topic_prefix).events)
        for path in paths:
            if unanswered >= UNANSWERED_MAX:
                yield Played(path, path.stem, 0.0, Failure("the file", "not played: nobody answers"))
                continue
            played = play_file(path, lambda: Player(talk, views, events, partial(opened_rows, settings)))
            unanswered += played.failure is not None and played.failure.unanswered
            yield played
