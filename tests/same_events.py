"""The same commands through another commit and through this checkout: what they lead to is the same, or it is said why.

    python -m tests.same_events 96a8658 --commands 10000

Needs a stack that runs (`rma up`). Each of the two makes a system of its own there by its own `rma init`; commands are
all that the other commit knows, drawn by a seed from the bodies of its contract; its own command worker decides them.
What is compared: each command's answer, and its events, with stream, version, type, time, actor and body; not when it
was recorded, nor where in the log. A difference has a class; classes that ``REASONS`` does not name are exit code 1.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg

from infra.kafka.command_client import OutgoingCommand
from infra.sealing.sealed_text import LOOKS_SEALED
from infra.settings import Settings
from tests.same_events_reasons import REASONS
from workers.trials.bench.against import CHECKOUTS
from workers.trials.bench.processes import Program, Workers
from workers.trials.bench.revision import HERE, check_out, system_of
from workers.trials.bench.stages import answers
from workers.trials.chaos import load

EXAMPLES: Final = "docs/contracts/examples/commands.json"
BEHIND: Final = "behind another answer in its order"
SAYS_NOTHING: Final = "body: a field that came since says nothing"
EMPTY: Final = "new and empty"
NOTHING: Final[tuple[object, ...]] = (None, [], {}, "", 0, False)
EVENTS: Final = """
    SELECT command_id, stream, version, type, occurred_at, actor, partition_key, body FROM rma_log.events
    WHERE command_source LIKE '/chaos%' ORDER BY position
"""


class Event(NamedTuple):
    """What is compared of an event; of its stream and its version, only in which order its stream's events come."""

    stream: str
    version: int
    type: str
    occurred_at: object
    actor: str
    key: str
    body: Any


COMPARED: Final = ("occurred_at", "actor", "key")


class Told(NamedTuple):
    """What came of the commands, by command: status and code of the answer, and the events."""

    answers: dict[str, str]
    events: dict[str, list[Event]]


class Difference(NamedTuple):
    """One command that led to something else: of which class, and the first thing that is not the same."""

    kind: str
    command: str
    what: str


def differences(commands: Sequence[OutgoingCommand], before: Told, now: Told) -> Iterator[Difference]:
    """Yield what differs, command by command; behind the first of an order that was answered otherwise, ``BEHIND``."""
    apart: set[str | None] = set()
    for command in commands:
        was, is_now = before.answers.get(command.id, "none"), now.answers.get(command.id, "none")
        found = list(_of_events(command, before.events.get(command.id, []), now.events.get(command.id, [])))
        if was != is_now:
            found = [Difference(f"answer {command.type}: {was}, now {is_now}", command.id, "")]
        if found and command.key in apart:
            yield Difference(BEHIND, command.id, found[0].kind)
            continue
        yield from found
        if was != is_now:
            apart.add(command.key)


def _of_events(command: OutgoingCommand, before: Sequence[Event], now: Sequence[Event]) -> Iterator[Difference]:
    old, new = _by_type(before), _by_type(now)
    for kind in sorted(old.keys() | new.keys()):
        was, are = old.get(kind, []), new.get(kind, [])
        if len(was) != len(are):
            word = "no" if len(are) < len(was) else "also"
            yield Difference(f"events {command.type}: {word} {kind[1]}", command.id, f"{len(was)}, now {len(are)}")
        for one, other in zip(was, are, strict=False):
            yield from _of_event(command, one, other)
    was_order = [(stream, kind) for stream, kind in _order(before) if (stream, kind) in new]
    is_order = [(stream, kind) for stream, kind in _order(now) if (stream, kind) in old]
    if was_order != is_order:
        alike = sorted(was_order, key=_stream) == sorted(is_order, key=_stream)  # which keeps the order in each
        where = "between streams" if alike else "in a stream"
        yield Difference(f"order of events {where} {command.type}", command.id, str([kind for _, kind in was_order]))


