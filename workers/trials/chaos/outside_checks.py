"""What those outside were told, beside what the log says that they have to be told: each once at least, in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from infra.records import StoredEvent
from workers.trials.chaos.evidence import Evidence
from workers.trials.chaos.outside import Call, Letter, Made

LABELS: Final = "/rma/labels"
NOTICES: Final = "/rma/notices"
ALWAYS_TOLD: Final = {"Received": "received", "EvidenceRequested": "evidence_asked", "Closed": "closed"}
"""Facts of a return each of which is a message of its own, whatever else its command brought about."""
DECISIONS: Final = frozenset({"Authorized", "Denied", "ReviewDecided", "DecisionOverridden"})
QUIET: Final = frozenset(
    {"Requested", "Authorized", "DeadlinesMoved", "CustomerNotified", "NoticeOutcomeRecorded", "Reminded"}
)
"""A return of which nothing else is known is with the customer, and waits for its label."""


def webhooks_tell_the_log(evidence: Evidence, calls: Sequence[Call]) -> Iterator[str]:
    """Whoever wants all events is told each, in the log's order for each key; told again, it is the same."""
    logged = {str(event.event_id): event for event in evidence.events}
    told: dict[str, bytes] = {}
    by_key: dict[str, list[str]] = defaultdict(list)
    for call in calls:
        event_id = call.headers["webhook-id"]
        if event_id in told:
            if told[event_id] != call.body:
                yield f"webhook {event_id} was sent twice, differently"
            continue
        told[event_id] = call.body
        if (event := logged.get(event_id)) is None:
            yield f"webhook {event_id} tells of what the log does not hold"
            continue
        by_key[event.partition_key].append(event_id)
        yield from _unlike(orjson.loads(call.body), event)
    wanted: dict[str, list[str]] = defaultdict(list)
    for event in evidence.events:
        wanted[event.partition_key].append(str(event.event_id))
    for key in sorted(wanted):
        if by_key[key] != wanted[key]:
            missing = [event_id for event_id in wanted[key] if event_id not in told]
            how = f"{missing[0]} is missing" if missing else "they came in another order"
            yield f"webhooks of {key}: {len(by_key[key])} of {len(wanted[key])} events, {how}"


def _unlike(said: dict[str, Any], event: StoredEvent) -> Iterator[str]:
    wanted = (str(event.event_id), event.type, event.stream, str(event.version), orjson.loads(event.body))
    if (said["id"], said["type"], said["subject"], said["streamversion"], said["data"]) != wanted:
        yield f"webhook {event.event_id} says something else than the log"


@dataclass(slots=True)
class _Message:
    """What the log says of one message: what became of it each time, of which return and order it is."""

    stream: str
    order_id: str
    outcomes: list[str] = field(default_factory=list)


def letters_tell_of_returns(evidence: Evidence, letters: Sequence[Letter]) -> Iterator[str]:
    """What the log says was sent was taken, and the reverse; no message is left out, each return's in order.

    One that was taken may be said to be skipped where its customer was forgotten before that was noted: asked again,
    nobody knows his address.
    """
    messages, forgotten = _messages(evidence.events), _orders_of_the_forgotten(evidence.events)
    position = {str(event.event_id): event.position for event in evidence.events}
    taken: dict[str, None] = dict.fromkeys(letter.message_id.rpartition("@")[0] for letter in letters)
    for notice_id, message in messages.items():
        if "sent" in message.outcomes and notice_id not in taken:
            yield f"message {notice_id} was sent, says the log, and nobody got it"
    reached: dict[str, int] = defaultdict(int)
    for notice_id in taken:
        found = messages.get(notice_id)
        if found is None or not ("sent" in found.outcomes or found.order_id in forgotten):
            yield f"message {notice_id} arrived, and the log says {found and found.outcomes}"
            continue
        told = position[notice_id.partition(".")[0]]
        if told < reached[found.stream]:
            yield f"{found.stream}: message {notice_id} came after one of position {reached[found.stream]}"
        reached[found.stream] = max(reached[found.stream], told)
    yield from _untold(evidence.events, {tuple(notice_id.split(".")[:2]) for notice_id in messages})


def _messages(events: Iterable[StoredEvent]) -> dict[str, _Message]:
    """Return what the log says of each message of the worker's own."""
    found: dict[str, _Message] = {}
    for event in events:
        if event.command_source == NOTICES:
            body = orjson.loads(event.body)
            message = found.setdefault(body["notice_id"], _Message(event.stream, event.partition_key))
            message.outcomes.append(body["outcome"])
    return found


def _orders_of_the_forgotten(events: Iterable[StoredEvent]) -> set[str]:
    """Return the orders of customers who were erased."""
    customer_of: dict[str, str] = {}
    erased = set[str]()
    for event in events:
        if event.type == "rma.Order.Registered.v1":
            customer_of[event.partition_key] = orjson.loads(event.body)["customer_id"]
        elif event.type == "rma.Customer.Erased.v1":
            erased.add(event.stream.removeprefix("customer/"))
    return {order_id for order_id, customer_id in customer_of.items() if customer_id in erased}


def _untold(events: Iterable[StoredEvent], told: set[tuple[str, ...]]) -> Iterator[str]:
    decided: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for event in events:
        _, aggregate, name, _ = event.type.split(".")
        if aggregate != "Rma":
            continue
        event_id = str(event.event_id)
        if name in DECISIONS:
            decided[event.stream, event.command_source, event.command_id].append(event_id)
        is_corrected = name == "Received" and orjson.loads(event.body).get("supersedes")
        if name in ALWAYS_TOLD and not is_corrected and (event_id, ALWAYS_TOLD[name]) not in told:
            yield f"{event.stream}: nobody was told of {name}, position {event.position}"
    for (stream, _, command_id), ids in decided.items():
        if not {(event_id, kind) for event_id in ids for kind in ("approved", "denied")} & told:
            yield f"{stream}: nobody was told of what {command_id} decided"


def labels_are_made_once(evidence: Evidence, made: Mapping[str, Made], by_label: Collection[str]) -> Iterator[str]:
    """No return has two labels, the log has each under the number that it bears, and who waits for one has got one.

    That one was made is no difference where nobody wants it any more: its maker did not answer, and goods went without.

    Args:
        evidence: Of the run.
        made: The labels that were made, by their ids.
        by_label: Orders whose policy has goods come back by a label.
    """
    of_return = Counter(label.rma_id for label in made.values())
    for rma_id, count in of_return.items():
        if count > 1:
            yield f"{count} labels were made for return {rma_id}"
    issued = set[str]()
    names: dict[str, set[str]] = defaultdict(set)
    for event in evidence.events:
        _, aggregate, name, _ = event.type.split(".")
        if aggregate == "Rma":
            names[event.stream].add(name if event.partition_key in by_label else "of another policy")
        if name == "LabelIssued" and event.command_source == LABELS:
            body = orjson.loads(event.body)
            label_id, number = body["label_id"], body["tracking_number"]
            if label_id in issued:
                yield f"label {label_id} was issued twice"
            elif label_id not in made or made[label_id].tracking_number != number:
                yield f"label {label_id} is {number}, says the log: {made.get(label_id)}"
            issued.add(label_id)
    for stream, seen in names.items():
        if "Authorized" in seen and seen <= QUIET:
            yield f"{stream} waits for a label, and has none"
