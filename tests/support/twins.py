"""One command in two ways: typed into a form of the desk or the bench, and told by a Kafka client about a twin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

import orjson

from domain.identity import deadline_id, goodwill_id, payout_id, refund_id
from infra.kafka.command_client import Conversation, OutgoingCommand, Result, key_of
from infra.log.answers import stored_outcome
from tests.support.four_ways import CASES, actor_of
from tests.support.four_ways import case as told_of
from workers.http.door import Door
from workers.http.pages.staff.forms import BENCH, DESK, FormOf

Body = dict[str, Any]
POLICY_ID: Final = "twins"
KAFKA: Final = "/kafka"
"""The source of whoever has a Kafka client and no door."""
NAMED_MAX: Final = 10
"""How many returns, parcels and the like a case may name."""
FOR_GOOD: Final = frozenset({"EraseCustomer"})
"""What happens to a customer once: each twin is one of his own."""
LATER: Final = "2031-05-06T00:00:00Z"
UNLIKE: Final[Mapping[str, Body]] = {
    "ExtendDeadline": {"due_at": LATER},
    "ReportDifference": told_of.on_return(),
}
"""What a case says of a day that is over by now, or leaves out of a return whose page has the form."""
FIRST: Final[Mapping[str, Sequence[told_of.Step]]] = {"ReportDifference": [told_of.DELIVERED, told_of.asked()]}
"""What has to happen before a form is there, and is nothing to the command."""
OF_ITSELF: Final = ("_id", "hash", "number", "_at", "position", "key", "keys")
"""What tells one return from its twin."""
FACTS: Final = "SELECT type, body FROM rma_log.events WHERE position = ANY(%s) ORDER BY position"


@dataclass(frozen=True, slots=True)
class Twin:
    """An order of its own, to which happened what a case of ``four_ways`` wants before its command is told."""

    command: str
    order_id: str
    renamed: Mapping[str, str]

    @classmethod
    def of(cls, command: str) -> Twin:
        """Return a twin under names of its own."""
        order_id, space = f"T-{command}-{uuid4().hex[:8]}", uuid4()
        returns = {str(UUID(int=number)): str(uuid5(space, str(number))) for number in range(1, NAMED_MAX)}
        rma_id = UUID(returns[str(told_of.RMA)])
        refund = refund_id(rma_id, 1)
        own_customer = {"C-1": f"C-{order_id}"} if command in FOR_GOOD else {}
        return cls(command, order_id, {
            **own_customer,
            "O-1": order_id, "O-2": f"{order_id}-2", "standard": POLICY_ID, "boss": "sol", "UP-1": f"UP-{order_id}",
            str(told_of.REFUND): str(refund), told_of.PAYOUT: str(payout_id(refund, "T1", 1)),
            told_of.SHIP_BACK: str(deadline_id(rma_id, "ship_back", 1, 1)),
            str(goodwill_id(told_of.RMA, 1)): str(goodwill_id(rma_id, 1)), **returns,
        })  # fmt: skip

    @property
    def rma_id(self) -> str:
        return self.renamed[str(told_of.RMA)]

    @property
    def form(self) -> FormOf:
        return DESK[self.command] if self.command in DESK else BENCH[self.command]

    @property
    def path(self) -> str:
        """Where the form is."""
        if self.command in BENCH:
            base = "/bench/parcels" if self.form.subject == "parcel" else f"/bench/{self.rma_id}"
        else:
            about = {"return": f"returns/{self.rma_id}", "order": f"orders/{self.order_id}"}
            difference = f"differences/{self.renamed[told_of.DIFFERENCE]}"
            base = f"/desk/{about.get(self.form.subject, difference)}"
        return f"{base}/do/{self.command}"

    def own(self, value: Any) -> Any:
        """Return what a case says with the twin's own names in it."""
        if isinstance(value, Mapping):
            return {name: self.own(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.own(inner) for inner in value]
        return self.renamed.get(value, value) if isinstance(value, str) else value

    def body(self) -> Body:
        """Return the command's body, without what the form asks nobody for."""
        said = {**CASES[self.command].said(1), **UNLIKE.get(self.command, {})}
        is_of_order = self.form.subject == "order" and self.form.named != "rma_id"
        left_out = self.form.left_out | ({"rma_id"} if is_of_order else set())
        return {name: self.own(value) for name, value in said.items() if name not in left_out}

    def typed(self) -> dict[str, str]:
        """Return the same as somebody types it."""
        return {name: text for name, text in _typed(self.body()) if name not in self.form.unasked}

    def before(self) -> Iterator[OutgoingCommand]:
        """Yield what has to happen first."""
        steps = [
            ("RegisterOrder", told_of.ORDER | {"policy_id": "standard"}),
            *FIRST.get(self.command, ()),
            *CASES[self.command].before,
        ]
        yield from (told(name, self.own(body), actor_of(name)) for name, body in steps)


def told(name: str, body: Body, actor: str, source: str = KAFKA) -> OutgoingCommand:
    """Return a command of now."""
    return OutgoingCommand(name, uuid4().hex, source, key_of(body), datetime.now(UTC), actor, body)


def _typed(body: Body, within: str = "") -> Iterator[tuple[str, str]]:
    for name, value in body.items():
        path = f"{within}{name}"
        if isinstance(value, Mapping):
            yield from _typed(dict(value), f"{path}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for number, row in enumerate(value):
                yield from _typed(row, f"{path}.{number}.")
        elif isinstance(value, list):
            yield path, "\n".join(value)
        else:
            yield path, _text(name, value)


def _text(name: str, value: str | float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "due_at":
        return (datetime.fromisoformat(str(value)) - timedelta(days=1)).date().isoformat()
    return f"{int(value) / 100:.2f}" if name.endswith("_minor") else str(value)


def all_of(kafka: Conversation, commands: Iterator[OutgoingCommand]) -> list[Result]:
    """Tell commands by Kafka, each of which has to be accepted, and return their answers."""
    records = [command.to_record() for command in commands]
    answers: dict[str, Result] = {}
    kafka.send_all(records, lambda answer: answers.update({answer.result["command_id"]: answer.result}))
    found = [answers[record.command[1]] for record in records]
    assert [one["status"] for one in found] == ["accepted"] * len(found), found
    return found


def recorded(door: Door, source: str, command_id: str) -> list[tuple[str, Any]]:
    """Return the facts that a command led to: each type, and what of it is not the return's own."""
    with door.views.connection() as connection:
        found = stored_outcome(connection, source, command_id)
        assert found is not None, command_id
        positions = [event["position"] for event in orjson.loads(found[1])["events"]]
        rows = connection.execute(FACTS, (positions,)).fetchall()
    return [(name, _common(orjson.loads(bytes(body)))) for name, body in rows]


def _common(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _common(inner)
            for name, inner in value.items()
            if not name.endswith(OF_ITSELF) and not (isinstance(inner, str) and inner.startswith("sealed:"))
        }
    if isinstance(value, list):
        return [_common(inner) for inner in value]
    return value
