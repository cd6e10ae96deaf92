"""What the shop tells: orders, shipments, deliveries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from pydantic import Field

from commands import bundles
from commands.contact import Contact, written
from commands.fields import (
    LINES_MAX,
    PROMOTIONS_MAX,
    ROUNDING_MINOR_MAX,
    SERIALS_MAX,
    TAX_RATE_BPS_MAX,
    TAXES_MAX,
    TENDERS_MAX,
    AmountMinor,
    Body,
    Country,
    Currency,
    Identifier,
    LineNumber,
    Name,
    Quantity,
    Text,
    added_later,
)
from commands.metadata import Meta
from commands.registry import content_hash, handles
from commands.streams import Streams, find_order, find_policy, the_order
from domain.case import requesters
from domain.content import is_same_content
from domain.errors import OrderExistsError
from domain.order import Order
from domain.order.allocation import Charges
from domain.order.gift_code import gift_code_hash, is_same_code
from domain.order.parts import Circumstances, ExchangeOf, LineQuantity, OrderLine, PolicyPin, TaxShare, Tender
from domain.order.placed_order import PlacedOrder
from domain.order.promotions import GivenPromotion, Requires
from domain.settlement import exchange_orders
from domain.vocabularies import LineKind, TenderKind, WithdrawalException


class Tax(Body):
    """Tax under one code, minor units; ``rate_bps`` in basis points: 1,900 is 19 %."""

    code: Identifier
    rate_bps: Annotated[int, Field(ge=0, le=TAX_RATE_BPS_MAX)]
    amount_minor: AmountMinor


Taxes = Annotated[tuple[Tax, ...], Field(max_length=TAXES_MAX)]


class SoldLine(Body):
    """A line of an order; ``amount_minor`` is the price of the whole line before discounts.

    ``taxes`` are those of the whole line, after all discounts: inside the price or on top of it as the order says.
    ``bundle_id`` names the kit that the line was sold as a part of, and no other kit of the seller's, ``unit`` what the
    quantity counts, such as ``g``.
    ``second_hand``: sold as such, with the shorter liability agreed that the law allows; ``digital_consent``: the
    customer consented to a supply at once that ends withdrawal.
    """

    line_id: Identifier
    sku: Name
    quantity: Quantity
    amount_minor: AmountMinor
    discount_minor: AmountMinor = 0
    tax_minor: AmountMinor = 0
    title: Text | None = None
    category: Text | None = None
    final_sale: bool = False
    withdrawal_exception: WithdrawalException | None = None
    warranty_days: Annotated[int, Field(ge=0, le=36_500)] | None = None
    serials: Annotated[tuple[Name, ...], Field(max_length=SERIALS_MAX)] = ()
    taxes: Taxes = added_later(())
    kind: LineKind = added_later("goods")
    bundle_id: Identifier | None = added_later(None)
    unit: Text | None = added_later(None)
    second_hand: bool | None = added_later(None)
    digital_consent: bool | None = added_later(None)

    @property
    def tax_total_minor(self) -> int:
        """The line's tax: as given, else what its taxes sum to."""
        return self.tax_minor if "tax_minor" in self.model_fields_set else sum(tax.amount_minor for tax in self.taxes)


class PaidTender(Body):
    """What was paid with what."""

    tender_id: Identifier
    kind: TenderKind
    amount_minor: AmountMinor
    reference: Name | None = None


class ExchangedFor(Body):
    """The returned line in exchange for which the order was given."""

    order_id: Identifier
    rma_id: UUID
    line: LineNumber


class PromotedLine(Body):
    """A line that a promotion is over."""

    line_id: Identifier


class PromotionRequires(Body):
    """What units that are kept have to meet: all that is named of a least amount after the lines' own discounts (minor
    units) and a least quantity. With ``skus`` only these articles count; alone, one of each has to be kept.
    """

    at_least_minor: AmountMinor | None = None
    at_least_quantity: Quantity | None = None
    skus: Annotated[tuple[Name, ...], Field(min_length=1, max_length=LINES_MAX)] | None = None


