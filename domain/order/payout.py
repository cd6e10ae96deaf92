"""A payout: one sum on its way to where money goes back. Fields are a storage format: add, never rename."""

from __future__ import annotations

from uuid import UUID

from domain.values import dataclass
from domain.vocabularies import PayoutStatus, TenderKind


@dataclass(frozen=True, slots=True)
class Payout:
    """One sum to one tender (None: issued as store credit), under a key of its own.

    ``rma_id`` None: no return asked for it.
    """

    payout_id: UUID
    refund_id: UUID
    rma_id: UUID | None
    tender_id: str | None
    tender_kind: TenderKind
    amount_minor: int
    idempotency_key: str
    attempt: int = 1
    status: PayoutStatus = "requested"
    retried: bool = False
    tender_reference: str | None = None
    """The payment's own name of the tender, by which a gateway finds what to give back."""
    holder_id: str | None = None
    """Who may spend it, where it is store credit."""
    set_off: bool = False
    """It lowers what the customer owes on the tender: settled by us, at once."""
    credit_id: UUID | None = None
    """The store credit that it adds to, where an earlier payout of the same command issued that; None: its own."""
    elsewhere: bool = False
    """It was made elsewhere, before we knew of it."""
    gave_way: bool = False
    """It failed because money that went back elsewhere left no room for it."""
    covered_minor: int = 0
    """What of it that money has paid, minor units."""
    returns_payment: bool = False
    """It gives back what the customer had paid: ``tender_id`` is that payment's, no tender of the order's."""

    @property
    def credit(self) -> UUID:
        """The id of the store credit that it issues or adds to, where it is one."""
        return self.credit_id or self.payout_id

    @property
    def is_ours(self) -> bool:
        """Tell whether we settle it ourselves, as store credit or against what is owed; no gateway is asked."""
        return self.tender_id is None or self.set_off

    @property
    def names_its_payment(self) -> bool:
        """Tell whether it goes back to a payment that came after the order, by whose reference it is known."""
        return self.tender_kind == "on_account" or self.returns_payment

    @property
    def left_minor(self) -> int:
        """What of it nothing else has paid, minor units."""
        return self.amount_minor - self.covered_minor

    @property
    def is_under_way(self) -> bool:
        """Tell whether it has been asked for, and neither been made nor failed."""
        return self.status in {"requested", "unknown"}

    @property
    def may_be_retried(self) -> bool:
        """Tell whether it failed at the gateway, and nothing else has paid it or is about to."""
        return self.has_failed and not (self.retried or self.gave_way or self.elsewhere) and self.left_minor > 0

    @property
    def counts(self) -> bool:
        """Tell whether its refund stands where it does: not where others took its place."""
        return not self.retried and (self.elsewhere or not self.has_failed or self.may_be_retried)

    @property
    def awaits_outcome(self) -> bool:
        """Tell whether nobody has said yet what became of it."""
        return self.status == "requested"

    @property
    def is_settled(self) -> bool:
        return self.status == "settled"

    @property
    def has_failed(self) -> bool:
        return self.status == "failed"


@dataclass(frozen=True, slots=True)
class PayoutCover:
    """What of a payout was paid by money that went back elsewhere, in minor units."""

    payout_id: UUID
    refund_id: UUID
    amount_minor: int
