"""What the facts of an order are made of. Fields are a storage format: add, never rename."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Self
from uuid import UUID

from domain.money import run_minor
from domain.policy.return_policy import PolicyVersion
from domain.units import UnitRun
from domain.values import dataclass
from domain.vocabularies import LineKind, OwedFor, TenderKind, WithdrawalException


@dataclass(frozen=True, slots=True)
class TaxShare:
    """What of a sum is tax under one code (minor units); ``rate_bps`` in basis points, None where nobody told it."""

    code: str
    rate_bps: int | None
    amount_minor: int

    @property
    def key(self) -> tuple[str, int | None]:
        """What tells it from other taxes."""
        return self.code, self.rate_bps


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the law asks of how an order came about; None: nobody said."""

    distance_sale: bool | None = None
    business_buyer: bool | None = None
    informed: bool | None = None
    """Whether the customer was told of the right to withdraw."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A line as it was sold, with its share of every cent of the order (minor units).

    ``goods_minor`` is the price after all discounts, ``tax_minor`` the tax on top (0 where prices include it),
    ``shipping_minor`` its share of outward shipping with the tax on it. ``taxes`` says by code what of goods and tax
    is tax, ``shipping_taxes`` what of the shipping is: inside the price or on top of it, as the order says.
    ``second_hand``: sold as such with the shorter liability that the law allows agreed; ``digital_consent``: the
    customer consented to a supply at once that ends withdrawal. None: nobody said.
    """

    line_id: str
    sku: str
    quantity: int
    goods_minor: int
    tax_minor: int
    shipping_minor: int
    title: str | None = None
    category: str | None = None
    final_sale: bool = False
    withdrawal_exception: WithdrawalException | None = None
    warranty_days: int | None = None
    serials: tuple[str, ...] = ()
    amount_minor: int = 0
    discount_minor: int = 0
    taxes: tuple[TaxShare, ...] = ()
    shipping_taxes: tuple[TaxShare, ...] = ()
    kind: LineKind = "goods"
    bundle_id: str | None = None
    unit: str | None = None
    second_hand: bool | None = None
    digital_consent: bool | None = None

    @property
    def names_taxes(self) -> bool:
        """Tell whether the order says by code what of the line is tax; those from before codes do not."""
        return bool(self.taxes or self.shipping_taxes)

    @property
    def is_aside(self) -> bool:
        """Tell whether it bears nothing of what an order carries beside its lines: a fee, or a deposit."""
        return self.kind in {"fee", "deposit"}

    @property
    def after_own_discount_minor(self) -> int:
        """The line's amount after its own discount, before its share of the order's, minor units."""
        return self.amount_minor - self.discount_minor

    @property
    def paid_minor(self) -> int:
        """Goods and tax of the whole line."""
        return self.goods_minor + self.tax_minor

    def goods_of(self, run: UnitRun) -> int:
        """Return the goods cents of a run of units."""
        return run_minor(self.goods_minor, self.quantity, run.first, run.count)

    def tax_of(self, run: UnitRun) -> int:
        """Return the cents of tax on top of a run of units."""
        return run_minor(self.tax_minor, self.quantity, run.first, run.count)

    def shipping_of(self, run: UnitRun) -> int:
        """Return the cents of outward shipping that fall to a run of units."""
        return run_minor(self.shipping_minor, self.quantity, run.first, run.count)

    def paid_of(self, run: UnitRun) -> int:
        """Return the goods and tax cents of a run of units."""
        return self.goods_of(run) + self.tax_of(run)


@dataclass(frozen=True, slots=True)
class Tender:
    """What was paid with what, in minor units of the order's currency."""

    tender_id: str
    kind: TenderKind
    amount_minor: int
    reference: str | None = None
    from_order_id: str | None = None
    """The order that was paid with it, where an exchange brought its money here."""


@dataclass(frozen=True, slots=True)
class TenderShare:
    """What of a sum one tender takes, in minor units of the order's currency."""

    tender_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Payment:
    """What a customer paid on a tender that was owed, in minor units; ``reference`` is the payment's own name."""

    payment_id: str
    tender_id: str
    amount_minor: int
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentShare:
    """What of a sum is about one payment of the customer's, in minor units."""

    payment_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class OwedShare:
    """What of a sum falls to one debt of the customer's, in minor units."""

    rma_id: UUID | None
    because: OwedFor
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ExchangeOf:
    """The returned line in exchange for which an order was given."""

    order_id: str
    rma_id: UUID
    line: int


@dataclass(frozen=True, slots=True)
class PolicyPin:
    """The policy version that an order is held to, for ever."""

    policy_id: str
    number: int
    hash: str

    @classmethod
    def to(cls, version: PolicyVersion) -> Self:
        """Return the pin to a version."""
        return cls(version.policy_id, version.number, version.hash)


@dataclass(frozen=True, slots=True)
class LineQuantity:
    """So many units of one order line."""

    line_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class LineRun:
    """A run of units of one order line."""

    line_id: str
    first: int
    count: int

    @property
    def run(self) -> UnitRun:
        """The units as a run."""
        return UnitRun(self.first, self.count)


@dataclass(frozen=True, slots=True)
class UnitSerial:
    """A unit of an order line, and the serial number that it came in under."""

    line_id: str
    unit: int
    serial: str


@dataclass(frozen=True, slots=True)
class Consignment:
    """Units of a line that were shipped, or delivered, at one instant; the lowest-numbered come first."""

    at: datetime
    quantity: int


@dataclass(frozen=True, slots=True)
class Credit:
    """What one refund gives back for a run of units of an order line, before fees (minor units).

    ``taxes`` says by code what of it is tax, on goods and shipping alike, ``shipping_taxes`` what of that is
    shipping's; both name every code of the line, with what falls to these units. Empty: the order names no taxes.
    """

    line: int
    line_id: str
    first: int
    count: int
    goods_minor: int
    tax_minor: int
    shipping_minor: int
    fee_minor: int = 0
    fee_base_minor: int = 0
    taxes: tuple[TaxShare, ...] = ()
    shipping_taxes: tuple[TaxShare, ...] = ()

    @property
    def run(self) -> UnitRun:
        """The units as a run."""
        return UnitRun(self.first, self.count)

    @property
    def paid_minor(self) -> int:
        """Goods and tax together (minor units)."""
        return self.goods_minor + self.tax_minor

    @property
    def goods_taxes(self) -> tuple[TaxShare, ...]:
        """Taxes without those on shipping."""
        shipping = {tax.key: tax.amount_minor for tax in self.shipping_taxes}
        return tuple(replace(tax, amount_minor=tax.amount_minor - shipping.get(tax.key, 0)) for tax in self.taxes)

    @property
    def gross_minor(self) -> int:
        """Goods, tax and shipping together, before fees (minor units)."""
        return self.goods_minor + self.tax_minor + self.shipping_minor


@dataclass(frozen=True, slots=True)
class LineAmount:
    """So much money for so many units of one order line (minor units)."""

    line_id: str
    quantity: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class RefundedLine:
    """What one refund is for one order line: units refunded for the first time, its share net of fees (minor units)."""

    line_id: str
    units: int
    amount_minor: int
