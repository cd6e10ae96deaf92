"""The customer's request, its withdrawal, and what policy says to it at once."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from commands.contact import Contact, written
from commands.evidence import EvidenceItems, evidence_of
from commands.fields import (
    ARTICLES_MAX,
    LINES_MAX,
    SERIALS_MAX,
    AmountMinor,
    Answers,
    Body,
    Day,
    Identifier,
    Instant,
    LineNumber,
    Name,
    OnReturn,
    Quantity,
    Text,
    added_later,
)
from commands.metadata import Meta
from commands.registry import content_hash, handles, on_return
from commands.streams import Streams, find_policy, find_return, find_statutes, the_order, the_return
from domain.case import Case, request, requesters, withdrawal
from domain.case.line_facts import PolicyInForce
from domain.case.request import Correction, ReturnItem, ReturnRequest
from domain.case.withdrawal import LineUnits
from domain.content import is_same_content
from domain.errors import NoPolicyError, ReasonNeededError, ReturnExistsError
from domain.order import Order
from domain.rma.parts import ExchangeFor
from domain.vocabularies import Reason, Wish

REPAIRS_MAX: Final = 100


class WantedInstead(Body):
    """The article wished for in exchange, with the shop's quote for all of them."""

    sku: Name
    quantity: Quantity
    amount_minor: AmountMinor


Articles = Annotated[tuple[WantedInstead, ...], Field(min_length=1, max_length=ARTICLES_MAX)]


class WantedLine(Body):
    """So many units of an order line, why they come back, and what is wished for them.

    With ``serials``, as many as units, it is exactly these. ``unsealed``, ``fault_appeared_on`` and how often a repair
    was tried bear on what the law grants. ``reason`` may be left out of a withdrawal only.
    """

    line_id: Identifier
    quantity: Quantity
    reason: Reason | None = None
    wish: Wish
    comment: Text | None = None
    answers: Answers | None = None
    exchange_for: WantedInstead | Articles | None = None
    serials: Annotated[tuple[Name, ...], Field(max_length=SERIALS_MAX)] = added_later(())
    unsealed: bool | None = added_later(None)
    fault_appeared_on: Day | None = added_later(None)
    repairs_tried: Annotated[int, Field(ge=0, le=REPAIRS_MAX)] | None = added_later(None)
    repair_back_on: Day | None = added_later(None)


class RequestReturn(Body):
    """Ask to give units of an order back.

    A gift that another than the order's customer asks for waits for a person, unless its ``gift_code`` is given.
    ``withdrawal``: the declaration that the law provides for; it needs no reason (`changed_mind` is recorded).
    ``informed_at``: when the customer was told of that right, where that was after the order.
    """

    rma_id: UUID
    order_id: Identifier
    lines: Annotated[tuple[WantedLine, ...], Field(min_length=1, max_length=LINES_MAX)]
    evidence: EvidenceItems = ()
    gift: bool = False
    recipient_id: Identifier | None = None
    case_id: Identifier | None = None
    gift_code: Identifier | None = Field(default=None, exclude=True)
    withdrawal: bool = added_later(False)
    informed_at: Instant | None = added_later(None)
    contact: Contact | None = added_later(None)


class CorrectRequest(OnReturn):
    """Put a line of a request right before anything is handed over; it is decided anew.

    ``answers`` take the place of earlier ones to the same questions; the others stay.
    """

    line: LineNumber
    reason: Reason | None = None
    wish: Wish | None = None
    comment: Text | None = None
    quantity: Quantity | None = None
    answers: Answers | None = added_later(None)


class UnitsOfLine(Body):
    """So many units of a line of the return."""

    line: LineNumber
    quantity: Quantity


class WithdrawReturn(OnReturn):
    """Keep the goods after all: all that are still with the customer, or so many units of ``lines``."""

    reason: Text | None = None
    lines: Annotated[tuple[UnitsOfLine, ...], Field(max_length=LINES_MAX)] = ()


@handles(RequestReturn, by="customer agent")
def request_return(command: RequestReturn, meta: Meta, streams: Streams) -> None:
    known = find_return(streams, command.rma_id)
    if known is not None:
        if not is_same_content(known.content_hash, content_hash(command)):
            raise ReturnExistsError(f"return {command.rma_id} exists with other content")
        return
    order = the_order(streams, command.order_id)
    if meta.actor_kind == "customer":
        requesters.check_may_ask(order, meta.actor_id, gift=command.gift, recipient_id=command.recipient_id)
    asked = ReturnRequest(
        rma_id=command.rma_id,
        items=tuple(_item(line, _reason(command, line)) for line in command.lines),
        evidence=evidence_of(command.evidence),
        gift=command.gift,
        recipient_id=command.recipient_id,
        case_id=command.case_id,
        content_hash=content_hash(command),
        customer_id=meta.actor_id if meta.actor_kind == "customer" else None,
        gift_code=command.gift_code,
        informed_at=command.informed_at,
        withdrawal=command.withdrawal,
        contact=written(command.contact),
    )
    streams.add(request.ask(order, asked, _policy_in_force(streams, order), meta.occurred_at))


def _reason(command: RequestReturn, line: WantedLine) -> Reason:
    """Return why units come back; raises ``ReasonNeededError`` where nobody says, and it is no withdrawal."""
    if line.reason is not None:
        return line.reason
    if not command.withdrawal:
        raise ReasonNeededError("only a withdrawal needs no reason", line_id=line.line_id)
    return "changed_mind"


def _item(line: WantedLine, reason: Reason) -> ReturnItem:
    wanted = line.exchange_for or ()
    articles = wanted if isinstance(wanted, tuple) else (wanted,)
    return ReturnItem(
        line_id=line.line_id,
        quantity=line.quantity,
        reason=reason,
        wish=line.wish,
        comment=line.comment,
        answers=line.answers,
        exchange_for=tuple(ExchangeFor(one.sku, one.quantity, one.amount_minor) for one in articles),
        serials=line.serials,
        unsealed=line.unsealed,
        fault_appeared_on=line.fault_appeared_on,
        repairs_tried=line.repairs_tried,
        repair_back_on=line.repair_back_on,
    )


def _policy_in_force(streams: Streams, order: Order) -> PolicyInForce:
    policy = find_policy(streams, order.policy_id)
    if policy is None:
        raise NoPolicyError(f"no policy {order.policy_id} is published", policy_id=order.policy_id)
    return PolicyInForce.of(order, policy, streams.holidays, find_statutes(streams))


@handles(CorrectRequest, by="customer agent")
def correct_request(command: CorrectRequest, meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    case = Case(order, the_return(streams, command.rma_id, order), meta.occurred_at)
    if meta.actor_kind == "customer":
        requesters.check_may_speak(case, meta.actor_id)
    correction = Correction(command.reason, command.wish, command.comment, command.quantity, command.answers)
    request.correct(case, command.line, correction, _policy_in_force(streams, order))


@on_return(WithdrawReturn, by="customer agent")
def withdraw_return(command: WithdrawReturn, case: Case) -> None:
    units = [LineUnits(line.line, line.quantity) for line in command.lines]
    withdrawal.withdraw(case, units, command.reason)
