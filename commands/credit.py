"""Store credit: what holders pay with it."""

from __future__ import annotations

from commands.fields import Body, Currency, Identifier, PositiveAmountMinor
from commands.following import find_store_credit
from commands.metadata import Meta
from commands.registry import content_hash, handles
from commands.streams import Streams
from domain.errors import AmountExceedsEntitlementError


class SpendStoreCredit(Body):
    """Pay an order with store credit that returns have issued; ``holder_id`` is the customer, or a gift's recipient."""

    holder_id: Identifier
    currency: Currency
    spend_id: Identifier
    order_id: Identifier
    amount_minor: PositiveAmountMinor


@handles(SpendStoreCredit, by="system agent")
def spend_store_credit(command: SpendStoreCredit, meta: Meta, streams: Streams) -> None:
    account = find_store_credit(streams, command.holder_id, command.currency)
    if account is None:
        raise AmountExceedsEntitlementError(asked=command.amount_minor, available=0)
    account.spend(
        command.spend_id,
        command.amount_minor,
        order_id=command.order_id,
        content_hash=content_hash(command),
        at=meta.occurred_at,
    )
