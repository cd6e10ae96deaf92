"""From the customer's request to the decision, and its revisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from commands.fields import (
    EVIDENCE_MAX,
    LINES_MAX,
    AmountMinor,
    Answers,
    Body,
    Identifier,
    LineNumber,
    Quantity,
    Sha256,
    Text,
)
from commands.metadata import Meta
from commands.registry import content_hash, handles, on_return
from commands.streams import Streams, find_policy, find_return, the_order, the_return
from domain import authorization, deadlines
from domain.authorization import Choice, PolicyInForce, decide_by_policy
from domain.case import Case
from domain.errors import (
    IdentifierReusedError,
    NoPolicyError,
    QuantityExceededError,
    ReturnExistsError,
    UnknownLineError,
    WrongStateError,
)
from domain.order import Order
from domain.order_parts import PolicyPin
from domain.rma import Rma
from domain.rma_parts import Evidence, ExchangeFor, RequestedLine, of_order
from domain.units import UnitRun, total
from domain.vocabularies import EvidenceKind, Reason, Wish


class WantedInstead(Body):
    """The article wished for in exchange, with the shop's quote for all of them."""

    sku: Identifier
    quantity: Quantity
    amount_minor: AmountMinor


class WantedLine(Body):
    """So many units of an order line, why they come back, and what is wished for them."""

    line_id: Identifier
    quantity: Quantity
    reason: Reason
    wish: Wish
    comment: Text | None = None
    answers: Answers | None = None
    exchange_for: WantedInstead | None = None


class EvidenceItem(Body):
    """A photo, video or document."""

    evidence_id: Identifier
    kind: EvidenceKind
    uri: Text
    sha256: Sha256 | None = None
    line: LineNumber | None = None


EvidenceItems = Annotated[tuple[EvidenceItem, ...], Field(max_length=EVIDENCE_MAX)]
SomeEvidence = Annotated[tuple[EvidenceItem, ...], Field(min_length=1, max_length=EVIDENCE_MAX)]


class RequestReturn(Body):
    """Ask to give units of an order back."""

    rma_id: UUID
    order_id: Identifier
    lines: Annotated[tuple[WantedLine, ...], Field(min_length=1, max_length=LINES_MAX)]
    evidence: EvidenceItems = ()
    gift: bool = False
    recipient_id: Identifier | None = None
    case_id: Identifier | None = None


class CorrectRequest(Body):
    """Put a line of a request right before anything is handed over; it is decided anew."""

    rma_id: UUID
    order_id: Identifier
    line: LineNumber
    reason: Reason | None = None
    wish: Wish | None = None
    comment: Text | None = None
    quantity: Quantity | None = None


class AddEvidence(Body):
    """Put evidence forward."""

    rma_id: UUID
    order_id: Identifier
    evidence: SomeEvidence


class WithdrawReturn(Body):
    """Keep the goods after all."""

    rma_id: UUID
    order_id: Identifier
    reason: Text | None = None


class DecidedLine(Body):
    """A person's decision on units of a line; ``code`` says why not."""

    line: LineNumber
    quantity: Quantity
    decision: Literal["approve", "deny"]
    code: Identifier | None = None


DecidedLines = Annotated[tuple[DecidedLine, ...], Field(min_length=1, max_length=LINES_MAX)]


class DecideRequest(Body):
    """Answer what policy left to a person."""

    rma_id: UUID
    order_id: Identifier
    lines: DecidedLines
    note: Text | None = None


class OverrideDecision(Body):
    """Decide against what had been decided."""

    rma_id: UUID
    order_id: Identifier
    lines: DecidedLines
    approved_by: Text
    reason: Text
    note: Text | None = None


class AppealDenial(Body):
    """Disagree with a denial."""

    rma_id: UUID
    order_id: Identifier
    line: LineNumber
    grounds: Text
    evidence: EvidenceItems = ()


