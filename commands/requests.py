"""The customer's request, its withdrawal, and what policy says to it at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field

from commands.evidence import EvidenceItems, _new_evidence
from commands.fields import (
    LINES_MAX,
    AmountMinor,
    Answers,
    Body,
    Identifier,
    LineNumber,
    Quantity,
    Text,
)
from commands.metadata import Meta
from commands.registry import content_hash, handles, on_return
from commands.streams import Streams, find_policy, find_return, the_order, the_return
from domain.case import Case, authorization, deadlines
from domain.case.authorization import PolicyInForce, decide_by_policy
from domain.errors import (
    NoPolicyError,
    QuantityExceededError,
    ReturnExistsError,
    WrongStateError,
)
from domain.order import Order
from domain.order.parts import PolicyPin
from domain.rma import Rma
from domain.rma.parts import ExchangeFor, RequestedLine, of_order
from domain.units import UnitRun, total
from domain.vocabularies import Reason, Wish


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


class WithdrawReturn(Body):
    """Keep the goods after all."""

    rma_id: UUID
    order_id: Identifier
    reason: Text | None = None


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


@on_return(WithdrawReturn, by="customer agent")
def withdraw_return(command: WithdrawReturn, case: Case) -> None:
    runs = authorization.withdraw(case)
    case.rma.trigger_event(case.rma.Withdrawn, runs=tuple(runs), reason=command.reason, timestamp=case.at)
    case.order.free_units(case.rma.rma_id, case.order_runs(runs), "withdrawn", case.at)
