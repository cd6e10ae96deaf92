"""Links that visitors of `/returns/start` want: each goes to the address that its order has on file, or nowhere; of a
gift, whose code was typed, to the recipient's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple
from uuid import uuid4

import structlog
from psycopg import Connection

from domain.order import Order
from domain.order.gift_code import is_proved
from workers.http import mails
from workers.http.pages.words import chosen_language
from workers.http.visitors import Admitted, Gift, hashed, new_token
from workers.notices.case import Reader
from workers.notices.contacts import Contact, is_same_address

TAKEN_AT_ONCE_MAX: Final = 100
TAKE: Final = """
    WITH taken AS (
        DELETE FROM rma_http.wanted_links WHERE wanted_id IN (
            SELECT wanted_id FROM rma_http.wanted_links ORDER BY wanted_id LIMIT %s FOR UPDATE SKIP LOCKED
        ) RETURNING wanted_id, order_id, email, language, gift_code
    )
    SELECT order_id, email, language, gift_code FROM taken ORDER BY wanted_id
"""

LOG = structlog.get_logger()


class Wanted(NamedTuple):
    """What a visitor typed, and the language of the page; ``gift_code``: he was given what he wants to return."""

    order_id: str
    email: str
    language: str
    gift_code: str | None = None


class Whose(NamedTuple):
    """Whom a link lets in, where it goes, and in which language."""

    admitted: Admitted
    to: str
    language: str


def answer_wanted(connection: Connection, reader: Reader, public_url: str, now: datetime) -> int:
    """Put the links that are wanted into the outbox, at most 100; return how many there were.

    A link is forgotten as wanted and put into the outbox in one transaction, so that none is lost.

    Args:
        connection: To the door's schema.
        reader: Reads orders, their texts opened.
        public_url: Where links lead.
    """
    with connection.transaction():
        wanted = [Wanted(*row) for row in connection.execute(TAKE, (TAKEN_AT_ONCE_MAX,))]
        orders = reader.orders(one.order_id for one in wanted) if wanted else {}
        for one in wanted:
            whose = _gifts(connection, one, orders, now) if one.gift_code else _customers(one, orders)
            if whose:
                admitted, to, language = whose
                token = new_token()
                mails.keep_start_link(connection, hashed(token), admitted, now)
                link = f"{public_url}/returns/link?token={token}"
                mail = mails.Mail("start_link", admitted.order_id, to, language, "", link)
                mails.put_in_outbox(connection, mail, now)
                LOG.info("start_link_wanted", order_id=admitted.order_id, gift=admitted.gift is not None)
    return len(wanted)


def _customers(wanted: Wanted, orders: Mapping[str, Order]) -> Whose | None:
    """Return the order's customer, where what was typed is the address on file: the link goes there."""
    order = orders.get(wanted.order_id)
    contact = order and Contact.read(order.contact)
    if not (order and contact and contact.email and is_same_address(contact.email, wanted.email)):
        return None
    language = chosen_language(wanted.language, None, contact.language or "")
    return Whose(Admitted(order.order_id, order.customer_id), contact.email, language)


def _gifts(connection: Connection, wanted: Wanted, orders: Mapping[str, Order], now: datetime) -> Whose | None:
    """Return the recipient of a gift, where the code is the order's: the link goes to the address that he typed.

    He is nobody that the log knows, and no address is in his name: each link makes another.
    """
    order = orders.get(wanted.order_id)
    if order is None or not mails.may_try_gift_code(connection, order.order_id, now):
        return None
    if wanted.gift_code is None or not is_proved(order.gift_code_hash, order.order_id, wanted.gift_code):
        return None
    gift = Gift(wanted.email, wanted.gift_code)
    admitted = Admitted(order.order_id, f"gift-{uuid4().hex}", gift)
    return Whose(admitted, wanted.email, chosen_language(wanted.language, None, ""))
