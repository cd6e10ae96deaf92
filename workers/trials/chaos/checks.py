"""What holds of a system that lost nothing, did nothing twice and told everything in order, whatever became of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from infra.envelope.cloudevents import event_attributes
from infra.envelope.hash_chain import FIRST_PREV_HASH, event_hash
from infra.kafka.record import Record
from infra.log.auditing import StoredOutcome
from workers.deadlines.asking import SOURCE as DEADLINES
from workers.trials.chaos.evidence import Command, Evidence
from workers.trials.chaos.load import MARK, Sent

REUSED: Final = "command_id_reused"
DEAD: Final = "rma_dead_"
FIRING: Final = "rma.PassDeadline.v1"


def log_is_whole(evidence: Evidence) -> Iterator[str]:
    """Positions and versions count up from 1 without a gap, no event has another's id, each is chained to the last."""
    prev_hash, versions, ids = FIRST_PREV_HASH, defaultdict[str, int](int), set[object]()
    for position, event in enumerate(evidence.events, start=1):
        versions[event.stream] += 1
        if (event.position, event.version) != (position, versions[event.stream]):
            wanted = f"position {position}, version {versions[event.stream]}"
            yield f"{event.stream}: {wanted} wanted, position {event.position}, version {event.version} found"
        if event.event_id in ids:
            yield f"the id {event.event_id} is there twice"
        if (event.prev_hash, event.hash) != (prev_hash, event_hash(event)):
            yield f"the chain of hashes breaks at position {position}"
        ids.add(event.event_id)
        prev_hash = event.hash


def topic_tells_the_log(evidence: Evidence) -> Iterator[str]:
    """The topic holds the log's events by id and nothing else, each stream in order; a repeat repeats every byte."""
    logged = {str(event.event_id): event for event in evidence.events}
    known: dict[str, Any] = {}
    reached, versions = defaultdict[int, int](int), defaultdict[str, int](int)
    for record in evidence.published:
        headers = _headers(record)
        event_id, stream, version = headers["ce_id"], headers["ce_subject"], int(headers["ce_streamversion"])
        content = (record.partition, record.key, record.value, tuple(record.headers))
        if event_id in known:
            if known[event_id] != content:
                yield f"{stream} {version} was published twice, differently"
            continue
        known[event_id] = content
        if (event := logged.get(event_id)) is None:
            yield f"{stream} {version} is in the topic and not in the log"
            continue
        told = {name: headers.get(f"ce_{name}") for name, _ in event_attributes(event)}
        if (record.value, record.key, told) != (
            event.body, event.partition_key.encode(), dict(event_attributes(event)),
        ):  # fmt: skip
            yield f"{stream} {version} is not in the topic what it is in the log"
        if version != versions[stream] + 1:
            yield f"{stream} {version} follows {versions[stream]} in the topic"
        if event.position <= reached[record.partition]:
            yield f"{stream} {version} (position {event.position}) follows position {reached[record.partition]}"
        versions[stream] = version
        reached[record.partition] = max(reached[record.partition], event.position)
    for event_id in logged.keys() - known.keys():
        yield f"{logged[event_id].stream} {logged[event_id].version} is in the log and not in the topic"


def commands_are_answered_once(evidence: Evidence, load: Mapping[int, Sent]) -> Iterator[str]:
    """Each record that names a command is answered, and each command always alike, byte for byte."""
    answers: dict[Command, list[bytes]] = defaultdict(list)
    for record in evidence.answers:
        told = orjson.loads(record.value or b"{}")
        answers[told["source"], told["command_id"]].append(record.value or b"")
    asked: dict[Command, list[str]] = defaultdict(list)
    for record in evidence.commands:
        kind, command = _asked(record, load)
        if command is not None:
            asked[command].append(kind)
    for command, kinds in asked.items():
        yield from _answered(command, kinds, answers[command], evidence.outcomes.get(command))
    for command in (answers.keys() | evidence.outcomes.keys()) - asked.keys():
        yield f"{_name(command)} was answered and never asked"