def _by_type(events: Sequence[Event]) -> dict[tuple[str, str], list[Event]]:
    found: defaultdict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in events:
        found[event.stream, event.type].append(event)
    return found


def _stream(of_event: tuple[str, str]) -> str:
    return of_event[0]


def _order(events: Sequence[Event]) -> list[tuple[str, str]]:
    return [(event.stream, event.type) for event in events]


def _of_event(command: OutgoingCommand, before: Event, now: Event) -> Iterator[Difference]:
    for name in COMPARED:
        if getattr(before, name) != getattr(now, name):
            what = f"{getattr(before, name)}, now {getattr(now, name)}"
            yield Difference(f"{name} {now.type}", command.id, what)
    for how, path, what in _of_bodies(before.body, now.body, ""):
        kind = SAYS_NOTHING if how == EMPTY else f"body {now.type}: {path} {how}"
        yield Difference(kind, command.id, what)


def _of_bodies(before: Any, now: Any, path: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted(before.keys() | now.keys()):
            here = f"{path}.{name}" if path else name
            if name not in now:
                yield "gone", here, str(before[name])
            elif name not in before:
                yield EMPTY if now[name] in NOTHING else "new", here, str(now[name])
            else:
                yield from _of_bodies(before[name], now[name], here)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for was, is_now in zip(before, now, strict=True):
            yield from _of_bodies(was, is_now, f"{path}[]")
    elif before != now:
        how = "sealed" if isinstance(now, str) and LOOKS_SEALED.fullmatch(now) else "changed"
        yield how, path, f"{before!r}, now {now!r}"


def told(settings: Settings, program: Program, commands: Sequence[OutgoingCommand], first: int) -> Told:
    """Let a program decide commands on a system of its own, the first ones before the others; return what came of them.

    Raises:
        StageTooSlowError: Its worker stood still.
    """
    with (
        system_of(settings, program, "same") as (own, environment, connection),
        Workers(environment, program) as workers,
    ):
        worker = workers.start("commands")
        answers(own, connection, worker, commands[:first])
        return _read(connection, answers(own, connection, worker, commands[first:]))


def _read(connection: psycopg.Connection, results: Sequence[bytes]) -> Told:
    said = {}
    for answer in map(json.loads, results):
        said[answer["command_id"]] = " ".join(filter(None, (answer["status"], answer.get("code"))))
    events: defaultdict[str, list[Event]] = defaultdict(list)
    for command_id, *columns, body in connection.execute(EVENTS):
        events[command_id].append(Event._make([*columns, json.loads(body)]))
    return Told(said, events)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both, and print what differs by class, with its reason."""
    parser = ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("revision", help="the other commit")
    parser.add_argument("--commands", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    settings = Settings()
    other = check_out(asked.revision, settings.data_dir / CHECKOUTS)
    examples = json.loads((Path(other.folder or HERE) / EXAMPLES).read_text())
    policies = load.policies(asked.seed)
    commands = [*policies, *load.commands(asked.seed, asked.commands - len(policies), examples)]
    before, now = (told(settings, program, commands, len(policies)) for program in (other, Program(folder=HERE)))
    return _report(commands, before, list(differences(commands, before, now)))


def _report(commands: Sequence[OutgoingCommand], before: Told, found: Sequence[Difference]) -> int:
    said = Counter(answer.partition(" ")[0] for answer in before.answers.values())
    events = sum(map(len, before.events.values()))
    print(f"{len(commands):,} commands: {dict(said)} before, {events:,} events")
    print(f"{len(commands) - len({one.command for one in found}):,} lead to the same")
    unknown = 0
    for kind, count in Counter(one.kind for one in found).most_common():
        reason = next((why for words, why in REASONS.items() if words in kind), None)
        unknown += reason is None
        example = next(one for one in found if one.kind == kind)
        print(f"{count:>7,}  {kind}\n         {reason or f'UNKNOWN; first {example.command}: {example.what[:300]}'}")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
