"""To whom a message goes, and by which way; the id that it has on every try, and the link to the return's own page."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from psycopg import Connection

from domain.case.requesters import requester_of
from domain.vocabularies import NoticeChannel, NoticeKind
from workers.http.pages.words import Language, chosen_language
from workers.http.visitors import hashed, new_token
from workers.notices.case import Case
from workers.notices.contacts import Contact
from workers.notices.table import Message

HASH_DIGITS: Final = 8
KEEP_LINK: Final = """
    INSERT INTO rma_http.return_links (link, rma_id, order_id, customer_id, made_at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (link) DO UPDATE SET made_at = excluded.made_at
"""
Role = Literal["requester", "customer"]


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who is told, as the return knows him or as the order does; ``address`` None: nobody knows how to reach him."""

    role: Role
    channel: NoticeChannel = "email"
    address: str | None = None
    language: Language = "en"

    def notice_id(self, message: Message, kind: NoticeKind) -> str:
        """Return the id of a message to him: one event may be told to several, by several ways."""
        whom = hashlib.sha256(f"{self.channel}\n{self.role}".encode()).hexdigest()[:HASH_DIGITS]
        return f"{message.event_id}.{kind}.{whom}"


def addressee_of(case: Case, *, by_sms: bool) -> Addressee:
    """Return who is told of a return: whoever asked for it, else, unless it is a gift, the order's customer.

    A gift's giver is told nothing of it. By mail where there is an address, else to the phone where we can.
    """
    for role, written in _known(case):
        contact = Contact.read(written)
        if contact is None:
            continue
        language = chosen_language(None, None, contact.language or "")
        if contact.email:
            return Addressee(role, "email", contact.email, language)
        if contact.phone and by_sms:
            return Addressee(role, "sms", contact.phone, language)
    return Addressee("requester" if case.rma.gift else "customer")


def _known(case: Case) -> list[tuple[Role, str | None]]:
    of_return: tuple[Role, str | None] = ("requester", case.now.contact)
    return [of_return] if case.rma.gift else [of_return, ("customer", case.current_contact)]


def link_to(connection: Connection, case: Case, address: str, public_url: str, now: datetime) -> str:
    """Return the address of the return's own page for whoever is written to, and let it open the page from now on.

    One a return and address: it follows from the key of the customer's texts, so that it is the same on every try and
    nobody can make it once he is forgotten. Sent again it is new: one that ended with the address before lives again.
    """
    rma = case.rma
    token = new_token()
    if case.key is not None:
        told = f"rma return link\n{rma.rma_id}\n{address.casefold()}".encode()
        token = urlsafe_b64encode(hmac.digest(case.key.secret, told, "sha256")).rstrip(b"=").decode()
    holder = requester_of(case.order, rma) or rma.customer_id
    connection.execute(KEEP_LINK, (hashed(token), rma.rma_id, rma.order_id, holder, now))
    return f"{public_url}/r/{token}"
