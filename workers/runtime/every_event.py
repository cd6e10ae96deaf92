"""The codec of every event that this domain has: apart, since whoever needs none starts without the domain."""

from __future__ import annotations

from typing import Final

from domain.customer import Customer
from domain.history import UPCASTS
from domain.order import Order
from domain.order.bundle import Bundle
from domain.policy.return_policy import ReturnPolicy
from domain.policy.statute_book import StatuteBook
from domain.rma import Rma
from domain.rma.unknown_parcel import UnknownParcel
from domain.settlement.credit_note_series import CreditNoteSeries
from domain.settlement.difference import SettlementDifference
from infra.envelope.codec import Codec

AGGREGATES: Final = (
    Order,
    Bundle,
    Rma,
    ReturnPolicy,
    StatuteBook,
    SettlementDifference,
    CreditNoteSeries,
    UnknownParcel,
    Customer,
)


def make_codec() -> Codec:
    """Return the codec that knows every event of the domain, of every version."""
    return Codec(AGGREGATES, UPCASTS)
