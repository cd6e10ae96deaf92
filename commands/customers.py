"""People who are forgotten."""

from __future__ import annotations

from typing import cast

from commands.fields import Body, Identifier
from commands.metadata import Meta
from commands.registry import handles
from commands.streams import Streams
from domain.customer import Customer
from domain.identity import customer_stream
from domain.vocabularies import ErasureReason


class EraseCustomer(Body):
    """Make unreadable for ever what a customer wrote, and what others wrote of him; its key is the customer.

    Where nothing is sealed for the customer, it is accepted without events.
    """

    customer_id: Identifier
    reason: ErasureReason


@handles(EraseCustomer, by="agent system")
def erase_customer(command: EraseCustomer, meta: Meta, streams: Streams) -> None:
    stream = customer_stream(command.customer_id)
    keys = streams.keys_of(stream)
    if not keys:
        return
    known = cast("Customer | None", streams.get(stream))
    if known is None:
        streams.add(Customer.erase(command.customer_id, command.reason, keys, meta.occurred_at))
    else:
        known.erase_again(command.reason, keys, meta.occurred_at)
