"""What a request would give back: played through the real handlers on what is recorded, and never written.

After the request the goods are handed over, arrive whole, and are found as new with nobody liable; that is the
assumption of every quote, said with it. Each request is quoted on its own, as if the others were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

import orjson

from commands import dispatch
from commands.faults import MalformedError
from commands.metadata import Meta, parse_actor
from commands.requests import RequestReturn
from commands.streams import Streams, find_return, the_order, the_return
from domain.errors import ReturnExistsError, RuleViolationError
from domain.order import Order
from domain.order.money_facts import Exchanged, RefundRequested
from domain.order.parts import Credit
from domain.rma import Rma
from domain.rma.run_state import RunState
from infra.envelope.command_record import parse_time
from infra.envelope.places import path_of
from infra.envelope.repeated_names import GIVEN_TWICE, repeated_names

REQUESTS_MAX: Final = 10_000
SOURCE: Final = "/rma/quote"
REQUEST_TYPE: Final = "rma.RequestReturn.v1"
ASSUMED: Final = {"grade": "A", "cause": "none_found", "liable_party": "none"}
"""What the bench is taken to find."""

MONEY: Final = (
    "goods_minor", "tax_minor", "shipping_minor", "restocking_minor", "return_shipping_minor", "rounding_minor",
    "promotion_minor", "net_minor", "to_pay_minor",
)  # fmt: skip
"""What a line's quote is made of, in minor units: what was paid for the units, less fees and what promotions lose, and
with what cash was rounded by, goes back (net); where an article of higher price is wished for, the difference
is to pay."""


FEES: Final = ("restocking_minor", "return_shipping_minor")


class PlayedStreams(Streams, Protocol):
    """Streams on which a command can be played and taken back."""

    def refuse(self) -> None:
        """Forget everything that was played since the last time."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as it would be sent: its body, business time and sender."""

    body: bytes
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Line ``number`` of a file: the request on it, or what is wrong with it."""

    number: int
    ask: Ask | None
    faults: tuple[str, ...] = ()


def asks_in(lines: Iterable[bytes], *, at: datetime, actor: str) -> Iterator[Asked]:
    """Yield the requests of JSON lines: bodies of RequestReturn, or structured CloudEvents that hold one.

    A body without ``rma_id`` gets a fresh one. Blank lines are passed over; more than ``REQUESTS_MAX`` are one fault.
    ``at`` and ``actor`` are those of a bare body.
    """
    for number, line in enumerate(lines, start=1):
        if number > REQUESTS_MAX:
            yield Asked(number, None, (f"more than {REQUESTS_MAX} lines",))
            return
        if line.strip():
            yield _ask_on(number, line, at, actor)


def _ask_on(number: int, line: bytes, at: datetime, actor: str) -> Asked:
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Asked(number, None, (f"$: is not JSON: {error}",))
    if not isinstance(data, dict):
        return Asked(number, None, ("$: must be a JSON object",))
    if twice := repeated_names(line, data):
        return Asked(number, None, tuple(f"{path_of(place)}: {GIVEN_TWICE}" for place in twice))
    if "specversion" in data:
        return _of_event(number, data)
    return Asked(number, Ask(orjson.dumps({"rma_id": str(uuid4()), **data}), at, actor))


def _of_event(number: int, event: dict[str, Any]) -> Asked:
    faults = []
    if event.get("type") != REQUEST_TYPE:
        faults.append(f"$.type: must be {REQUEST_TYPE}")
    faults += [f"$.{name}: is missing" for name in ("time", "actor") if not isinstance(event.get(name), str)]
    if not faults:
        try:
            return Asked(number, Ask(orjson.dumps(event.get("data")), parse_time(event["time"]), event["actor"]))
        except ValueError as error:
            faults.append(f"$.time: {error}")
    return Asked(number, None, tuple(faults))


def quote(asked: Asked, streams: PlayedStreams) -> dict[str, Any]:
    """Return what a request would give back, as JSON values; ``streams`` are left as they were.

    ``status`` is ``quoted``, ``refused`` (with its code and figures) or ``malformed`` (with every fault).
    """
    if asked.ask is None:
        return {"row": asked.number, "status": "malformed", "faults": list(asked.faults)}
    try:
        parse_actor(asked.ask.actor)
        command = dispatch.parse(REQUEST_TYPE, asked.ask.body)
        assert isinstance(command, RequestReturn)  # noqa: S101 - the model of that type
        return {"row": asked.number, **_played(command, asked.ask, streams)}
    except MalformedError as error:
        faults = [f"{fault.path}: {fault.message}" for fault in error.faults]
    except ValueError as error:
        faults = [f"$.actor: {error}"]
    except RuleViolationError as error:
        refusal = {"code": error.code, "message": error.message, "details": error.details}
        return {"row": asked.number, "status": "refused", **refusal}
    finally:
        streams.refuse()
    return {"row": asked.number, "status": "malformed", "faults": faults}


def _played(command: RequestReturn, ask: Ask, streams: PlayedStreams) -> dict[str, Any]:
    order, rma = played(command, ask, streams)
    return quoted(order, rma)


def played(command: RequestReturn, ask: Ask, streams: PlayedStreams) -> tuple[Order, Rma]:
    """Return the order and the return as they would be in the end; the streams are left as they were played on.

    Raises:
        RuleViolationError: The request, or what follows, would be refused.
    """
    if find_return(streams, command.rma_id) is not None:
        raise ReturnExistsError(f"return {command.rma_id} exists already; its money is shown by rma show")
    order = the_order(streams, command.order_id)
    play = _Play(streams, ask.at, command.rma_id, command.order_id)
    play.tell(REQUEST_TYPE, ask.body, ask.actor)
    rma = the_return(streams, command.rma_id, order)
    play.bring_back(rma)
    return order, rma


def quote_return(rma_id: UUID, streams: PlayedStreams, at: datetime) -> dict[str, Any] | None:
    """Return what a return would still pay, as JSON values, were all that is authorized to come and be as assumed.

    What waits for a decision counts for nothing. ``requested_minor`` was requested before. None: there is no such
    return. The streams are left as they were.

    Raises:
        RuleViolationError: What would have to happen would be refused now, as where goods are held.
    """
    rma = find_return(streams, rma_id)
    if rma is None:
        return None
    order = the_order(streams, rma.order_id)
    before_minor = rma.refund_minor
    try:
        play = _Play(streams, at, rma_id, rma.order_id)
        play.bring_back(rma)
        play.inspect(_units(rma, lambda state: state.is_authorized and state.awaits_inspection))
        found = quoted(order, rma)
    finally:
        streams.refuse()
    return {
        "rma_id": found["rma_id"],
        "order_id": found["order_id"],
        "currency": found["currency"],
        "amount_minor": found["net_minor"],
        "requested_minor": before_minor,
        "fees": {name: sum(line[name] for line in found["lines"]) for name in FEES},
        "tenders": _by_tender([tender for line in found["lines"] for tender in line["tenders"]]),
        "lines": found["lines"],
        "assumed": ASSUMED,
    }


def _by_tender(tenders: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    sums: dict[tuple[str | None, str], int] = {}
    for one in tenders:
        key = one["tender_id"], one["kind"]
        sums[key] = sums.get(key, 0) + one["amount_minor"]
    return [{"tender_id": name, "kind": kind, "amount_minor": total} for (name, kind), total in sums.items()]


class _Play:
    """Commands about one return, at one moment."""

    def __init__(self, streams: Streams, at: datetime, rma_id: UUID, order_id: str) -> None:
        self._streams, self._at = streams, at
        self._about = {"rma_id": str(rma_id), "order_id": order_id}
        self._numbers = count(1)

    def tell(self, type_name: str, body: bytes, actor: str) -> None:
        kind, name = parse_actor(actor)
        meta = Meta("quote", SOURCE, type_name, self._at, kind, name)
        dispatch.handle(dispatch.parse(type_name, body), meta, self._streams, now=self._at)

    def bring_back(self, rma: Rma) -> None:
        """Let everything that was authorized leave the customer, arrive, and be found as assumed."""
        sent = _units(rma, lambda state: state.is_authorized and (state.is_with_customer or state.is_on_its_way))
        if not sent:
            return
        self._warehouse("RecordHandover")
        items = [{"line": line, "quantity": quantity} for line, quantity in sent.items()]
        self._warehouse("ReceiveGoods", receipt_id="quote", site="quote", items=items, complete=False)
        self.inspect(sent)

    def inspect(self, units: Mapping[int, int]) -> None:
        """Let the bench find so many units of each line as assumed."""
        for line, quantity in units.items():
            name = f"quote-{line}-{next(self._numbers)}"
            self._warehouse("RecordInspection", inspection_id=name, line=line, quantity=quantity, **ASSUMED)

    def _warehouse(self, name: str, **data: Any) -> None:
        self.tell(f"rma.{name}.v1", orjson.dumps({**self._about, **data}), "agent:quote")


def _units(rma: Rma, fits: Callable[[RunState], bool]) -> dict[int, int]:
    units: dict[int, int] = {}
    for run, state in rma.units():
        if fits(state):
            units[run.line] = units.get(run.line, 0) + run.count
    return units


def quoted(order: Order, rma: Rma) -> dict[str, Any]:
    """Return what was played as JSON values: by line and in all, what would be refunded."""
    facts = [fact for fact in order.pending_events if getattr(fact, "rma_id", None) == rma.rma_id]
    lines = [_line(rma, number) for number in rma.lines]
    by_number = {line["line"]: line for line in lines}
    for fact in facts:
        if isinstance(fact, Order.RefundRequested):
            _add_refund(by_number[fact.line], fact)
        elif isinstance(fact, Order.Exchanged):
            _add_exchange(by_number[fact.credits[0].line], fact)
    return {
        "status": "quoted",
        "rma_id": str(rma.rma_id),
        "order_id": order.order_id,
        "currency": order.currency,
        "policy": {"policy_id": rma.policy.policy_id, "version": rma.policy.number, "hash": rma.policy.hash},
        "lines": lines,
        "net_minor": sum(line["net_minor"] for line in lines),
        "assumed": ASSUMED,
    }


def _line(rma: Rma, number: int) -> dict[str, Any]:
    line = rma.lines[number]
    assert line.terms is not None  # noqa: S101 - policy has decided every line
    resolutions: list[str] = list(dict.fromkeys(state.resolution for _, state in line.states))
    return {
        "line": number,
        "line_id": line.asked.line_id,
        "sku": line.asked.sku,
        "quantity": line.asked.quantity,
        "outcome": line.terms.outcome,
        "codes": list(line.terms.codes),
        "method": line.terms.method,
        "resolution": resolutions[0],
        "units": sum(run.count for run, state in line.states if not state.is_undecided),
        **dict.fromkeys(MONEY, 0),
        "quote_minor": None,
        "tenders": [],
    }


def _add_refund(line: dict[str, Any], fact: RefundRequested) -> None:
    _add_credits(line, fact.credits, fact.restocking_minor)
    line["return_shipping_minor"] += fact.return_shipping_minor
    line["rounding_minor"] += fact.rounding_minor
    line["promotion_minor"] += fact.promotion_minor
    line["net_minor"] += fact.amount_minor
    line["tenders"] += [
        {"tender_id": payout.tender_id, "kind": payout.tender_kind, "amount_minor": payout.amount_minor}
        for payout in fact.payouts
    ]


def _add_exchange(line: dict[str, Any], fact: Exchanged) -> None:
    _add_credits(line, fact.credits, fact.restocking_minor)
    worth = sum(credit.gross_minor for credit in fact.credits) - fact.restocking_minor - fact.return_shipping_minor
    line["return_shipping_minor"] += fact.return_shipping_minor
    line["quote_minor"] = (line["quote_minor"] or 0) + fact.quote_minor
    line["to_pay_minor"] += max(fact.quote_minor - worth, 0)


def _add_credits(line: dict[str, Any], credits: Sequence[Credit], restocking_minor: int) -> None:
    for credit in credits:
        line["goods_minor"] += credit.goods_minor
        line["tax_minor"] += credit.tax_minor
        line["shipping_minor"] += credit.shipping_minor
    line["restocking_minor"] += restocking_minor
