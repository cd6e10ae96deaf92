"""Instants until which something has to happen: opened by facts, kept in events, ended by what they waited for.

After each command the deadlines that the return needs now are compared with those that are open. An instant is computed
once, from the terms pinned at the decision; later policies never move it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.case import Case, claims, closing, exchange, remedies
from domain.errors import UnknownDeadlineError, WrongStateError
from domain.identity import deadline_id
from domain.policy.decision import Decision
from domain.policy.windows import end_of_day_after
from domain.rma import Rma
from domain.rma.parts import Deadline, DeadlineEnd, RmaRun
from domain.rma.run_state import RunState
from domain.rma.state import RmaLine
from domain.values import dataclass
from domain.vocabularies import DeadlineKind, DeadlineStatus

APPEAL_DAYS: Final = 30
CLOSE_DAYS: Final = 30
REFUND_DAYS: Final = 14
"""Days in which a refund that is due should be settled where no statute says fewer."""

DEFAULT_ZONE: Final = "UTC"

WAITED_FOR: Final[Mapping[DeadlineKind, Callable[[RunState], bool]]] = {
    "ship_back": lambda state: state.logistics not in {"with_customer", "short"},
    "inspect": lambda state: state.is_inspected,
    "remedy": lambda state: state.is_authorized,
    "refund": lambda state: state.is_settled,
    "appeal": lambda state: state.needs_review or state.is_authorized,
}
"""By kind of a line's deadline: which units are where it wants them."""


@dataclass(frozen=True, slots=True)
class Need:
    """A kind of deadline on a line (None: the return) that facts call for, and how many days it gives.

    The days run ``since`` the fact that calls for it; None: since it is called for.
    """

    kind: DeadlineKind
    line: int | None
    days: int
    zone: str
    since: datetime | None = None
    not_before: datetime | None = None
    """It is never due before the end of this instant's day."""

    def due_at(self, at: datetime) -> datetime:
        """Return the end of its last day, where it is called for ``at`` an instant."""
        due_at = end_of_day_after(self.since or at, self.days, zone=self.zone)
        return due_at if self.not_before is None else max(due_at, end_of_day_after(self.not_before, 0, zone=self.zone))


def keep(case: Case) -> None:
    """Open the deadlines that the return needs now, and end those that it no longer needs."""
    rma = case.rma
    resolved = rma.status == "resolved"
    needs = {(need.kind, need.line): need for need in _needs(rma, resolved=resolved)}
    known: dict[tuple[DeadlineKind, int | None], list[Deadline]] = {}
    for deadline in rma.deadlines.values():
        known.setdefault((deadline.kind, deadline.line), []).append(deadline)
    open_now = {key: deadline for key, all_of in known.items() for deadline in all_of if deadline.is_open}
    ended = tuple(
        DeadlineEnd(deadline.deadline_id, "cancelled" if key in needs else _ending(rma, deadline))
        for key, deadline in open_now.items()
        if key not in needs or _falls_short(needs[key], deadline)
    )
    opened = tuple(
        _opened(rma, need, len(known.get(key, ())), case.at)
        for key, need in needs.items()
        if not _already_passed(rma, need, known.get(key, ()))
        and (key not in open_now or _falls_short(need, open_now[key]))
    )
    if opened or ended or resolved != (rma.resolved_at is not None):
        rma.trigger_event(rma.DeadlinesMoved, opened=opened, ended=ended, resolved=resolved, timestamp=case.at)


def _needs(rma: Rma, *, resolved: bool) -> Iterator[Need]:
    if rma.closed_at is not None:
        return
    for number, line in rma.lines.items():
        terms = line.terms
        if terms is None:
            continue
        states = [state for _, state in line.states]
        if terms.remedy is not None and rma.awaits_answer(number):
            yield Need("remedy", number, terms.remedy.answer_within_days, terms.zone)
        if any(_awaits_goods(state) for state in states) and terms.method != "keep":
            yield Need("ship_back", number, terms.ship_back_days, terms.zone, line.approved_at)
        if any(state.awaits_bench for state in states):
            yield Need("inspect", number, terms.inspect_within_days, terms.zone, line.received_at)
        if any(state.awaits_money and not state.awaits_its_moment for state in states):
            yield _refund(rma, number, line.refund_due_at, terms)
        if (since := _appealable_since(line)) is not None:
            yield Need("appeal", number, APPEAL_DAYS, terms.zone, since)
    if resolved:
        yield Need("close", None, CLOSE_DAYS, _zone(rma))


def _refund(rma: Rma, number: int, due_since: datetime | None, terms: Decision) -> Need:
    """Return until when the money has to be there: days from when it is due, or by some laws from the request."""
    days = REFUND_DAYS if terms.refund_within_days is None else terms.refund_within_days
    if terms.refund_from == "request":
        return Need("refund", number, days, terms.zone, rma.created_on, not_before=due_since)
    return Need("refund", number, days, terms.zone, due_since)


