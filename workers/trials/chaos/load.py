"""The load: orders and returns told by many sources, with repeats, races and records that nobody can read.

All of it follows from the seed but the instants until which some customers are given time: they come while the run
lasts. Other business times lie in the past, and a deadline that was past when it was recorded is never fired.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson

from commands.dispatch import registration_of
from domain.identity import deadline_id
from infra.kafka.command_client import HEADERS, OutgoingCommand, key_of

Kind = Literal["command", "repeat", "reused_id", "malformed"]
Body = dict[str, Any]

EXAMPLES: Final = Path(__file__).parents[3] / "docs" / "contracts" / "examples" / "commands.json"
"""One body of every command there is."""

MARK: Final = "chaos"
"""Header that says which record of the load this is; a command has no such attribute, so nobody reads it."""

BEGIN: Final = datetime(2025, 3, 1, 9, tzinfo=UTC)
ORDERS_AT_ONCE: Final = 12
REPEATS, REUSED_IDS, MALFORMED, OTHERS, RACES, MISPLACED = 0.12, 0.01, 0.03, 0.25, 0.2, 0.1
"""Shares: of records that repeat one sent before, use its id for something else or cannot be read; of steps beside
which another command of any kind comes; of requests that two sources make at once; of records under another key."""

GIVEN_TIME: Final = 0.4
"""Share of orders whose customer is given time to send the goods, and does not."""
COMES_AFTER_S: Final = 8.0
"""The first such instant comes so long after the load was drawn up: the workers have begun by then."""

REACHED: Final = 0.9
"""Share of orders whose customer can be written to."""

PERMITTED: Final = 0.9
"""Share of those other commands that come from somebody who may send them."""

SITE: Final = "WH-1"
"""Where goods go that come by a label of ours."""

POLICIES: Final[dict[str, Body]] = {
    "chaos-keep": {"window": {"days": 60}, "method": "keep", "refund_due": "approval", "fees": {"restocking_bps": 333}},
    "chaos-plain": {
        "window": {"days": 60},
        "method": "label",
        "return_to": SITE,
        "offers": ["refund", "store_credit"],
        "fees": {"restocking_bps": 1_333},
    },
    "chaos-brief": {"window": {"days": 60}, "ship_back_days": 14, "fees": {"return_shipping_minor": 295}},
}
"""The first pays at once, the second after inspection of goods that come by a label of ours; under the third goods are
due before anyone sends them."""

RESTOCKING_BPS: Final = {
    policy_id: int(document["fees"].get("restocking_bps", 0)) for policy_id, document in POLICIES.items()
}

LEFT_OUT: Final = frozenset({"PublishPolicy", "PublishStatutes"})
"""What holds for every order at once; policies are published at the beginning."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One record of the load; ``command``: what its answer is known by, where it has any."""

    number: int
    kind: Kind
    type: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    command: tuple[str, str] | None

    @property
    def marked(self) -> list[tuple[str, bytes]]:
        """Its headers, with its number among them."""
        return [*self.headers, (MARK, str(self.number).encode())]


def policies(seed: int) -> list[OutgoingCommand]:
    """Return what has to be known before all else."""
    told = []
    for number, (policy_id, document) in enumerate(POLICIES.items()):
        data = {"policy_id": policy_id, "effective_from": "2020-01-01T00:00:00Z", "document": document}
        told.append(
            OutgoingCommand("PublishPolicy", f"{seed}-policy-{number}", "/chaos", policy_id, BEGIN, "agent:chaos", data)
        )
    return told


def first(seed: int) -> list[Sent]:
    """Return what has to be known before all else, as records of the load."""
    return [_sent(number, "command", command) for number, command in enumerate(policies(seed))]