@handles(RequestReturn, by="customer agent")
def request_return(command: RequestReturn, meta: Meta, streams: Streams) -> None:
    known = find_return(streams, command.rma_id)
    if known is not None:
        if known.content_hash != content_hash(command):
            raise ReturnExistsError(f"return {command.rma_id} exists with other content")
        return
    order = the_order(streams, command.order_id)
    _check_lines(command, order)
    policy, pin = _policy(streams, order)
    lines = _requested_lines(command, order)
    rma = Rma.request(
        command.rma_id,
        lines,
        at=meta.occurred_at,
        order_id=order.order_id,
        customer_id=order.customer_id,
        case_id=command.case_id,
        gift=command.gift,
        recipient_id=command.recipient_id,
        currency=order.currency,
        channel=order.channel,
        country=order.country,
        ordered_at=order.created_on,
        policy=pin,
        evidence=_new_evidence((), command.evidence, known_lines=range(1, len(lines) + 1)),
        content_hash=content_hash(command),
    )
    streams.add(rma)
    if order.policy is None:
        order.pin_policy(pin, meta.occurred_at)
    taken = [run for line in lines for run in of_order(line.line_id, line.runs)]
    order.take_units(rma.rma_id, taken, meta.occurred_at)
    case = Case(order, rma, meta.occurred_at)
    decide_by_policy(case, list(rma.lines), policy, meta.occurred_at)
    deadlines.keep(case)


def _check_lines(command: RequestReturn, order: Order) -> None:
    for line in command.lines:
        account = order.line(line.line_id)
        wanted = line.exchange_for
        if wanted is not None and line.wish != "exchange":
            raise WrongStateError("only an exchange is for another article", line_id=line.line_id, wish=line.wish)
        if wanted is not None and wanted.quantity > line.quantity:
            raise QuantityExceededError(asked=wanted.quantity, available=line.quantity, line_id=account.fact.line_id)


def _policy(streams: Streams, order: Order) -> tuple[PolicyInForce, PolicyPin]:
    """Return the version that the order is held to; where it has none yet, the first one published takes it."""
    policy = find_policy(streams, order.policy_id)
    if policy is None:
        raise NoPolicyError(f"no policy {order.policy_id} is published", policy_id=order.policy_id)
    version = policy.version_numbered(order.policy.number if order.policy else 1)
    pin = PolicyPin(version.policy_id, version.number, version.hash)
    return PolicyInForce(version, streams.holidays), pin


def _requested_lines(command: RequestReturn, order: Order) -> list[RequestedLine]:
    taken: dict[str, list[UnitRun]] = {}
    lines = []
    for number, line in enumerate(command.lines, start=1):
        runs = order.free_runs(line.line_id, line.quantity, taken.get(line.line_id, ()))
        taken.setdefault(line.line_id, []).extend(runs)
        fact, wanted = order.lines[line.line_id].fact, line.exchange_for
        lines.append(
            RequestedLine(
                line=number,
                line_id=line.line_id,
                sku=fact.sku,
                quantity=line.quantity,
                runs=tuple(runs),
                reason=line.reason,
                wish=line.wish,
                comment=line.comment,
                answers=line.answers,
                exchange_for=ExchangeFor(wanted.sku, wanted.quantity, wanted.amount_minor) if wanted else None,
                category=fact.category,
                sold=fact.quantity,
                goods_minor=fact.goods_minor,
                tax_minor=fact.tax_minor,
                shipping_minor=fact.shipping_minor,
            )
        )
    return lines


def _new_evidence(
    known: Iterable[Evidence], given: Sequence[EvidenceItem], *, known_lines: Iterable[int]
) -> tuple[Evidence, ...]:
    """Return what is new among the evidence given; the same item again is no second one."""
    by_id = {item.evidence_id: item for item in known}
    lines, new = set(known_lines), []
    for item in given:
        evidence = Evidence(item.evidence_id, item.kind, item.uri, item.sha256, item.line)
        if item.line is not None and item.line not in lines:
            raise UnknownLineError(f"the return has no line {item.line}", line=item.line)
        if item.evidence_id not in by_id:
            by_id[item.evidence_id] = evidence
            new.append(evidence)
        elif by_id[item.evidence_id] != evidence:
            raise IdentifierReusedError("evidence_id", item.evidence_id)
    return tuple(new)


