"""The tree of errors. Every leaf has a stable code that other systems may rely on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

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
    code = "not_permitted"


class WrongStateError(RuleViolationError):
    """It exists, but not now."""

    code = "wrong_state"


class QuantityExceededError(RuleViolationError):
    """More units were named than there are in a fitting state."""

    code = "quantity_exceeded"

    def __init__(self, *, asked: int, available: int, **details: object) -> None:
        super().__init__(f"{asked} asked for, {available} possible", asked=asked, available=available, **details)


class UnitsNotAvailableError(RuleViolationError):
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
    code = "unknown_line"


class UnknownPayoutError(RuleViolationError):
    code = "unknown_payout"


class UnknownTenderError(RuleViolationError):
    code = "unknown_tender"


class UnknownDeadlineError(RuleViolationError):
    code = "unknown_deadline"


class UnknownStoreCreditError(RuleViolationError):
    code = "unknown_store_credit"


class UnknownDifferenceError(RuleViolationError):
    code = "unknown_difference"


class UnknownInspectionError(RuleViolationError):
    code = "unknown_inspection"


class NoPolicyError(RuleViolationError):
    code = "no_policy"


class OrderExistsError(RuleViolationError):
    code = "order_exists"


class ReturnExistsError(RuleViolationError):
    code = "return_exists"


class TendersDoNotSumError(RuleViolationError):
    code = "tenders_do_not_sum"


class DiscountExceedsAmountError(RuleViolationError):
    code = "discount_exceeds_amount"


class DuplicateLineError(RuleViolationError):
    code = "duplicate_line"


class DuplicateTenderError(RuleViolationError):
    code = "duplicate_tender"


class CurrencyDiffersError(RuleViolationError):
    code = "currency_differs"


class AmountDiffersError(RuleViolationError):
    code = "amount_differs"


class AmountExceedsEntitlementError(RuleViolationError):
    code = "amount_exceeds_entitlement"

    def __init__(self, *, asked: int, available: int, **details: object) -> None:
        message = f"{asked} asked for, {available} left (minor units)"
        super().__init__(message, asked=asked, available=available, **details)


class AlreadyShippedError(RuleViolationError):
    code = "already_shipped"


class LinesOpenError(RuleViolationError):
    code = "lines_open"


class CommandIdReusedError(RuleViolationError):
    code = "command_id_reused"


class IdentifierReusedError(RuleViolationError):
    """An identifier that stands for one fact came again with another."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(f"{name} {value} is already recorded with other content", **{name: value})
        self.code = f"{name}_reused"  # type: ignore[misc]  # one code per kind of identifier: receipt_id_reused, …


class PolicyRuleUnreachableError(RuleViolationError):
    code = "policy_rule_unreachable"


class PolicyRuleImpossibleError(RuleViolationError):
    code = "policy_rule_impossible"


class PolicyEffectiveDateError(RuleViolationError):
    code = "policy_effective_date"