class GrantedPromotion(Body):
    """A discount that is inside the discounts given, over ``lines`` (none: all), and what it hung on."""

    promotion_id: Identifier
    amount_minor: AmountMinor
    lines: Annotated[tuple[PromotedLine, ...], Field(min_length=1, max_length=LINES_MAX)] | None = None
    requires: PromotionRequires


class RegisterOrder(Body):
    """Register an order; the command's time is when it was placed.

    ``distance_sale`` (left out: unless the channel is `store`), ``business_buyer`` and whether the customer was
    ``informed`` of the right to withdraw bear on what the law grants.
    ``gift_code``: by which the recipient of a gift proves himself; only a hash of it is kept.
    """

    order_id: Identifier
    customer_id: Identifier
    country: Country
    channel: Identifier
    currency: Currency
    lines: Annotated[tuple[SoldLine, ...], Field(min_length=1, max_length=LINES_MAX)]
    tenders: Annotated[tuple[PaidTender, ...], Field(max_length=TENDERS_MAX)]
    policy_id: Identifier = "standard"
    seller_id: Identifier | None = None
    customer_tier: Identifier | None = None
    tax_included: bool = True
    shipping_minor: AmountMinor = 0
    shipping_tax_minor: AmountMinor = 0
    discount_minor: AmountMinor = 0
    exchange_of: ExchangedFor | None = None
    gift_code: Identifier | None = Field(default=None, exclude=True)
    shipping_taxes: Taxes = added_later(())
    rounding_minor: Annotated[int, Field(ge=-ROUNDING_MINOR_MAX, le=ROUNDING_MINOR_MAX)] = added_later(0)
    distance_sale: bool | None = added_later(None)
    business_buyer: bool | None = added_later(None)
    informed: bool | None = added_later(None)
    promotions: Annotated[tuple[GrantedPromotion, ...], Field(max_length=PROMOTIONS_MAX)] = added_later(())
    contact: Contact | None = added_later(None)

    @property
    def shipping_tax_total_minor(self) -> int:
        """The tax on shipping: as given, else what its taxes sum to."""
        given = "shipping_tax_minor" in self.model_fields_set
        return self.shipping_tax_minor if given else sum(tax.amount_minor for tax in self.shipping_taxes)


class CorrectContact(Body):
    """Put right how the customer of an order is reached; what is given takes the place of all that was known."""

    order_id: Identifier
    contact: Contact


class MovedLine(Body):
    """So many units of an order line."""

    line_id: Identifier
    quantity: Quantity


MovedLines = Annotated[tuple[MovedLine, ...], Field(min_length=1, max_length=LINES_MAX)]


class RecordShipment(Body):
    """Record that units left for the customer."""

    order_id: Identifier
    shipment_id: Identifier
    lines: MovedLines


class RecordDelivery(Body):
    """Record that units reached the customer."""

    order_id: Identifier
    delivery_id: Identifier
    lines: MovedLines


@handles(RegisterOrder, by="system agent")
def register_order(command: RegisterOrder, meta: Meta, streams: Streams) -> None:
    known = find_order(streams, command.order_id)
    if known is not None:
        is_same_gift = is_same_code(known.gift_code_hash, _gift_code_hash(command))
        if not (is_same_gift and is_same_content(known.content_hash, content_hash(command))):
            raise OrderExistsError(f"order {command.order_id} is registered with other content")
        return
    placed = _placed(command)
    given = placed.exchange_of
    origin = find_order(streams, given.order_id) if given else None
    placed, closing = exchange_orders.carried_over(placed, origin)
    new_bundles = bundles.new_of(placed, streams)
    streams.add(Order.register(placed, _version_in_force(command, meta, streams), meta.occurred_at))
    bundles.sell(placed, new_bundles, streams, meta.occurred_at)
    if origin and closing:
        exchange_orders.register(origin, placed, closing, meta.occurred_at)


