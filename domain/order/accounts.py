"""What an order keeps count of: where each unit stands, and what was given back for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from domain.order.parts import Consignment, Credit, LineRun, OrderLine
from domain.order.payout import PayoutCover
from domain.order.serials import SerialNumbers
from domain.units import UnitRun, UnitStates, take, without
from domain.values import dataclass
from domain.vocabularies import FINAL_OUTCOMES, ChargebackOutcome, ExternalKind, PayoutOutcome, PayoutStatus

UnitStatus = Literal["free", "in_return", "returned", "cancelled"]
Freed = Literal[
    "denied",
    "withdrawn",
    "expired",
    "short",
    "wrong_item",
    "sent_back",
    "repaired",
    "corrected",
    "resolved",
    "receipt_superseded",
]
_OUT_AGAIN: Final[frozenset[Freed]] = frozenset({"sent_back", "repaired", "receipt_superseded"})


def status_before(because: Freed) -> UnitStatus:
    """Return the status of units that were freed for a reason: goods that came in go out again, others never came."""
    return "returned" if because in _OUT_AGAIN else "in_return"


@dataclass(frozen=True, slots=True)
class UnitState:
    """What became of one unit sold: free to be asked for, in an open return, returned by one, or cancelled."""

    status: UnitStatus = "free"
    rma_id: UUID | None = None

    @property
    def is_free(self) -> bool:
        return self.status == "free"

    @property
    def is_returned(self) -> bool:
        return self.status == "returned"

    @property
    def is_in_return(self) -> bool:
        return self.status == "in_return"

    @property
    def is_cancelled(self) -> bool:
        """Tell whether the unit was never to be delivered after all."""
        return self.status == "cancelled"

    def is_open_to(self, rma_id: UUID) -> bool:
        """Tell whether a return holds the unit, or may take it."""
        return self.is_free or self.rma_id == rma_id


FREE: Final = UnitState()
CANCELLED: Final = UnitState("cancelled")


@dataclass(frozen=True, slots=True)
class Repair:
    """Units that were away for a repair: since when it was asked for, and when they went out again."""

    run: UnitRun
    asked_at: datetime
    back_at: datetime


@dataclass(slots=True)
class LineAccount:
    """An order line with the state of its units and what was given back for them."""

    fact: OrderLine
    units: UnitStates[UnitState]
    shipped: list[Consignment] = field(default_factory=list)
    delivered: list[Consignment] = field(default_factory=list)
    credits: list[Credit] = field(default_factory=list)
    set_off: list[int] = field(default_factory=list)
    """Which of the credits, by their place, are for an exchange, or call one off again (those are below zero)."""
    differences: set[int] = field(default_factory=set)
    """Which of them, by their place, refund what an article given in exchange cost less."""
    taken_back: set[int] = field(default_factory=set)
    """Which of them, by their place, a won chargeback had given, and which take that back (those are below zero)."""
    serials: SerialNumbers = field(init=False)
    warranties: UnitStates[datetime | None] = field(init=False)
    """Until when repaired units are in warranty; None: as sold."""
    repaired: list[Repair] = field(default_factory=list)
    """Repairs from which units came back, in their order."""
    gone: UnitStates[bool] = field(init=False)
    """Whether units went back for their money, or were cancelled: promotions count each once."""

    def __post_init__(self) -> None:
        self.serials = SerialNumbers(self.fact.serials)
        self.warranties = UnitStates([(UnitRun(1, self.fact.quantity), None)])
        self.gone = UnitStates([(UnitRun(1, self.fact.quantity), False)])

    def delivered_at(self, run: UnitRun) -> Iterator[tuple[UnitRun, datetime | None]]:
        """Yield a run's units with when they were delivered, in parts; units arrive in their order, lowest first.

        Cancelled units do not arrive: those after them take their turn, and they are left out.
        """
        cancelled = [gone for gone, state in self.units if state.is_cancelled]
        for part in without([run], cancelled) if cancelled else [run]:
            before = sum(gone.count for gone in cancelled if gone.first < part.first)
            for arrived, at in self._arrived(UnitRun(part.first - before, part.count)):
                yield UnitRun(arrived.first + before, arrived.count), at

    def _arrived(self, run: UnitRun) -> Iterator[tuple[UnitRun, datetime | None]]:
        """Yield with when they arrived, in parts, the units of a run that counts those to be delivered."""
        first = 1
        for sent in self.delivered:
            end = first + sent.quantity
            if first < run.end and run.first < end:
                start = max(first, run.first)
                yield UnitRun(start, min(end, run.end) - start), sent.at
            first = end
        if first < run.end:
            start = max(first, run.first)
            yield UnitRun(start, run.end - start), None

    @property
    def standing(self) -> list[UnitRun]:
        """The units that were not cancelled."""
        return [run for run, state in self.units if not state.is_cancelled]

    @property
    def unsent(self) -> list[UnitRun]:
        """The units that neither left nor arrived, and are still to."""
        standing = self.standing
        return without(standing, take(standing, max(self.shipped_quantity, self.delivered_quantity)))

    @property
    def delivered_quantity(self) -> int:
        """How many units reached the customer."""
        return sum(sent.quantity for sent in self.delivered)

    @property
    def shipped_quantity(self) -> int:
        """How many units left for the customer."""
        return sum(sent.quantity for sent in self.shipped)


@dataclass(frozen=True, slots=True)
class LineFees:
    """The restocking fee that a line of a return bore so far, and the cents it was taken from."""

    base_minor: int
    fee_minor: int


@dataclass(slots=True)
class ExchangedLine:
    """What of a line of a return stands set off against other articles, and what those exchanges bore (minor units)."""

    worth_minor: int = 0
    """Net of restocking, and before return shipping."""
    return_shipping_minor: int = 0


@dataclass(slots=True)
class RmaAccount:
    """What one return has moved so far: its refunds, and the fees they bore (minor units)."""

    refunds: list[UUID] = field(default_factory=list)
    return_shipping: dict[int, int] = field(default_factory=dict)
    """The return shipping that refunds and exchanges bore, by the line they were for."""
    exchanged: dict[int, ExchangedLine] = field(default_factory=dict)
    fees: dict[int, LineFees] = field(default_factory=dict)
    charged: list[Credit] = field(default_factory=list)
    """The credits that bore a restocking fee, and those that gave one back."""
    goodwill_count: int = 0
    bonuses: set[int] = field(default_factory=set)
    """The lines whose exchange gave a bonus."""
    quotes: dict[int, int] = field(default_factory=dict)
    """What of the shop's quote the exchanges that stand take up, by line."""
    label_fee_named_minor: int = 0
    """The return shipping that persons took in place of policy's."""
    label_fee_is_named: bool = False
    """Whether a person named it: policy takes none any more then."""

    @property
    def return_shipping_minor(self) -> int:
        """The return shipping that the return's refunds and exchanges bore in all, minor units."""
        return sum(self.return_shipping.values()) + self.label_fee_named_minor

    def charged_on(self, line: int) -> list[Credit]:
        """Return the credits of one line that bore a restocking fee, or gave one back."""
        return [credit for credit in self.charged if credit.line == line]

    def bear(self, credit: Credit) -> None:
        """Count in the restocking fee that a credit bore."""
        if credit.fee_base_minor:
            self.charged.append(credit)
        so_far = self.fees.get(credit.line, LineFees(0, 0))
        self.fees[credit.line] = LineFees(
            so_far.base_minor + credit.fee_base_minor, so_far.fee_minor + credit.fee_minor
        )


