"""What a form is about: a return, an order or a difference, with what may be chosen of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from fastapi.concurrency import run_in_threadpool

from commands.streams import find_order
from domain.identity import rma_stream
from domain.rma import Rma
from domain.units import total
from projections.refund_ledger.balances import find_difference
from projections.tracking.case_file import CaseFile, read_case_file
from workers.desk.quoting import PlayedStreams
from workers.http.door import Door
from workers.http.errors import NotFoundError
from workers.http.pages import naming as customers_naming
from workers.http.pages.staff import naming
from workers.http.pages.staff.cases import order_path, titles_of
from workers.http.pages.visits import Visit
from workers.http.pages.words import Words
from workers.http.reading import look

Choices = Sequence[tuple[str, str]]
UTC_NAME: Final = "UTC"
NO_MONEY: Final = "XXX"
"""The currency of what has no amounts (ISO 4217)."""
HERE: Final = frozenset({"received", "wrong_item"})
TO_COME: Final = frozenset({"with_customer", "in_transit", "delivered"})


@dataclass(frozen=True, slots=True)
class Subject:
    """What a form is about: its name for people, its page, the ids that a command about it has, what may be chosen.

    ``zone`` is that in which days end; ``units`` are counts of each line of a return, by what can be done with them;
    ``free`` are those of each line of an order that can still come back.
    """

    name: str
    back: str
    ids: Mapping[str, str]
    currency: str
    options: Mapping[str, Choices] = field(default_factory=dict)
    zone: str = UTC_NAME
    units: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    free: Mapping[str, int] = field(default_factory=dict)


async def subject_return(visit: Visit, rma_id: UUID, *, base: str = "/desk/returns/") -> Subject:
    """Return what forms about a return are made with; raises ``NotFoundError`` where there is none."""
    case = await look(visit.door, None, lambda views: read_case_file(views, rma_id))
    if case is None:
        raise NotFoundError("no such return")
    order_id = case.summary["order_id"]
    known = await run_in_threadpool(_from_log, visit.door, order_id, rma_id, visit.words)
    return Subject(
        name=case.summary["rma_number"],
        back=f"{base}{rma_id}",
        ids={"rma_id": str(rma_id), "order_id": order_id},
        currency=case.summary["currency"],
        options={**dict(_of_case(case, known.titles, visit.words)), **known.options},
        zone=known.zone,
        units=units_of(case),
    )


def units_of(case: CaseFile) -> dict[str, dict[int, int]]:
    """Return how many units of each line there are to decide on, to come, to inspect, to send on."""
    counted: dict[str, dict[int, int]] = {}
    for row in case.lines:
        for what in _able(row):
            lines = counted.setdefault(what, {})
            lines[row["line"]] = lines.get(row["line"], 0) + row["quantity"]
    return counted


def _able(row: Mapping[str, Any]) -> Iterator[str]:
    yield "all"
    if row["authorization_state"] in {"requested", "needs_review"}:
        yield "to_decide"
    if row["authorization_state"] == "authorized" and row["logistics_state"] in TO_COME:
        yield "to_come"
    if row["logistics_state"] == "received" and row["inspection_state"] == "awaiting":
        yield "to_inspect"
    if row["inspection_state"] == "inspected":
        yield "inspected"


def _of_case(case: CaseFile, titles: Mapping[str, str], said: Words) -> Iterator[tuple[str, Choices]]:
    lines = {row["line"]: titles.get(row["line_id"], row["sku"]) for row in case.lines}
    units = units_of(case)["all"] if lines else {}
    named = [(str(line), f"{line} · {title} × {units[line]}") for line, title in lines.items()]
    for name in ("line", "lines.line", "items.line", "unexpected.instead_of"):
        yield name, named
    yield (
        "deadline_id",
        [
            (
                str(one["deadline_id"]),
                f"{naming.named(naming.DEADLINES, one['kind'], said)}, {said.last_day(one['due_at'])}",
            )
            for one in case.deadlines
            if one["status"] == "open"
        ],
    )
    yield "payouts", [_payout(one, said) for one in case.payouts]
    yield "payout_id", [_payout(one, said) for one in case.payouts if one["status"] == "failed" and not one["retried"]]


def _payout(one: Mapping[str, Any], said: Words) -> tuple[str, str]:
    amount = said.money(one["amount_minor"], one["currency"])
    return str(
        one["payout_id"]
    ), f"{amount} {_tender(one['tender_kind'], said)}, {naming.state_name(one['status'], said)}"


def _tender(kind: str, said: Words) -> str:
    return customers_naming.tender_name(kind, said)


class _FromLog(NamedTuple):
    """Whose an order is, what articles are called, what may be chosen of it, in which zone days end, what is free."""

    customer_id: str
    titles: dict[str, str]
    currency: str
    options: dict[str, Choices]
    zone: str
    free: dict[str, int]


def _from_log(door: Door, order_id: str, rma_id: UUID | None, said: Words) -> _FromLog:
    """Return what the log knows of an order, and of a return of it; raises ``NotFoundError`` where it is unknown."""
    with door.logs.streams() as streams:
        order = find_order(streams, order_id)
        if order is None:
            raise NotFoundError("no such order")
        lines = {line_id: account.fact for line_id, account in order.lines.items()}
        titles = titles_of({"lines": {name: {"title": one.title, "sku": one.sku} for name, one in lines.items()}})
        named = [(line_id, f"{titles[line_id]} × {one.quantity}") for line_id, one in lines.items()]
        tenders = [
            (one.tender_id, f"{_tender(one.kind, said)}, {said.money(one.amount_minor, order.currency)}")
            for one in order.tenders
        ]
        credits = [
            (str(name), said.money(credit.balance_minor, order.currency))
            for name, credit in order.store_credit.items()
            if credit.rma_id == rma_id
        ]
        options: dict[str, Choices] = {
            "line_id": named, "lines.line_id": named, "tender_id": tenders, "tenders.tender_id": tenders,
            "credit_id": credits,
        }  # fmt: skip
        free = {line_id: total(order.all_free(line_id)) for line_id, one in lines.items() if one.kind == "goods"}
        return _FromLog(order.customer_id, titles, order.currency, options, _zone(streams, rma_id), free)


def _zone(streams: PlayedStreams, rma_id: UUID | None) -> str:
    rma = streams.get(rma_stream(rma_id)) if rma_id else None
    terms = [line.terms for line in rma.lines.values() if line.terms] if isinstance(rma, Rma) else []
    return str(terms[0].zone) if terms else UTC_NAME


async def subject_order(visit: Visit, order_id: str) -> Subject:
    """Return what forms about an order are made with; raises ``NotFoundError`` where there is none."""
    known = await run_in_threadpool(_from_log, visit.door, order_id, None, visit.words)
    ids = {"order_id": order_id, "customer_id": known.customer_id}
    return Subject(order_id, order_path(order_id), ids, known.currency, known.options, free=known.free)


async def subject_difference(visit: Visit, difference_id: UUID) -> Subject:
    """Return what the form about a difference is made with; raises ``NotFoundError`` where there is none."""
    known = await look(visit.door, None, lambda views: find_difference(views, difference_id))
    if known is None:
        raise NotFoundError("no such difference")
    name = naming.named(naming.DIFFERENCES, known["kind"], visit.words)
    currency = known["here_currency"] or known["there_currency"]
    back = "/desk?queue=differences"
    return Subject(known["order_id"] or name, back, {"difference_id": str(difference_id)}, currency)


def subject_parcel(visit: Visit) -> Subject:
    """Return what the form about a parcel that nobody can place is made with: it belongs to nothing yet."""
    return Subject(visit.words.gettext("Bench"), "/bench", {}, NO_MONEY)