def evidence_for(case: Case, given: Sequence[EvidenceItem]) -> tuple[Evidence, ...]:
    """Return what is new to a return among the evidence given."""
    return _new_evidence(case.rma.evidence.values(), given, known_lines=case.rma.lines)


@handles(CorrectRequest, by="customer agent")
def correct_request(command: CorrectRequest, meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    case = Case(order, the_return(streams, command.rma_id, order), meta.occurred_at)
    policy, _ = _policy(streams, order)
    live = authorization.correctable(case, command.line)
    asked = case.rma.lines[command.line].asked
    quantity = command.quantity or total(live)
    if quantity > total(live):
        raise QuantityExceededError(asked=quantity, available=total(live), line=command.line)
    dropped = _last_units(live, total(live) - quantity)
    case.rma.trigger_event(
        case.rma.RequestCorrected,
        line=command.line,
        reason=command.reason or asked.reason,
        wish=command.wish or asked.wish,
        comment=command.comment or asked.comment,
        quantity=quantity,
        dropped=tuple(dropped),
        timestamp=case.at,
    )
    order.free_units(case.rma.rma_id, of_order(asked.line_id, dropped), "corrected", case.at)
    decide_by_policy(case, [command.line], policy, case.rma.created_on)
    deadlines.keep(case)


def _last_units(runs: Sequence[UnitRun], quantity: int) -> list[UnitRun]:
    dropped: list[UnitRun] = []
    for run in reversed(runs):
        count = min(run.count, quantity)
        if count:
            dropped.append(UnitRun(run.end - count, count))
        quantity -= count
    return dropped


@on_return(AddEvidence, by="customer agent", while_closed=True)
def add_evidence(command: AddEvidence, case: Case) -> None:
    new = evidence_for(case, command.evidence)
    if new:
        case.rma.trigger_event(case.rma.EvidenceAdded, evidence=new, timestamp=case.at)


@on_return(WithdrawReturn, by="customer agent")
def withdraw_return(command: WithdrawReturn, case: Case) -> None:
    runs = authorization.withdraw(case)
    case.rma.trigger_event(case.rma.Withdrawn, runs=tuple(runs), reason=command.reason, timestamp=case.at)
    case.order.free_units(case.rma.rma_id, case.order_runs(runs), "withdrawn", case.at)


@on_return(DecideRequest, by="agent")
def decide_request(command: DecideRequest, case: Case) -> None:
    decisions = authorization.decide_all(case, _choices(command.lines), authorization.decide_by_person)
    case.rma.trigger_event(case.rma.ReviewDecided, lines=tuple(decisions), note=command.note, timestamp=case.at)
    authorization.apply_person(case, decisions)


@on_return(OverrideDecision, by="agent")
def override_decision(command: OverrideDecision, case: Case) -> None:
    decisions = authorization.decide_all(case, _choices(command.lines), authorization.override)
    case.rma.trigger_event(
        case.rma.DecisionOverridden,
        lines=tuple(decisions),
        approved_by=command.approved_by,
        reason=command.reason,
        note=command.note,
        timestamp=case.at,
    )
    authorization.apply_person(case, decisions)


def _choices(lines: Sequence[DecidedLine]) -> list[Choice]:
    return [Choice(line.line, line.quantity, line.decision == "approve", line.code) for line in lines]


@on_return(AppealDenial, by="customer agent")
def appeal_denial(command: AppealDenial, case: Case) -> None:
    runs = authorization.appeal(case, command.line)
    line_id = case.rma.lines[command.line].asked.line_id
    case.rma.trigger_event(
        case.rma.DenialAppealed,
        line=command.line,
        runs=runs,
        grounds=command.grounds,
        evidence=evidence_for(case, command.evidence),
        timestamp=case.at,
    )
    standing = case.order.standing_within(of_order(line_id, runs))
    free = [run for run, state in standing if state.standing == "kept"]
    case.order.take_units(case.rma.rma_id, free, case.at)
