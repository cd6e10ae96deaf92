"""What is refused of an order alone: for what its lines say, and for money that is not there."""

from __future__ import annotations

from domain.errors import RuleViolationError


class TaxesDoNotSumError(RuleViolationError):
    """Taxes by code are not the tax that was given beside them, or are more than the amount that they are inside of."""

    code = "taxes_do_not_sum"

    def __init__(self, message: str, *, expected: int, given: int, **details: object) -> None:
        super().__init__(message, expected_minor=expected, given_minor=given, **details)


class DuplicateTaxError(RuleViolationError):
    """A tax code stands twice among the taxes of one line, or of the shipping."""

    code = "duplicate_tax"


class DuplicatePromotionError(RuleViolationError):
    """A promotion stands twice in one order."""

    code = "duplicate_promotion"

    def __init__(self, promotion_id: str) -> None:
        super().__init__(f"promotion {promotion_id} is there twice", promotion_id=promotion_id)


class PromotionExceedsDiscountsError(RuleViolationError):
    """A promotion is inside the discounts given, and cannot be more than they are."""

    code = "promotion_exceeds_discounts"

    def __init__(self, promotion_id: str, *, asked: int, available: int) -> None:
        message = f"with promotion {promotion_id} {asked} are named of {available} of discounts given (minor units)"
        super().__init__(message, promotion_id=promotion_id, asked=asked, available_minor=available)


class NotReturnableError(RuleViolationError):
    """The order line is a fee: there are no goods that could come back."""

    code = "not_returnable"

    def __init__(self, *, line_id: str) -> None:
        super().__init__(f"line {line_id} is a fee, which cannot be returned", line_id=line_id)


class NothingToRefundError(RuleViolationError):
    """A refund was asked for of nothing: name units with an amount, or shipping."""

    code = "nothing_to_refund"


class AmountExceedsOwedError(RuleViolationError):
    """More was paid, or written off, than is still owed."""

    code = "amount_exceeds_owed"

    def __init__(self, *, asked: int, owed_minor: int) -> None:
        super().__init__(f"{asked} given, {owed_minor} owed (minor units)", asked=asked, owed_minor=owed_minor)


class ExchangeOfMissingError(RuleViolationError):
    """A tender of kind `exchange` needs `exchange_of`: what it carries comes from there."""

    code = "exchange_of_missing"

    def __init__(self, tender_id: str) -> None:
        super().__init__("a tender of kind exchange needs exchange_of", tender_id=tender_id)