def _appealable_since(line: RmaLine) -> datetime | None:
    """Return when the last decision was made that the customer may appeal against; None where there is none."""
    if line.denied_at is None and line.went_against_at is None:
        return None
    states = [state for _, state in line.states]
    denied_at = line.denied_at if any(state.is_appealable_denial for state in states) else None
    against_at = line.went_against_at if any(state.went_against_customer for state in states) else None
    return max((at for at in (denied_at, against_at) if at is not None), default=None)


def _awaits_goods(state: RunState) -> bool:
    return state.is_authorized and state.is_with_customer


def _zone(rma: Rma) -> str:
    return next((line.terms.zone for line in rma.lines.values() if line.terms), DEFAULT_ZONE)


def _opened(rma: Rma, need: Need, before: int, at: datetime) -> Deadline:
    """Return a deadline for a need that had so many ``before``."""
    name = deadline_id(rma.rma_id, need.kind, need.line, before + 1)
    return Deadline(name, need.kind, need.line, need.due_at(at))


def _falls_short(need: Need, deadline: Deadline) -> bool:
    """Tell whether other units of the line were decided later than those that an open deadline was for.

    What ends a right gives each decision its full time; what is only overdue counts from the first.
    """
    return need.kind in {"appeal", "ship_back"} and need.since is not None and deadline.due_at < need.due_at(need.since)


def _already_passed(rma: Rma, need: Need, known: Sequence[Deadline]) -> bool:
    """Tell whether this need is overdue already, by the deadlines it had; one that a later fact called for is new."""
    if not known or not known[-1].is_passed or need.kind in {"ship_back", "remedy"}:
        return False
    if need.line is None:
        return rma.resolved_at is not None
    return need.since is None or need.since < known[-1].due_at


def _ending(rma: Rma, deadline: Deadline) -> DeadlineStatus:
    """Return how a deadline ends that is no longer needed: met where what it waited for came, else cancelled."""
    if deadline.line is None:
        return "met" if rma.closed_at else "cancelled"
    came = WAITED_FOR[deadline.kind]
    return "met" if any(came(state) for _, state in rma.lines[deadline.line].states) else "cancelled"


def find(rma: Rma, wanted: UUID) -> Deadline:
    """Return a deadline of this return; raises ``UnknownDeadlineError``."""
    if wanted not in rma.deadlines:
        raise UnknownDeadlineError(f"the return has no deadline {wanted}", deadline_id=str(wanted))
    return rma.deadlines[wanted]


def pass_by(case: Case, wanted: UUID) -> None:
    """Let a deadline's instant come; one that ended before says nothing new.

    Raises:
        UnknownDeadlineError: The return has none such.
        WrongStateError: Its instant has not come.
    """
    rma, deadline = case.rma, find(case.rma, wanted)
    if not deadline.is_open:
        return
    if case.at < deadline.due_at:
        raise WrongStateError("the deadline's instant has not come", due_at=deadline.due_at.isoformat())
    rma.trigger_event(rma.DeadlinePassed, deadline_id=wanted, timestamp=case.at)
    if deadline.kind == "ship_back" and deadline.line is not None:
        _expire(case, deadline, rma.lines[deadline.line])
    elif deadline.kind == "remedy" and deadline.line is not None:
        remedies.lapse(case, deadline.line, wanted)
    elif deadline.kind == "close":
        closing.close(case, "deadline")


def _expire(case: Case, deadline: Deadline, line: RmaLine) -> None:
    """Expire what was never sent: those units are free again, but for those that money or a new article went out for.

    Refunded and kept, they count as returned; what went out for them in advance the customer owes.
    """
    rma, order = case.rma, case.order
    waiting = [
        (RmaRun(line.asked.line, run.first, run.count), state) for run, state in line.states if _awaits_goods(state)
    ]
    rma.trigger_event(
        rma.Expired, deadline_id=deadline.deadline_id, runs=tuple(run for run, _ in waiting), timestamp=case.at
    )
    refunded = [run for run, state in waiting if state.is_paid_out]
    replaced = [run for run, state in waiting if state.has_goods_out]
    unsent = [run for run, _ in waiting if run not in refunded and run not in replaced]
    exchange.call_off(case, exchange.promised(case, unsent))
    order.free_units(rma.rma_id, case.order_runs(unsent), "expired", case.at)
    order.return_units(rma.rma_id, case.order_runs(refunded), case.at)
    claims.claim_unreturned(case, line.asked.line, waiting)


def extend(case: Case, wanted: UUID, due_at: datetime, reason: str) -> None:
    """Give more time until a later instant; raises ``WrongStateError`` where it ended, or would not be later."""
    deadline = find(case.rma, wanted)
    if not deadline.is_open or due_at <= deadline.due_at:
        raise WrongStateError(
            "only an open deadline can be extended, and only to a later instant",
            status=deadline.status,
            due_at=deadline.due_at.isoformat(),
        )
    case.rma.trigger_event(
        case.rma.DeadlineExtended, deadline_id=wanted, due_at=due_at, reason=reason, timestamp=case.at
    )
