"""What a return's facts add up to, and the questions that rules ask of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from uuid import UUID

from domain.content import is_same_content
from domain.errors import IdentifierReusedError, QuantityExceededError, UnknownLineError
from domain.identity import customer_stream
from domain.money import spread_minor
from domain.order.parts import PolicyPin
from domain.policy.decision import Decision
from domain.policy.document import Remedy
from domain.rma.parcels import Parcels
from domain.rma.parts import (
    Deadline,
    Evidence,
    LineDecision,
    Notice,
    PersonDecision,
    ReadSerial,
    RefundPart,
    RequestedLine,
    RmaRun,
)
from domain.rma.receipts import KnownReceipt, taken_back
from domain.rma.run_state import RunState
from domain.rma.status import status_of
from domain.units import UnitRun, UnitStates, take, total, without
from domain.vocabularies import AppealState, Authorization, ReturnStatus


@dataclass(slots=True)
class RmaLine:
    """A line of a return: what was asked, on what terms, where its units stand, what was paid for them."""

    asked: RequestedLine
    states: UnitStates[RunState]
    terms: Decision | None = None
    refunded: list[RefundPart] = field(default_factory=list)
    denied_at: datetime | None = None
    denial_code: str | None = None
    """Why units of the line were last denied."""
    went_against_at: datetime | None = None
    """When an inspection, or a person's decision after one, last went against the customer."""
    approved_at: datetime | None = None
    """When a person last let units of the line come back; None once policy decided after them."""
    received_at: datetime | None = None
    refund_due_at: datetime | None = None
    """When money last fell due, or fell due again because a settled payout failed."""
    articles_sent: dict[str, int] = field(default_factory=dict)
    """How many of each article have left, as of when it was last sent by its name."""
    offer: LineDecision | None = None
    """The decision that waits for the customer's answer to its remedy."""
    was_offered: bool = False
    serials: dict[int, str] = field(default_factory=dict)
    """The serial numbers that were read off units, by unit; whether they fit is part of the unit's state."""
    bonus_minor: int = 0
    """Credit on top of the exchange of this line's units, minor units."""

    def refunded_of(self, run: UnitRun) -> int:
        """Return the refund requested, net of fees, that falls to a run of units (minor units).

        A refund is spread over its units in proportion to what was paid for them, so that parts sum to the whole.
        """
        return sum(spread_minor(part.amount_minor, part.run, run, self.asked.paid_of) for part in self.refunded)


