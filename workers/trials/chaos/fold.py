"""The money, the units and the returns once more, told from the stored JSON alone.

Nothing here is shared with aggregates, codec or projections: what both get wrong alike would not be seen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

import orjson

from infra.records import StoredEvent

Json = dict[str, Any]
Key = tuple[str, ...]
Rows = dict[Key, tuple[Any, ...]]

VIEWS: Final[Mapping[str, str]] = {
    "order lines": """
        SELECT order_id, line_id, sold, delivered, in_return, returned, cancelled, refunded_units, refunded_minor,
               goods_minor, tax_minor
        FROM rma_read.order_units
    """,
    "ledger entries": """
        SELECT position::text, entry_no::text, account, amount_minor, tax_code, order_id FROM rma_read.ledger_entries
    """,
    "account balances": "SELECT account, currency, balance_minor FROM rma_read.ledger_balances",
    "refunds": "SELECT refund_id::text, order_id, amount_minor, currency FROM rma_read.refunds",
    "payouts": """
        SELECT payout_id::text, order_id, refund_id::text, tender_kind, amount_minor, status, attempt
        FROM rma_read.payouts
    """,
    "returns": "SELECT rma_id::text, order_id, closed_at IS NOT NULL, refund_minor FROM rma_read.returns",
    "credit notes": "SELECT number, series_id, coalesce(refund_id::text, ''), gross_minor FROM rma_read.credit_notes",
}
"""What the views say of it, the key first."""

KEY_COLUMNS: Final = {"order lines": 2, "ledger entries": 2, "account balances": 2}
"""How many columns the key has, where it is not one."""


@dataclass(slots=True)
class _Line:
    sold: int
    goods_minor: int
    tax_minor: int
    delivered: int = 0
    cancelled: int = 0
    refunded_units: int = 0
    refunded_minor: int = 0
    units: dict[int, str] = field(default_factory=dict)

    def row(self) -> tuple[Any, ...]:
        stands = Counter(self.units.values())
        counted = (self.sold, self.delivered, stands["in_return"], stands["returned"], self.cancelled)
        return (*counted, self.refunded_units, self.refunded_minor, self.goods_minor, self.tax_minor)


@dataclass(slots=True)
class Books:
    """What the log says of money and units."""

    lines: dict[tuple[str, str], _Line] = field(default_factory=dict)
    entries: Rows = field(default_factory=dict)
    refunds: Rows = field(default_factory=dict)
    payouts: dict[str, Json] = field(default_factory=dict)
    returns: dict[str, Json] = field(default_factory=dict)
    notes: Rows = field(default_factory=dict)
    currencies: dict[str, str] = field(default_factory=dict)
    fees: dict[tuple[str, str, int], tuple[int, int]] = field(default_factory=dict)
    """By policy, return and line: what restocking fees are taken of, and the fees, of refunds that policy decided."""
    policies: dict[str, str] = field(default_factory=dict)
    """By order, the policy that it is held to."""
    deadlines: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By deadline, the instants for which it was ever set; not those that were past when they were recorded."""

    def rows(self) -> dict[str, Rows]:
        """Return what each of ``VIEWS`` has to say."""
        balances: Counter[Key] = Counter()
        for account, amount_minor, _, order_id in self.entries.values():
            balances[account, self.currencies[order_id]] += amount_minor
        return {
            "order lines": {key: line.row() for key, line in self.lines.items()},
            "ledger entries": self.entries,
            "account balances": {key: (balance,) for key, balance in balances.items()},
            "refunds": self.refunds,
            "payouts": {(key,): _payout_row(payout) for key, payout in self.payouts.items()},
            "returns": {
                (key,): (told["order_id"], told["closed"], told["refund_minor"]) for key, told in self.returns.items()
            },
            "credit notes": self.notes,
        }

    def unbalanced(self) -> list[str]:
        """Return the entries and accounts that do not sum to zero."""
        by_position: Counter[str] = Counter()
        by_currency: Counter[str] = Counter()
        for (position, _), (_, amount_minor, _, order_id) in self.entries.items():
            by_position[position] += amount_minor
            by_currency[self.currencies[order_id]] += amount_minor
        return [
            *(f"the entry at position {at} is off by {off}" for at, off in by_position.items() if off),
            *(f"{currency} is off by {off}" for currency, off in by_currency.items() if off),
        ]

    def misrounded(self, restocking_bps: Mapping[str, int]) -> Iterator[str]:
        """Yield the lines whose restocking fees, taken together, are neither waived nor rounded half to even."""
        for (policy_id, rma_id, line), (base, fee) in self.fees.items():
            exact = Fraction(base * restocking_bps[policy_id], 10_000)
            if fee and fee != round(exact):
                yield f"return {rma_id} line {line}: {fee} is the fee of {base}, {float(exact):.2f} would be exact"


