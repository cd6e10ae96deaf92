"""The tree of errors. Every leaf has a stable code that other systems may rely on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar, Final

from domain.values import dataclass

KEEPING_ORDER: Final = (
    "commands keep their order only under one key in one partition, so send all that concerns an order with its "
    "order_id as the key"
)
"""What whoever refers to something that is not there yet has most likely overlooked."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one part of what somebody sent, and where, as a JSON path (``$.lines[0].quantity``)."""

    path: str
    message: str


class RmaError(Exception):
    """Root of everything this project raises on purpose."""

    code: ClassVar[str] = "error"


class UnusableInputError(RmaError):
    """A file, a name or an argument cannot be used as it is; the message names what would do."""

    code = "unusable_input"


class RuleViolationError(RmaError):
    """A command asked for what the rules forbid. Refused with its code and figures, never retried.

    Args:
        message: One sentence for people.
        details: The figures or names that led to the refusal, as JSON values.
    """

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class NotPermittedError(RuleViolationError):
    """This kind of actor, or this source, may not send this command; `details` name those who may, or what it may."""

    code = "not_permitted"


class WrongStateError(RuleViolationError):
    """It exists, but not now."""

    code = "wrong_state"


class TimeInFutureError(RuleViolationError):
    """The business time lies further ahead of this system's clock than clocks differ: a broken clock, or a mistake.

    Args:
        latest: The latest business time that would do, as RFC 3339.
    """

    code = "time_in_future"

    def __init__(self, *, latest: str) -> None:
        super().__init__(f"the business time is in the future: the latest that would do is {latest}", latest=latest)


class BeforeOrderError(RuleViolationError):
    """Units left, or arrived, before their order was placed.

    Args:
        ordered_at: When it was placed, as RFC 3339.
    """

    code = "before_order"

    def __init__(self, *, ordered_at: str) -> None:
        super().__init__(f"the order was placed later, at {ordered_at}", ordered_at=ordered_at)


class QuantityExceededError(RuleViolationError):
    """More units were named than there are in a fitting state."""

    code = "quantity_exceeded"

    def __init__(self, *, asked: int, available: int, **details: object) -> None:
        super().__init__(f"{asked} asked for, {available} possible", asked=asked, available=available, **details)


class UnitsNotAvailableError(RuleViolationError):
    """Fewer units of the order line can still be returned than were asked for."""

    code = "units_not_available"

    def __init__(self, *, line_id: str, asked: int, available: int) -> None:
        message = f"{available} of {asked} units can still be returned"
        super().__init__(message, line_id=line_id, asked=asked, available=available)


class EventTooLargeError(RuleViolationError):
    """What would have to be recorded is more than can be published: thousands of lines under hundreds of rules."""

    code = "event_too_large"

    def __init__(self, event_type: str) -> None:
        super().__init__("what this would record is too large; ask for fewer lines at once", event_type=event_type)


class UnknownOrderError(RuleViolationError):
    """No order is registered under this id, or its registration has not been read yet."""

    code = "unknown_order"

    def __init__(self, order_id: str) -> None:
        super().__init__(f"no order {order_id} is registered; {KEEPING_ORDER}", order_id=order_id)


class UnknownReturnError(RuleViolationError):
    """The order has no return under this id, or its request has not been read yet."""

    code = "unknown_return"

    def __init__(self, rma_id: str, *, order_id: str) -> None:
        message = f"the order has no return {rma_id}; {KEEPING_ORDER}"
        super().__init__(message, rma_id=rma_id, order_id=order_id)


class UnknownLineError(RuleViolationError):
    """The order, or the return, has no line under this identifier or number."""

    code = "unknown_line"


class UnknownPayoutError(RuleViolationError):
    """The order has no payout under this id."""

    code = "unknown_payout"


class UnknownRefundError(RuleViolationError):
    """The order has no such refund."""

    code = "unknown_refund"


class UnknownClaimError(RuleViolationError):
    """The order has no such claim."""

    code = "unknown_claim"


class NoteSubjectError(RuleViolationError):
    """A note is about one thing: a refund, a claim, a reversal of it, or a won chargeback; one that corrects a sale."""

    code = "note_subject"


class WrongSeriesError(RuleViolationError):
    """The credit notes of the order's seller are numbered in another series; ``series_id`` says in which."""

    code = "wrong_series"