@dataclass(slots=True)
class StoreCredit:
    """Store credit that a return gave, and what its holder has spent of it (minor units)."""

    rma_id: UUID | None
    issued_minor: int = 0
    spent_minor: int = 0

    @property
    def balance_minor(self) -> int:
        """What is left; below zero where spent credit was taken back."""
        return self.issued_minor - self.spent_minor


def status_by(outcome: PayoutOutcome) -> PayoutStatus:
    """Return where a payout stands by what was said of it: one that is pending is as it was requested."""
    return "requested" if outcome == "pending" else outcome


@dataclass(slots=True)
class PayoutNews:
    """What was said last of a payout by business time, and older news that came after it."""

    latest: PayoutOutcome
    latest_at: datetime
    final_at: datetime | None = None
    """When it last was settled or failed, as far as was said."""
    late: set[tuple[PayoutOutcome, datetime]] = field(default_factory=set)

    def is_older(self, outcome: PayoutOutcome, at: datetime) -> bool:
        """Tell whether an outcome is older news than what counts.

        A gateway that could not tell at noon may say in the evening that it paid in the morning: only a final outcome
        makes another one old.
        """
        if outcome in FINAL_OUTCOMES:
            return self.final_at is not None and at < self.final_at
        return at < self.latest_at


@dataclass(frozen=True, slots=True)
class Reversal:
    """What of a claim was given up at once (minor units), and when."""

    amount_minor: int
    at: datetime


@dataclass(slots=True)
class Claim:
    """Money asked back from the customer (minor units), for which units where a deadline asked."""

    claim_id: str
    rma_id: UUID | None
    line: int | None
    amount_minor: int
    reason: str
    units: tuple[LineRun, ...]
    at: datetime
    given_up: list[LineRun] = field(default_factory=list)
    """The units for which nothing is asked any more."""
    reversals: list[Reversal] = field(default_factory=list)
    """What was given up of it, the first first."""

    @property
    def given_up_minor(self) -> int:
        """What of it is asked no more, minor units."""
        return sum(reversal.amount_minor for reversal in self.reversals)


@dataclass(slots=True)
class Refund:
    """One refund with its payouts by id."""

    refund_id: UUID
    rma_id: UUID | None
    amount_minor: int
    credits: tuple[Credit, ...]
    payouts: list[UUID]
    at: datetime
    restocking_minor: int = 0
    return_shipping_minor: int = 0
    rounding_minor: int = 0
    promotion_minor: int = 0
    """What was taken off for promotions that no longer hold, or given back, below zero."""


@dataclass(slots=True)
class ExternalRefund:
    """Money that went back elsewhere, and what it did here."""

    refund_id: UUID
    kind: ExternalKind
    places: tuple[tuple[str, int], ...]
    """Its credits: of which line, in which place."""
    covers: tuple[PayoutCover, ...]
    outcome: ChargebackOutcome | None = None
    """What came of the dispute, if any."""
    decided_at: datetime | None = None
    """When the dispute came to its end."""