def _answered(
    command: Command, kinds: Sequence[str], answers: Sequence[bytes], outcome: StoredOutcome | None
) -> Iterator[str]:
    if len(answers) < len(kinds):
        yield f"{_name(command)} was sent {len(kinds)} times and answered {len(answers)} times"
    if set(kinds) == {"malformed"}:
        if outcome is not None or any(orjson.loads(answer)["status"] != "malformed" for answer in answers):
            yield f"{_name(command)} is malformed, and was answered otherwise"
        return
    if outcome is None:
        yield f"{_name(command)} has no answer in the log"
        return
    others = [answer for answer in answers if answer != outcome.result]
    if "reused_id" in kinds:
        others = [answer for answer in others if orjson.loads(answer).get("code") != REUSED]
    if others:
        yield f"{_name(command)} was answered {outcome.result.decode()} and {others[0].decode()}"
    if outcome.result not in answers:
        yield f"{_name(command)} was never given the answer that the log keeps"


def answers_name_their_events(evidence: Evidence) -> Iterator[str]:
    """The events of a command are those that its answer names, and a refused one has none."""
    recorded: dict[Command, list[str]] = defaultdict(list)
    for event in evidence.events:
        recorded[event.command_source, event.command_id].append(str(event.event_id))
    for command, outcome in evidence.outcomes.items():
        named = [event["id"] for event in orjson.loads(outcome.result)["events"]]
        if named != recorded.pop(command, []):
            yield f"{_name(command)} did not lead to the events that its answer names"
    for command in recorded:
        yield f"{_name(command)} led to events and has no answer"


def dead_letters_are_the_malformed(evidence: Evidence, load: Mapping[int, Sent]) -> Iterator[str]:
    """What cannot be read, and nothing else, is a dead letter: the record as it came, and where it came from."""
    malformed = {
        (record.partition, record.offset): record
        for record in evidence.commands
        if _asked(record, load)[0] == "malformed"
    }
    letters: dict[tuple[int, int], Record] = {}
    for letter in evidence.dead:
        headers = dict(letter.headers)
        place = (int(headers[DEAD + "partition"] or b""), int(headers[DEAD + "offset"] or b""))
        before = letters.setdefault(place, letter)
        if (before.value, before.key, before.headers) != (letter.value, letter.key, letter.headers):
            yield f"the record at {place} is two dead letters"
    for place in letters.keys() - malformed.keys():
        yield f"the record at {place} is a dead letter and can be read"
    for place, record in malformed.items():
        if (kept := letters.get(place)) is None:
            yield f"the record at {place} cannot be read and is no dead letter"
            continue
        original = [header for header in kept.headers if not header[0].startswith(DEAD)]
        if (kept.value, kept.key, original) != (record.value or b"", record.key, list(record.headers)):
            yield f"the dead letter of {place} is not the record that came"


def deadlines_pass_once(evidence: Evidence, instants: Mapping[str, set[str]]) -> Iterator[str]:
    """A deadline is fired under one id for each instant for which it was set, never for one that was past by then."""
    fired: dict[str, set[str]] = defaultdict(set)
    for record in evidence.commands:
        if MARK in dict(record.headers):
            continue
        event = orjson.loads(record.value or b"{}")
        if (event["source"], event["type"]) == (DEADLINES, FIRING):
            fired[event["data"]["deadline_id"]].add(event["id"])
    for deadline, ids in fired.items():
        if len(ids) > len(instants.get(deadline, ())):
            yield f"deadline {deadline} was fired as {', '.join(sorted(ids))}"


def nothing_failed(evidence: Evidence) -> Iterator[str]:
    """No record made a worker fail, and the auditor found nothing to stop for."""
    for row in evidence.failures:
        yield f"a record made a worker fail: {row}"
    for row in evidence.stops:
        yield f"the auditor stopped: {row}"


def _asked(record: Record, load: Mapping[int, Sent]) -> tuple[str, Command | None]:
    """Return what kind of record this is, and which command it names."""
    mark = dict(record.headers).get(MARK)
    if mark is not None:
        sent = load[int(mark)]
        return sent.kind, sent.command
    event = orjson.loads(record.value or b"{}")
    return "command", (event["source"], event["id"])


def _headers(record: Record) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in record.headers}


def _name(command: Command) -> str:
    return f"{command[1]} from {command[0]}"