class RmaState:
    """The state of a return; its facts assign to it, its rules read it."""

    rma_id: UUID
    order_id: str
    customer_id: str
    gift: bool
    recipient_id: str | None
    requester_id: str | None
    policy: PolicyPin

    def __init__(self, lines: Iterable[RequestedLine], evidence: Iterable[Evidence]) -> None:
        self.lines = {line.line: RmaLine(line, UnitStates([(run, RunState()) for run in line.runs])) for line in lines}
        self.evidence: dict[str, Evidence] = {}
        self.keep_evidence(evidence)
        self.recorded: dict[tuple[str, str], str] = {}
        self.deadlines: dict[UUID, Deadline] = {}
        self.decided_at: datetime | None = None
        self.authorized_at: datetime | None = None
        self.first_scan_at: datetime | None = None
        self.parcels = Parcels()
        self.receipts: dict[str, KnownReceipt] = {}
        self.resolved_at: datetime | None = None
        self.closed_at: datetime | None = None
        self.carrier: str | None = None
        self.tracking_number: str | None = None
        self.score: int | None = None
        self.feedback_asked_at: datetime | None = None
        self.notices: dict[str, Notice] = {}
        self.reminded: set[tuple[UUID, datetime]] = set()
        """The deadlines of which the customer was reminded, each with the instant that it had."""
        self.refund_minor = 0
        self.refund_count = 0

    # what facts assign

    def change(self, runs: Iterable[RmaRun], change: Callable[[RunState], RunState]) -> None:
        """Give these units the states that ``change`` makes of their own."""
        for run in runs:
            self.lines[run.line].states.change([run.run], change)

    def decided(self, lines: Iterable[LineDecision], authorization: Authorization, at: datetime | None) -> None:
        """Take over policy's decisions on lines; ``at`` is None where the time of decision stays."""
        for decided in lines:
            line = self.lines[decided.line]
            line.terms = decided.decision
            if authorization == "denied":
                line.denied_at, line.denial_code = at, next(iter(decided.decision.codes), None)
            line.approved_at = None
            line.states.change(
                decided.runs,
                lambda state: state._replace(authorization=authorization, agent_id=None, appeal="none"),
            )
        self.decided_at = at or self.decided_at
        if authorization == "authorized":
            self.authorized_at = self.authorized_at or at

    def offered(self, lines: Iterable[LineDecision], at: datetime) -> None:
        """Let lines wait for the customer's answer to a remedy."""
        for offered in lines:
            line = self.lines[offered.line]
            line.terms, line.offer, line.was_offered = offered.decision, offered, True
            line.states.change(offered.runs, lambda state: state._replace(authorization="requested"))
        self.decided_at = at

    def took_remedy(self, number: int, remedy: Remedy) -> None:
        """End an offer that was accepted; a bonus makes an exchange of the wish."""
        line = self.lines[number]
        line.offer = None
        if remedy.kind == "exchange_bonus":
            line.bonus_minor = remedy.bonus_minor or 0
            line.asked = replace(line.asked, wish="exchange")

    def decided_by_person(self, lines: Sequence[PersonDecision], at: datetime, agent_id: str | None) -> None:
        """Take over a person's decisions on units."""
        for decided in lines:
            line = self.lines[decided.line]
            if decided.approved:
                line.approved_at = at
                self.take_up(decided.line, decided.runs, "authorized")
            elif decided.stage == "inspection":
                line.states.change(
                    decided.runs, lambda state: state._replace(authorization="authorized", appeal="answered")
                )
            else:
                line.denied_at, line.denial_code = at, decided.code
                line.states.change(decided.runs, lambda state: _denied(state, agent_id))
        self.decided_at = at
        if any(decided.approved for decided in lines):
            self.authorized_at = self.authorized_at or at

    def take_up(
        self, number: int, runs: Sequence[UnitRun], authorization: Authorization, *, appeal: AppealState = "none"
    ) -> None:
        """Take units up again: where goods are stays known; others of the line take the place of those given up.

        A unit whose place another took is no longer the line's: as many units stand in it as were asked for.
        """
        states = self.lines[number].states
        fresh = without(runs, [run for run, _ in states.within(runs)])
        given_up = self.fitting(number, lambda state: state.may_be_taken_up(authorization))
        states.drop(take(without(given_up, runs), total(fresh)))
        states.change(runs, lambda state: _taken_up(state, authorization, appeal))
        states.put(fresh, RunState(authorization=authorization, appeal=appeal))

    def take_back(self, receipt_id: str, runs: Sequence[RmaRun], by: str) -> None:
        """Let units stand as before a receipt, in whose place another came."""
        known = self.receipts[receipt_id]
        known.superseded_by = by
        for moved in known.moved:
            line = self.lines[moved.run.line]
            others = without([moved.run.run], [run.run for run in runs if run.line == moved.run.line])
            back = without([moved.run.run], others)
            line.states.change(back, partial(taken_back, before=moved.before))
            for unit in [unit for unit in line.serials if any(run.first <= unit < run.end for run in back)]:
                del line.serials[unit]

    def read_serials(self, read: Iterable[ReadSerial]) -> None:
        """Note the serial numbers that were read off units."""
        for one in read:
            self.lines[one.line].serials[one.unit] = one.serial
            self.change([RmaRun(one.line, one.unit, 1)], _right if one.fits else _wrong)

    def keep_evidence(self, evidence: Iterable[Evidence]) -> None:
        """Remember what was put forward, by its id."""
        for item in evidence:
            self.evidence[item.evidence_id] = item

    # what rules ask

    @property
    def person(self) -> str:
        """Whose texts the facts hold: of who asked for the return; the order's customer where that is not known."""
        return customer_stream(self.requester_id or (self.recipient_id if self.gift else None) or self.customer_id)

    @property
    def partition_key(self) -> str:
        """The key that keeps a return's facts in the partition of its order."""
        return self.order_id

    @property
    def status(self) -> ReturnStatus:
        """The status that people see, by the rule of the contract; stored nowhere."""
        states = [state for line in self.lines.values() for _, state in line.states]
        return status_of(states, closed=self.closed_at is not None)

    @property
    def denial_code(self) -> str | None:
        """Why units were denied that still are, by the line denied last; None: none is, or nobody said."""
        denied = [line for line in self.lines.values() if any(state.is_denied for _, state in line.states)]
        last = max(denied, key=lambda line: line.denied_at.timestamp() if line.denied_at else 0.0, default=None)
        return last.denial_code if last else None

    def units(self) -> Iterator[tuple[RmaRun, RunState]]:
        """Yield every run of units with its state, line by line, lowest-numbered first."""
        for number, line in self.lines.items():
            for run, state in line.states:
                yield RmaRun(number, run.first, run.count), state

    def units_beside(self, others: Iterable[RmaRun]) -> list[tuple[RmaRun, RunState]]:
        """Return the units with their states, but for those in these runs."""
        left_out: dict[int, list[UnitRun]] = {}
        for run in others:
            left_out.setdefault(run.line, []).append(run.run)
        return [
            (RmaRun(number, run.first, run.count), state)
            for number, line in self.lines.items()
            for run, state in line.states.beside(left_out.get(number, ()))
        ]

    def line(self, number: int) -> RmaLine:
        """Return a line by its number; raises ``UnknownLineError``."""
        if number not in self.lines:
            raise UnknownLineError(f"the return has no line {number}", line=number)
        return self.lines[number]

    def awaits_answer(self, number: int) -> bool:
        """Tell whether something is offered on a line, and units of it still wait for the answer."""
        line = self.lines[number]
        return line.offer is not None and any(state.authorization == "requested" for _, state in line.states)

    def fitting(self, number: int, fits: Callable[[RunState], bool]) -> list[UnitRun]:
        """Return the runs of a line's units in a fitting state, lowest-numbered first."""
        return [run for run, state in self.line(number).states if fits(state)]

    def take_from(self, number: int, runs: Sequence[UnitRun], quantity: int) -> tuple[RmaRun, ...]:
        """Return the first ``quantity`` units of these runs of a line; raises ``QuantityExceededError``."""
        if total(runs) < quantity:
            raise QuantityExceededError(asked=quantity, available=total(runs), limit=total(runs), line=number)
        return tuple(_runs(number, take(runs, quantity)))

    def pick(self, number: int, quantity: int, fits: Callable[[RunState], bool]) -> tuple[RmaRun, ...]:
        """Return the lowest-numbered ``quantity`` units of a line that are in a fitting state.

        Raises:
            QuantityExceededError: Fewer are.
        """
        return self.take_from(number, self.fitting(number, fits), quantity)

    def states_of(self, runs: Sequence[RmaRun]) -> list[tuple[RmaRun, RunState]]:
        """Return the states of the units in these runs, cut where they differ."""
        return [
            (RmaRun(part.line, run.first, run.count), state)
            for part in runs
            for run, state in self.lines[part.line].states.within([part.run])
        ]

    def is_repeat(self, name: str, value: str, content_hash: str) -> bool:
        """Tell whether this very fact is already recorded; raises ``IdentifierReusedError`` for another one."""
        known = self.recorded.get((name, value))
        if known is not None and not is_same_content(known, content_hash):
            raise IdentifierReusedError(name, value)
        return known is not None


def _right(state: RunState) -> RunState:
    return state._replace(wrong_serial=False)


def _wrong(state: RunState) -> RunState:
    return state._replace(wrong_serial=True)


def _taken_up(state: RunState, authorization: Authorization, appeal: AppealState) -> RunState:
    logistics = "with_customer" if state.is_missing else state.logistics  # once taken up, they are expected again
    return state._replace(authorization=authorization, logistics=logistics, appeal=appeal)


def _denied(state: RunState, agent_id: str | None) -> RunState:
    """Return a denied unit; that a denial stands is the answer to an appeal against it."""
    appeal: AppealState = "answered" if state.appeal == "request" else "none"
    return state._replace(authorization="denied", agent_id=agent_id, appeal=appeal)


def _runs(line: int, runs: Iterable[UnitRun]) -> list[RmaRun]:
    return [RmaRun(line, run.first, run.count) for run in runs]