class UnknownTenderError(RuleViolationError):
    """The order was paid with no tender under this identifier."""

    code = "unknown_tender"


class UnknownSiteError(RuleViolationError):
    """The return's policy names its sites, and this is none of them."""

    code = "unknown_site"

    def __init__(self, site: str, known: Collection[str]) -> None:
        super().__init__(f"the policy knows no site {site}, only {', '.join(sorted(known))}", site=site)


class UnknownDeadlineError(RuleViolationError):
    """The return has no deadline under this id."""

    code = "unknown_deadline"


class UnknownStoreCreditError(RuleViolationError):
    """No store credit was given under this id, or not by the return that is named."""

    code = "unknown_store_credit"


class UnknownDifferenceError(RuleViolationError):
    """No difference with a gateway's books was reported under this id."""

    code = "unknown_difference"


class UnknownReceiptError(RuleViolationError):
    """The return has no receipt under the identifier that is to be superseded."""

    code = "unknown_receipt"


class UnknownParcelError(RuleViolationError):
    """No parcel that nobody could place is kept under this identifier."""

    code = "unknown_parcel"


class UnknownInspectionError(RuleViolationError):
    """The return has no inspection under the identifier that is to be superseded."""

    code = "unknown_inspection"


class ReasonNeededError(RuleViolationError):
    """A line says no reason why it comes back; only a withdrawal needs none."""

    code = "reason_needed"


class NoPolicyError(RuleViolationError):
    """No policy is published under the order's `policy_id`, which is `standard` where it names none."""

    code = "no_policy"


class OrderExistsError(RuleViolationError):
    """An order under this id is registered already, with other content."""

    code = "order_exists"


class ReturnExistsError(RuleViolationError):
    """A return under this id was requested already, with other content."""

    code = "return_exists"


class TendersDoNotSumError(RuleViolationError):
    """The tenders named do not sum to what was charged, or to what they are to take."""

    code = "tenders_do_not_sum"


class SeveralWaysError(RuleViolationError):
    """Fields were given of which each names another way; one of them at most may be there."""

    code = "several_ways"

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(f"give only one of {', '.join(fields)}", fields=list(fields))


class DiscountExceedsAmountError(RuleViolationError):
    """A discount is larger than what it is taken from."""

    code = "discount_exceeds_amount"


class DuplicateLineError(RuleViolationError):
    """A line stands twice in one command."""

    code = "duplicate_line"


class DuplicateTenderError(RuleViolationError):
    """A tender stands twice in one order."""

    code = "duplicate_tender"


class CurrencyDiffersError(RuleViolationError):
    """What a gateway reports, or an order given in exchange, is in another currency than what it is about."""

    code = "currency_differs"


class AmountDiffersError(RuleViolationError):
    """What a gateway reports is another amount than the payout's."""

    code = "amount_differs"


class AmountExceedsEntitlementError(RuleViolationError):
    """More money was asked for than is left to give: of units, a tender or a store credit."""

    code = "amount_exceeds_entitlement"

    def __init__(self, *, asked: int, available: int, **details: object) -> None:
        message = f"{asked} asked for, {available} left (minor units)"
        super().__init__(message, asked=asked, available=available, available_minor=available, **details)


class AlreadyShippedError(RuleViolationError):
    """The goods are on their way, so it is too late for this."""

    code = "already_shipped"


class LinesOpenError(RuleViolationError):
    """Lines of the return are not through yet, so it cannot be closed."""

    code = "lines_open"


class CommandIdReusedError(RuleViolationError):
    """Another command, or the same with other data, came under this source and id before."""

    code = "command_id_reused"


class IdentifierReusedError(RuleViolationError):
    """An identifier that stands for one fact came again with another."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(f"{name} {value} is already recorded with other content", **{name: value})
        self.code = f"{name}_reused"  # type: ignore[misc]  # one code per kind of identifier: receipt_id_reused, …


class PolicyRuleUnreachableError(RuleViolationError):
    """A rule of the policy never decides anything: rules before it settle all it would."""

    code = "policy_rule_unreachable"


class PolicyRuleImpossibleError(RuleViolationError):
    """A rule, or a question, of the policy asks for what no return can be."""

    code = "policy_rule_impossible"


class PolicyEffectiveDateError(RuleViolationError):
    """A version of a policy would take effect no later than one before it."""

    code = "policy_effective_date"