def fold(events: Iterable[StoredEvent]) -> Books:
    """Tell the books from the log's events, in their order."""
    books = Books()
    for event in events:
        _, aggregate, name, _ = event.type.split(".")
        body = orjson.loads(event.body)
        if aggregate == "Order":
            _of_order(books, event, name, body)
        elif aggregate == "Rma":
            _of_return(books, event, name, body)
        elif (aggregate, name) == ("CreditNoteSeries", "Issued"):
            books.notes[(body["number"],)] = (
                event.stream.split("/")[1],
                str(body.get("refund_id") or ""),
                body["gross_minor"],
            )
    return books


def _of_order(books: Books, event: StoredEvent, name: str, body: Json) -> None:
    order_id = event.partition_key
    for number, posting in enumerate(body.get("postings", ()), start=1):
        told = (posting["account"], posting["amount_minor"], posting.get("tax_code"), order_id)
        books.entries[str(event.position), str(number)] = told
    match name:
        case "Registered":
            books.currencies[order_id], books.policies[order_id] = body["currency"], body["policy_id"]
            for line in body["lines"]:
                books.lines[order_id, line["line_id"]] = _Line(line["quantity"], line["goods_minor"], line["tax_minor"])
        case "Delivered":
            for line in body["lines"]:
                books.lines[order_id, line["line_id"]].delivered += line["quantity"]
        case "UnitsTaken" | "UnitsReturned" | "UnitsFreed" | "UnitsCancelled":
            _units(books, order_id, name, body)
        case "RefundRequested" | "ExternalRefundRecorded" | "ChargebackDecided" | "PaymentReturned" | "PayoutRetried":
            _refunded(books, order_id, name, body)
        case "PayoutSettled" | "PayoutFailed" | "PayoutUnclear" | "PayoutPending":
            _heard(books, name, body)


def _units(books: Books, order_id: str, name: str, body: Json) -> None:
    for run in body["runs"]:
        line = books.lines[order_id, run["line_id"]]
        for unit in range(run["first"], run["first"] + run["count"]):
            match name:
                case "UnitsTaken":
                    line.units[unit] = "in_return"
                case "UnitsReturned":
                    line.units[unit] = "returned"
                case "UnitsFreed":
                    line.units.pop(unit, None)
                case "UnitsCancelled":
                    line.cancelled += 1


def _refunded(books: Books, order_id: str, name: str, body: Json) -> None:
    if name in {"RefundRequested", "ExternalRefundRecorded", "ChargebackDecided"}:
        for part in body.get("by_line") or body.get("lines") or ():
            line = books.lines[order_id, part["line_id"]]
            line.refunded_units += part["units"]
            line.refunded_minor += part["amount_minor"]
    if name == "RefundRequested" and body["rma_id"]:
        books.returns[body["rma_id"]]["refund_minor"] += body["amount_minor"]
        for credit in body["credits"] if body["because"] == "policy" else ():
            key = (books.policies[order_id], body["rma_id"], credit["line"])
            base, fee = books.fees.get(key, (0, 0))
            books.fees[key] = (base + credit["fee_base_minor"], fee + credit["fee_minor"])
    if name in {"RefundRequested", "ExternalRefundRecorded", "PaymentReturned"} and (
        body["amount_minor"] or body.get("promotions")
    ):
        books.refunds[(body["refund_id"],)] = (order_id, body["amount_minor"], body["currency"])
    if name == "ChargebackDecided" and body["outcome"] == "won":
        books.payouts[body["payout_id"]]["status"] = "failed"
    made = [body["payout"]] if "payout" in body else []
    for payout in [*made, *body.get("payouts", ()), *body.get("further", ())]:
        books.payouts[payout["payout_id"]] = {**payout, "order_id": order_id}


def _heard(books: Books, name: str, body: Json) -> None:
    payout = books.payouts[body["payout_id"]]
    if body.get("superseded"):
        return
    heard = {"PayoutSettled": "settled", "PayoutFailed": "failed", "PayoutUnclear": "unknown"}
    payout["status"] = heard.get(name, "requested")
    payout["reference"] = body["reference"]
    payout["gave_way"] = bool(body.get("gave_way"))


def _of_return(books: Books, event: StoredEvent, name: str, body: Json) -> None:
    rma_id = event.stream.partition("/")[2]
    if name == "Requested":
        books.returns[rma_id] = {"order_id": event.partition_key, "closed": False, "refund_minor": 0}
    elif name in {"Closed", "Reopened"}:
        books.returns[rma_id]["closed"] = name == "Closed"
    for told in _objects(body):
        due_at = told.get("due_at")
        if "deadline_id" in told and due_at and datetime.fromisoformat(due_at) >= event.recorded_at:
            books.deadlines[told["deadline_id"]].add(due_at)


def _payout_row(payout: Json) -> tuple[Any, ...]:
    names = ("order_id", "refund_id", "tender_kind", "amount_minor", "status", "attempt")
    return tuple(payout[name] for name in names)


def _objects(value: Any) -> Iterable[Json]:
    """Yield every object in a JSON value."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _objects(item)