def load(seed: int, count: int, *, now: datetime, lasts_s: float) -> Iterator[Sent]:
    """Yield ``count`` records, numbered after those of ``first``; they are sent from ``now`` on, for so long."""
    chance = random.Random(f"load {seed}")  # noqa: S311 - repeatable on purpose
    told: list[Sent] = []
    examples: dict[str, Body] = json.loads(EXAMPLES.read_text())
    orders = _orders(seed, chance, now + timedelta(seconds=COMES_AFTER_S), lasts_s, examples)
    under_way = [next(orders) for _ in range(ORDERS_AT_ONCE)]
    for number in range(len(POLICIES), len(POLICIES) + count):
        drawn = chance.random()
        if told and drawn < REPEATS:
            yield _again(number, chance.choice(told))
        elif told and drawn < REPEATS + REUSED_IDS:
            yield _reused(number, chance.choice(told))
        elif drawn < REPEATS + REUSED_IDS + MALFORMED:
            yield _malformed(number, seed, chance)
        else:
            place = chance.randrange(ORDERS_AT_ONCE)
            while (command := next(under_way[place], None)) is None:
                under_way[place] = next(orders)
            told.append(_sent(number, "command", command, chance))
            yield told[-1]


def commands(seed: int, count: int, examples: dict[str, Body]) -> list[OutgoingCommand]:
    """Return ``count`` commands of orders under way at once, each once, in order and under its own key.

    ``examples``: a body of every command there may be. Nobody can be written to, and no instant is yet to come.
    """
    chance = random.Random(f"commands {seed}")  # noqa: S311 - repeatable on purpose
    orders = _orders(seed, chance, BEGIN + timedelta(days=90), 1.0, examples, reached=0.0)
    under_way = [next(orders) for _ in range(ORDERS_AT_ONCE)]
    told: list[OutgoingCommand] = []
    while len(told) < count:
        place = chance.randrange(ORDERS_AT_ONCE)
        while (command := next(under_way[place], None)) is None:
            under_way[place] = next(orders)
        told.append(command)
    return told


def _sent(number: int, kind: Kind, command: OutgoingCommand, chance: random.Random | None = None) -> Sent:
    key = command.key
    if chance is not None and chance.random() < MISPLACED:
        key = chance.choice([None, "elsewhere", "another"])
    return Sent(
        number,
        kind,
        command.type,
        None if key is None else key.encode(),
        command.to_bytes(),
        HEADERS,
        (command.source, command.id),
    )


def _again(number: int, before: Sent) -> Sent:
    return Sent(number, "repeat", before.type, before.key, before.value, before.headers, before.command)


def _reused(number: int, before: Sent) -> Sent:
    event = orjson.loads(before.value or b"")
    event["type"], event["data"] = "rma.RecordDelivery.v1", {
        "order_id": "none",
        "delivery_id": f"D-{number}",
        "lines": [{"line_id": "L1", "quantity": 1}],
    }  # fmt: skip
    return Sent(number, "reused_id", before.type, before.key, orjson.dumps(event), before.headers, before.command)


def _malformed(number: int, seed: int, chance: random.Random) -> Sent:
    """Return a record that is no command; some have an id and are answered, some have none."""
    command = (f"/chaos/{chance.randrange(4)}", f"{seed}-malformed-{number}")
    whole = {
        "specversion": "1.0", "id": command[1], "source": command[0], "type": "rma.RecordDelivery.v1",
        "time": BEGIN.isoformat(), "actor": "carrier:post", "datacontenttype": "application/json",
        "data": {"order_id": f"C{seed}-0", "delivery_id": "D", "lines": []},
    }  # fmt: skip
    way = chance.randrange(6)
    value: bytes | None = orjson.dumps(whole)
    known: tuple[str, str] | None = command
    if way == 0:
        value, known = bytes(chance.randrange(256) for _ in range(40)), None
    elif way == 1:
        value, known = None, None
    elif way == 2:
        value, known = orjson.dumps({name: said for name, said in whole.items() if name != "id"}), None
    elif way == 3:
        value = orjson.dumps(whole | {"type": "rma.Nothing.v1"})
    elif way == 4:
        value = orjson.dumps(whole | {"actor": "nobody"})
    return Sent(number, "malformed", "malformed", b"malformed", value, HEADERS, known)