def _placed(command: RegisterOrder) -> PlacedOrder:
    exchange_of = command.exchange_of
    return PlacedOrder(
        order_id=command.order_id,
        customer_id=command.customer_id,
        country=command.country,
        channel=command.channel,
        currency=command.currency,
        lines=tuple(_line(line) for line in command.lines),
        tenders=tuple(Tender(t.tender_id, t.kind, t.amount_minor, t.reference) for t in command.tenders),
        charges=Charges(
            discount_minor=command.discount_minor,
            shipping_minor=command.shipping_minor,
            shipping_tax_minor=command.shipping_tax_total_minor,
            tax_included=command.tax_included,
            shipping_taxes=_taxes(command.shipping_taxes),
            rounding_minor=command.rounding_minor,
        ),
        policy_id=command.policy_id,
        seller_id=command.seller_id,
        customer_tier=command.customer_tier,
        exchange_of=ExchangeOf(exchange_of.order_id, exchange_of.rma_id, exchange_of.line) if exchange_of else None,
        content_hash=content_hash(command),
        gift_code_hash=_gift_code_hash(command),
        circumstances=_circumstances(command),
        promotions=tuple(_promotion(granted) for granted in command.promotions),
        contact=written(command.contact),
    )


def _promotion(granted: GrantedPromotion) -> GivenPromotion:
    requires = granted.requires
    return GivenPromotion(
        granted.promotion_id,
        granted.amount_minor,
        tuple(line.line_id for line in granted.lines or ()),
        Requires(requires.at_least_minor, requires.at_least_quantity, requires.skus or ()),
    )


def _circumstances(command: RegisterOrder) -> Circumstances | None:
    told = Circumstances(command.distance_sale, command.business_buyer, command.informed)
    return None if told == Circumstances() else told


def _gift_code_hash(command: RegisterOrder) -> str | None:
    return gift_code_hash(command.order_id, command.gift_code) if command.gift_code else None


def _line(line: SoldLine) -> OrderLine:
    """Return a line with its own figures; the order's charges are shared out when it is registered."""
    return OrderLine(
        line_id=line.line_id,
        sku=line.sku,
        quantity=line.quantity,
        goods_minor=0,
        tax_minor=line.tax_total_minor,
        shipping_minor=0,
        title=line.title,
        category=line.category,
        final_sale=line.final_sale,
        withdrawal_exception=line.withdrawal_exception,
        warranty_days=line.warranty_days,
        serials=line.serials,
        amount_minor=line.amount_minor,
        discount_minor=line.discount_minor,
        taxes=_taxes(line.taxes),
        kind=line.kind,
        bundle_id=line.bundle_id,
        unit=line.unit,
        second_hand=line.second_hand,
        digital_consent=line.digital_consent,
    )


def _taxes(taxes: Iterable[Tax]) -> tuple[TaxShare, ...]:
    return tuple(TaxShare(tax.code, tax.rate_bps, tax.amount_minor) for tax in taxes)


def _version_in_force(command: RegisterOrder, meta: Meta, streams: Streams) -> PolicyPin | None:
    policy = find_policy(streams, command.policy_id)
    return None if policy is None else PolicyPin.to(policy.version_for(meta.occurred_at))


@handles(CorrectContact, by="system agent customer")
def correct_contact(command: CorrectContact, meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    if meta.actor_kind == "customer":
        requesters.check_is_customer(order, meta.actor_id)
    order.correct_contact(written(command.contact) or "{}", meta.occurred_at)


@handles(RecordShipment, by="system agent")
def record_shipment(command: RecordShipment, meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    lines = [LineQuantity(line.line_id, line.quantity) for line in command.lines]
    order.ship(command.shipment_id, lines, content_hash(command), meta.occurred_at)


@handles(RecordDelivery, by="system agent carrier")
def record_delivery(command: RecordDelivery, meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    lines = [LineQuantity(line.line_id, line.quantity) for line in command.lines]
    order.deliver(command.delivery_id, lines, content_hash(command), meta.occurred_at)
