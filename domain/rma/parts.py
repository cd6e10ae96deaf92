"""What the facts of a return are made of. Fields are a storage format: add, never rename."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from domain.money import run_minor
from domain.order.parts import LineRun
from domain.policy.decision import Decision
from domain.units import UnitRun
from domain.values import dataclass
from domain.vocabularies import (
    DeadlineKind,
    DeadlineStatus,
    DecisionStage,
    EvidenceKind,
    NoticeChannel,
    NoticeKind,
    NoticeOutcome,
    Reason,
    Wish,
)

Answer = str | int | float | bool


@dataclass(frozen=True, slots=True)
class RmaRun:
    """Units ``first`` to ``first + count - 1`` of the order line behind line ``line`` of a return."""

    line: int
    first: int
    count: int

    @property
    def run(self) -> UnitRun:
        """The units as a run."""
        return UnitRun(self.first, self.count)


@dataclass(frozen=True, slots=True)
class ExchangeFor:
    """The article wished for, with the shop's quote for all of them (minor units)."""

    sku: str
    quantity: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """A photo, video or document that somebody put forward."""

    evidence_id: str
    kind: EvidenceKind
    uri: str
    sha256: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a request says of itself, beside its lines."""

    case_id: str | None
    gift: bool
    recipient_id: str | None
    requester_id: str | None
    gift_unproved: bool
    informed_at: datetime | None
    withdrawal: bool
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class RequestedLine:
    """A line of a return as asked for, with what the order says of it (minor units of the whole order line)."""

    line: int
    line_id: str
    sku: str
    quantity: int
    runs: tuple[UnitRun, ...]
    reason: Reason
    wish: Wish
    comment: str | None
    answers: dict[str, Answer] | None
    exchange_for: ExchangeFor | None
    category: str | None
    sold: int
    goods_minor: int
    tax_minor: int
    shipping_minor: int
    serials: tuple[str, ...] = ()
    """The serial numbers that were asked for; none: any units of the line would do."""
    further_articles: tuple[ExchangeFor, ...] = ()
    """The articles wished for beside the first."""
    unsealed: bool | None = None
    fault_appeared_on: date | None = None
    repairs_tried: int | None = None
    """How often a repair was tried before, as the request says; None: it does not."""
    texts: dict[str, str] | str | None = None
    """Answers that no rule decides on: what the customer wrote, by question; recorded sealed, as one text."""
    repair_back_on: date | None = None
    """The day on which the customer had the goods back from the last repair; None: when they were sent."""

    @property
    def written(self) -> dict[str, str]:
        """What the customer wrote in answer to questions; nothing where it cannot be read."""
        return self.texts if isinstance(self.texts, dict) else {}

    @property
    def articles(self) -> tuple[ExchangeFor, ...]:
        """The articles wished for in exchange; none: an even exchange."""
        return () if self.exchange_for is None else (self.exchange_for, *self.further_articles)

    @property
    def quote_minor(self) -> int | None:
        """The shop's quote for all of them, minor units; None: an even exchange."""
        return sum(article.amount_minor for article in self.articles) if self.articles else None

    def paid_of(self, run: UnitRun) -> int:
        """Return the goods and tax cents of a run of units."""
        return run_minor(self.goods_minor, self.sold, run.first, run.count) + run_minor(
            self.tax_minor, self.sold, run.first, run.count
        )


@dataclass(frozen=True, slots=True)
class LineDecision:
    """What policy decided on a line, with everything it looked at."""

    line: int
    runs: tuple[UnitRun, ...]
    decision: Decision


@dataclass(frozen=True, slots=True)
class PersonDecision:
    """What a person decided on units of a line; ``code`` says why not.

    ``stage``: on the request, or in answer to an appeal against an inspection.
    """

    line: int
    runs: tuple[UnitRun, ...]
    approved: bool
    code: str | None
    stage: DecisionStage = "request"


@dataclass(frozen=True, slots=True)
class RefundPart:
    """What a refund gives back, net of fees, for a run of units (minor units)."""

    refund_id: UUID
    line: int
    first: int
    count: int
    amount_minor: int

    @property
    def run(self) -> UnitRun:
        """The units as a run."""
        return UnitRun(self.first, self.count)


@dataclass(frozen=True, slots=True)
class LineSerials:
    """The serial numbers that were read off units of a line."""

    line: int
    serials: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadSerial:
    """The serial number that was read off a unit of a line, and whether it may be that unit's."""

    line: int
    unit: int
    serial: str
    fits: bool


@dataclass(frozen=True, slots=True)
class InspectionCheck:
    """One condition under which goods are accepted: what was looked at, what would do, and whether it held."""

    fact: str
    expected: tuple[str, ...]
    found: str
    held: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to the customer, and what became of it."""

    kind: NoticeKind
    channel: NoticeChannel
    outcome: NoticeOutcome


@dataclass(frozen=True, slots=True)
class Deadline:
    """An instant until which something has to happen, computed once and kept."""

    deadline_id: UUID
    kind: DeadlineKind
    line: int | None
    due_at: datetime
    status: DeadlineStatus = "open"

    @property
    def is_open(self) -> bool:
        return self.status == "open"

    @property
    def is_passed(self) -> bool:
        return self.status == "passed"


@dataclass(frozen=True, slots=True)
class DeadlineEnd:
    """How a deadline ended."""

    deadline_id: UUID
    status: DeadlineStatus


def of_order(line_id: str, runs: tuple[UnitRun, ...] | list[UnitRun]) -> list[LineRun]:
    """Return runs of units by the order's own line."""
    return [LineRun(line_id, run.first, run.count) for run in runs]
