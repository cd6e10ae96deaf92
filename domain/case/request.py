"""What a customer asks for, and may put right or take back while nothing has left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from domain.case import Case, authorization, deadlines, questions
from domain.case.evidence import new_among
from domain.case.line_facts import Asking, PolicyInForce
from domain.errors import AlreadyShippedError, QuantityExceededError, WrongStateError
from domain.order import Order
from domain.order.errors import NotReturnableError
from domain.order.gift_code import is_proved
from domain.order.parts import PolicyPin
from domain.order.serials import check_counted, check_distinct
from domain.policy.document import PolicyDocument
from domain.rma import Rma
from domain.rma.parts import Answer, Declared, Evidence, ExchangeFor, RequestedLine, of_order
from domain.units import UnitRun, total, without
from domain.values import dataclass
from domain.vocabularies import Reason, Wish


@dataclass(frozen=True, slots=True)
class ReturnItem:
    """So many units of an order line that a customer wants to give back, why, and what for."""

    line_id: str
    quantity: int
    reason: Reason
    wish: Wish
    comment: str | None
    answers: dict[str, Answer] | None
    exchange_for: tuple[ExchangeFor, ...]
    serials: tuple[str, ...] = ()
    """As many as units, where it is exactly these."""
    unsealed: bool | None = None
    fault_appeared_on: date | None = None
    repairs_tried: int | None = None
    repair_back_on: date | None = None


@dataclass(frozen=True, slots=True)
class ReturnRequest:
    """What a customer asks for; ``case_id`` groups the returns of several orders."""

    rma_id: UUID
    items: tuple[ReturnItem, ...]
    evidence: tuple[Evidence, ...]
    gift: bool
    recipient_id: str | None
    case_id: str | None
    content_hash: str
    customer_id: str | None = None
    """The customer who asks; None: an agent does."""
    gift_code: str | None = None
    informed_at: datetime | None = None
    withdrawal: bool = False
    contact: str | None = None

    def is_unproved_gift(self, order: Order) -> bool:
        """Tell whether a stranger asks for a gift, without the code that the order was registered with."""
        stranger = self.customer_id is not None and self.customer_id != order.customer_id
        return self.gift and stranger and not is_proved(order.gift_code_hash, order.order_id, self.gift_code)

    def declared(self, order: Order) -> Declared:
        """Return what the request says of itself, for the order it is about."""
        return Declared(
            case_id=self.case_id,
            gift=self.gift,
            recipient_id=self.recipient_id,
            requester_id=self.customer_id or (self.recipient_id if self.gift else None),
            gift_unproved=self.is_unproved_gift(order),
            informed_at=self.informed_at,
            withdrawal=self.withdrawal,
            contact=self.contact,
        )


@dataclass(frozen=True, slots=True)
class Correction:
    """What of a requested line is put right; None leaves it as it was."""

    reason: Reason | None
    wish: Wish | None
    comment: str | None
    quantity: int | None
    answers: dict[str, Answer] | None = None
    """Answers that take the place of earlier ones to the same questions."""

    def of(self, asked: RequestedLine, quantity: int, document: PolicyDocument) -> RequestedLine:
        """Return a line as it is once it is put right, under this policy."""
        answers, texts = questions.apart(document, {**(asked.answers or {}), **asked.written, **(self.answers or {})})
        return replace(
            asked,
            reason=self.reason or asked.reason,
            wish=self.wish or asked.wish,
            comment=self.comment or asked.comment,
            quantity=quantity,
            answers=answers if self.answers else asked.answers,
            texts=texts if self.answers else asked.texts,
        )


def ask(order: Order, asked: ReturnRequest, policy: PolicyInForce, at: datetime) -> Rma:
    """Begin a return of an order's units: they are taken, and policy decides at once.

    Raises:
        UnknownLineError: The order, or for evidence the return, has no such line.
        WrongStateError, QuantityExceededError: An article is wished for without an exchange, or more than come back.
        NotReturnableError: The line is a fee.
        UnitsNotAvailableError, SerialNotAvailableError: Fewer units are free, or not those with these serial numbers.
        DuplicateSerialError: A serial number is asked for twice.
        IdentifierReusedError: Two of the evidence have one id.
        AnswerMissingError, AnswerInvalidError: A question of the policy's is not answered, or not as it asks.
    """
    _check(order, asked)
    lines = _requested_lines(order, asked.items, policy.version.document)
    _check_answers(order, asked, lines, policy, at)
    pin = PolicyPin.to(policy.version)
    rma = Rma.request(
        asked.rma_id,
        order,
        lines,
        policy=pin,
        evidence=new_among(asked.evidence, known=(), known_lines=range(1, len(lines) + 1)),
        declared=asked.declared(order),
        content_hash=asked.content_hash,
        at=at,
    )
    rma.share_uncommitted(order.uncommitted)
    if order.policy is None:
        order.pin_policy(pin, at)
    order.take_units(rma.rma_id, [run for line in lines for run in of_order(line.line_id, line.runs)], at)
    case = Case(order, rma, at)
    authorization.decide_by_policy(case, list(rma.lines), policy, at)
    deadlines.keep(case)
    return rma


def _check(order: Order, asked: ReturnRequest) -> None:
    for item in asked.items:
        if order.line(item.line_id).fact.kind == "fee":
            raise NotReturnableError(line_id=item.line_id)
        wanted = item.exchange_for
        if wanted and item.wish != "exchange":
            raise WrongStateError("only an exchange is for another article", line_id=item.line_id, wish=item.wish)
        if len(wanted) == 1 and wanted[0].quantity > item.quantity:
            raise QuantityExceededError(asked=wanted[0].quantity, available=item.quantity, line_id=item.line_id)
        check_counted(item.serials, item.quantity, line_id=item.line_id)
        if item.serials and len(item.serials) < item.quantity:
            raise QuantityExceededError(asked=item.quantity, available=len(item.serials), line_id=item.line_id)
    check_distinct(serial for item in asked.items for serial in item.serials)


def _check_answers(
    order: Order, asked: ReturnRequest, lines: Sequence[RequestedLine], policy: PolicyInForce, at: datetime
) -> None:
    if not policy.version.document.questions:
        return
    asking = Asking.of(
        order,
        at,
        gift=asked.gift,
        gift_unproved=asked.is_unproved_gift(order),
        informed_at=asked.informed_at,
        asked=[run for line in lines for run in of_order(line.line_id, line.runs)],
    )
    law = policy.law(order, at)
    for line in lines:
        facts = asking.facts(line, line.runs, policy, law)
        questions.check(policy.version.document, facts, texts=line.written, line=line.line, withdrawal=asked.withdrawal)


def _requested_lines(order: Order, items: Sequence[ReturnItem], document: PolicyDocument) -> tuple[RequestedLine, ...]:
    named = {number: order.runs_with(item.line_id, item.serials) for number, item in enumerate(items, start=1)}
    taken: dict[str, list[UnitRun]] = {}
    for number, item in enumerate(items, start=1):
        taken.setdefault(item.line_id, []).extend(named[number])
    lines = []
    for number, item in enumerate(items, start=1):
        runs = named[number] or order.free_runs(item.line_id, item.quantity, taken[item.line_id])
        taken[item.line_id].extend(runs)
        sold = order.lines[item.line_id].fact
        answers, texts = (None, None) if item.answers is None else questions.apart(document, item.answers)
        lines.append(
            RequestedLine(
                line=number,
                line_id=item.line_id,
                sku=sold.sku,
                quantity=item.quantity,
                runs=tuple(runs),
                reason=item.reason,
                wish=item.wish,
                comment=item.comment,
                answers=answers,
                exchange_for=next(iter(item.exchange_for), None),
                further_articles=item.exchange_for[1:],
                category=sold.category,
                sold=sold.quantity,
                goods_minor=sold.goods_minor,
                tax_minor=sold.tax_minor,
                shipping_minor=sold.shipping_minor,
                serials=item.serials,
                unsealed=item.unsealed,
                fault_appeared_on=item.fault_appeared_on,
                repairs_tried=item.repairs_tried,
                texts=texts or None,
                repair_back_on=item.repair_back_on,
            )
        )
    return tuple(lines)


def correct(case: Case, number: int, correction: Correction, policy: PolicyInForce) -> None:
    """Put a line of the request right, with no more units than before; policy decides it anew, as of the request.

    Raises:
        AlreadyShippedError: Something of the line has left the customer.
        WrongStateError: The line was given up, denied or resolved.
        QuantityExceededError: It has fewer units.
        AnswerMissingError, AnswerInvalidError: As it is now, a question is not answered, or not as it asks.
    """
    live = _correctable(case, number)
    asked = case.rma.lines[number].asked
    quantity = correction.quantity or total(live)
    if quantity > total(live):
        raise QuantityExceededError(asked=quantity, available=total(live), line=number)
    dropped = _last_units(live, total(live) - quantity)
    corrected = correction.of(asked, quantity, policy.version.document)
    _check_answers_again(case, corrected, without(live, dropped), policy)
    case.rma.trigger_event(
        case.rma.RequestCorrected,
        line=number,
        reason=corrected.reason,
        wish=corrected.wish,
        comment=corrected.comment,
        quantity=quantity,
        dropped=tuple(dropped),
        answers=corrected.answers if correction.answers else None,
        texts=corrected.written if correction.answers else None,
        timestamp=case.at,
    )
    case.order.free_units(case.rma.rma_id, of_order(asked.line_id, dropped), "corrected", case.at)
    authorization.decide_by_policy(case, [number], policy, case.rma.created_on)
    deadlines.keep(case)


def _check_answers_again(case: Case, line: RequestedLine, runs: Sequence[UnitRun], policy: PolicyInForce) -> None:
    rma = case.rma
    if policy.version.document.questions:
        asking = Asking.of(
            case.order,
            rma.created_on,
            gift=rma.gift,
            gift_unproved=rma.gift_unproved,
            informed_at=rma.informed_at,
        )
        facts = asking.facts(line, runs, policy, policy.law(case.order, rma.created_on))
        questions.check(policy.version.document, facts, texts=line.written, line=line.line, withdrawal=rma.withdrawal)


def _correctable(case: Case, number: int) -> list[UnitRun]:
    line = case.rma.line(number)
    if any(state.has_left for _, state in line.states):
        raise AlreadyShippedError("goods are on their way", line=number)
    live = [(run, state) for run, state in line.states if state.is_live]
    if not live or any(not state.is_undecided for _, state in live) or case.rma.closed_at:
        raise WrongStateError("the line can no longer be corrected", line=number)
    return [run for run, _ in live]


def _last_units(runs: Sequence[UnitRun], quantity: int) -> list[UnitRun]:
    dropped: list[UnitRun] = []
    for run in reversed(runs):
        count = min(run.count, quantity)
        if count:
            dropped.append(UnitRun(run.end - count, count))
        quantity -= count
    return dropped