def _orders(
    seed: int,
    chance: random.Random,
    due_from: datetime,
    due_for_s: float,
    examples: dict[str, Body],
    *,
    reached: float = REACHED,
) -> Iterator[Iterator[OutgoingCommand]]:
    others = {name: body for name, body in examples.items() if name not in LEFT_OUT}
    number = 0
    while True:
        due_at = due_from + timedelta(seconds=chance.uniform(0, due_for_s))
        own = random.Random(chance.random())  # noqa: S311 - repeatable on purpose
        yield _Story(f"C{seed}-{number}", own, others, due_at, reached).told()
        number += 1


class _Story:
    """One order and what becomes of it."""

    def __init__(
        self, order_id: str, chance: random.Random, others: dict[str, Body], due_at: datetime, reached: float
    ) -> None:
        self._reached = reached
        self._order_id = order_id
        self._due_at = due_at
        self._chance = chance
        self._others = others
        self._at = BEGIN + timedelta(minutes=chance.randrange(100_000))
        self._rma_id = str(uuid5(NAMESPACE_URL, order_id))
        self._customer_id = f"C-{chance.randrange(50)}"
        self._count = 0
        self._lines: list[Body] = [
            {"line_id": f"L{line}", "sku": f"S-{line}", "quantity": chance.randint(1, 4),
             "amount_minor": chance.randint(100, 9_999), "discount_minor": chance.randint(0, 99)}
            for line in range(1, chance.randint(2, 4))
        ]  # fmt: skip

    def told(self) -> Iterator[OutgoingCommand]:
        """Yield the order's commands in the order in which they happen."""
        for step in self._steps():
            yield from step
            if self._chance.random() < OTHERS:
                yield self._any()

    def _steps(self) -> Iterator[list[OutgoingCommand]]:
        chance = self._chance
        yield [self._registered()]
        lines = [{"line_id": line["line_id"], "quantity": line["quantity"]} for line in self._lines]
        yield [self._command("RecordDelivery", "carrier:post", {"delivery_id": "D-1", "lines": lines})]
        asked = self._asked()
        yield asked
        if chance.random() < GIVEN_TIME:
            yield [self._given_time()]
            return
        steps: list[Callable[[], OutgoingCommand]] = [self._handed_over, self._scanned, self._received]
        steps += [self._inspected] * len(self._returned)
        for step in steps[: chance.randint(0, len(steps))]:
            yield [step()]
        if chance.random() < 0.5:
            yield [self._of_return("GiveFeedback", f"customer:{self._customer_id}", {"score": chance.randint(1, 5)})]
            yield [self._of_return("CloseReturn", "agent:A", {"reason": "done"})]

    def _command(self, name: str, actor: str, data: Body, source: str | None = None) -> OutgoingCommand:
        self._count += 1
        self._at += timedelta(hours=self._chance.randint(1, 20))
        source = source or f"/chaos/{self._chance.randrange(4)}"
        body = {"order_id": self._order_id} | data
        return OutgoingCommand(name, f"{self._order_id}-{self._count}", source, key_of(body), self._at, actor, body)

    def _of_return(self, name: str, actor: str, data: Body) -> OutgoingCommand:
        return self._command(name, actor, {"rma_id": self._rma_id} | data)

    def _registered(self) -> OutgoingCommand:
        chance = self._chance
        charged = sum(line["amount_minor"] - line["discount_minor"] for line in self._lines)
        by_card = chance.randint(1, charged)
        tenders = [{"tender_id": "T1", "kind": "card", "amount_minor": by_card}]
        if charged > by_card:
            other = chance.choice(("gift_card", "wallet"))
            tenders.append({"tender_id": "T2", "kind": other, "amount_minor": charged - by_card})
        data: Body = {
            "customer_id": self._customer_id, "country": chance.choice(("US", "DE")), "channel": "web",
            "currency": "EUR", "policy_id": chance.choice(list(POLICIES)), "lines": self._lines, "tenders": tenders,
        }  # fmt: skip
        if chance.random() < self._reached:
            data["contact"] = {"email": f"{self._order_id.lower()}@mail.example"}
        return self._command("RegisterOrder", "system:shop", data)

    def _asked(self) -> list[OutgoingCommand]:
        """Return the request; sometimes two sources want the same units at the same time."""
        chance = self._chance
        self._returned: list[Body] = [
            {"line_id": line["line_id"], "quantity": chance.randint(1, line["quantity"]),
             "reason": chance.choice(("too_small", "defective", "other")),
             "wish": chance.choice(("refund", "refund", "store_credit"))}
            for line in self._lines if chance.random() < 0.8
        ] or [{"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "refund"}]  # fmt: skip
        asked = [self._of_return("RequestReturn", f"customer:{self._customer_id}", {"lines": self._returned})]
        if chance.random() < RACES:
            rival = {"rma_id": str(uuid5(NAMESPACE_URL, f"{self._order_id} rival")), "lines": self._returned}
            asked.append(self._command("RequestReturn", "agent:A", rival, "/chaos/rival"))
        return asked

    def _given_time(self) -> OutgoingCommand:
        """Return that the goods of the first line are waited for; refused where none are."""
        waited_for = deadline_id(UUID(self._rma_id), "ship_back", 1, 1)
        told = {"deadline_id": str(waited_for), "due_at": self._due_at.isoformat(), "reason": "a holiday"}
        return self._of_return("ExtendDeadline", "agent:A", told)

    def _handed_over(self) -> OutgoingCommand:
        return self._of_return("RecordHandover", "carrier:post", {"tracking_number": f"T-{self._order_id}"})

    def _scanned(self) -> OutgoingCommand:
        scan = {"tracking_number": f"T-{self._order_id}", "scan_id": "S-1", "status": "delivered"}
        return self._of_return("RecordScan", "carrier:post", scan)

    def _received(self) -> OutgoingCommand:
        items = [{"line": n, "quantity": line["quantity"]} for n, line in enumerate(self._returned, start=1)]
        told = {"receipt_id": "R-1", "site": SITE, "items": items, "complete": True}
        self._inspecting = iter(range(1, len(items) + 1))
        return self._of_return("ReceiveGoods", "warehouse:W", told)

    def _inspected(self) -> OutgoingCommand:
        line = next(self._inspecting)
        told = {
            "inspection_id": f"I-{line}", "line": line, "quantity": self._returned[line - 1]["quantity"],
            "grade": self._chance.choice("AABC"), "cause": "none_found", "liable_party": "none",
        }  # fmt: skip
        return self._of_return("RecordInspection", "warehouse:W", told)

    def _any(self) -> OutgoingCommand:
        """Return any command at all about this order; most are refused here, and that is an answer, too."""
        name = self._chance.choice(sorted(self._others))
        body = dict(self._others[name])
        own = {"order_id": self._order_id, "rma_id": self._rma_id}
        unlike = ("difference_id", "external_id", "parcel_id")
        body |= {field: value for field, value in own.items() if field in body}
        body |= {field: str(uuid5(NAMESPACE_URL, f"{self._order_id} {field}")) for field in unlike if field in body}
        kinds = sorted(registration_of(f"rma.{name}.v1").by) if self._chance.random() < PERMITTED else ["carrier"]
        kind = self._chance.choice(kinds)
        actor = f"{kind}:{self._customer_id if kind == 'customer' else 'A'}"
        command = self._command(name, actor, {})
        return OutgoingCommand(name, command.id, command.source, key_of(body), command.time, actor, body)
