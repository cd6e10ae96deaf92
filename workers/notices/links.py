"""Links that visitors of `/returns/start` want: each goes to the address that its order has on file, or nowhere."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

import structlog
from psycopg import Connection

from workers.http import mails
from workers.http.pages.words import chosen_language
from workers.http.visitors import hashed, new_token
from workers.notices.case import Reader
from workers.notices.contacts import Contact, is_same_address

TAKEN_AT_ONCE_MAX: Final = 100
TAKE: Final = """
    DELETE FROM rma_http.wanted_links WHERE wanted_id IN (
        SELECT wanted_id FROM rma_http.wanted_links ORDER BY wanted_id LIMIT %s FOR UPDATE SKIP LOCKED
    ) RETURNING order_id, email, language
"""

LOG = structlog.get_logger()


class Wanted(NamedTuple):
    """What a visitor typed, and the language of the page."""

    order_id: str
    email: str
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
            order = orders.get(one.order_id)
            contact = order and Contact.read(order.contact)
            if order and contact and contact.email and is_same_address(contact.email, one.email):
                token = new_token()
                mails.keep_start_link(connection, hashed(token), order.order_id, order.customer_id, now)
                language = chosen_language(one.language, None, contact.language or "")
                link = f"{public_url}/returns/link?token={token}"
                mail = mails.Mail("start_link", order.order_id, contact.email, language, "", link)
                mails.put_in_outbox(connection, mail, now)
                LOG.info("start_link_wanted", order_id=order.order_id)
    return len(wanted)
