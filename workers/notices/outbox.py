"""The pages' own mails, which tell of no event: links that were wanted, receipts of declarations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from psycopg import Connection

from infra.sessions import Session
from workers.http.mails import START_LINK_FOR
from workers.http.pages.words import Language, chosen_language
from workers.notices.letters import Letter
from workers.notices.look import Look, TemplateBrokenError
from workers.notices.post import Delivery, Post, not_sent
from workers.notices.retries import again_at, is_given_up

DUE: Final = """
    SELECT mail_id, kind, recipient, language, subject, body, made_at, tries FROM rma_http.outbox
    WHERE sent_at IS NULL AND given_up_at IS NULL AND coalesce(try_at, made_at) <= %s AND NOT mail_id = ANY(%s)
    ORDER BY made_at LIMIT %s
"""
SENT: Final = "UPDATE rma_http.outbox SET sent_at = %s, subject = '', body = '' WHERE mail_id = %s"
LATER: Final = "UPDATE rma_http.outbox SET tries = tries + 1, try_at = %s WHERE mail_id = %s AND sent_at IS NULL"
GIVE_UP: Final = """
    UPDATE rma_http.outbox SET given_up_at = %s, subject = '', body = '' WHERE mail_id = %s AND sent_at IS NULL
"""
START_LINK: Final = "start_link"

LOG = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OutboxMail:
    """A mail of the outbox that is due."""

    mail_id: UUID
    kind: str
    recipient: str
    language: Language
    subject: str
    body: str
    made_at: datetime
    tries: int

    def is_too_late(self, now: datetime) -> bool:
        """Tell whether what it says is no longer so: a link that opens nothing any more."""
        return self.kind == START_LINK and now - self.made_at >= START_LINK_FOR

    def letter(self, look: Look) -> Letter:
        """Return what is sent; raises ``TemplateBrokenError``."""
        if self.kind == START_LINK:
            drawn = look.draw(START_LINK, self.language, {"link": self.body})
        else:
            drawn = look.draw("plain", self.language, {"subject": self.subject, "text": self.body, "link": ""})
        return Letter(str(self.mail_id), self.recipient, self.language, drawn.subject, drawn.text, drawn.html)


def due(connection: Connection, now: datetime, *, but: Iterable[UUID], limit: int) -> list[OutboxMail]:
    """Return mails that are to be sent now, beside those that are under way, the oldest first."""
    rows = connection.execute(DUE, (now, list(but), limit)).fetchall()
    return [
        OutboxMail(mail_id, kind, to, chosen_language(language, None, ""), *rest)
        for mail_id, kind, to, language, *rest in rows
    ]


def mark_sent(connection: Connection, mail: OutboxMail, now: datetime) -> None:
    """Note that the server has a mail; what it said is forgotten."""
    connection.execute(SENT, (now, mail.mail_id))


def mark_not_taken(connection: Connection, mail: OutboxMail, now: datetime, *, for_good: bool) -> None:
    """Note that a mail was not taken: it is tried again later, unless that is of no use."""
    if for_good or is_given_up(mail.made_at, now):
        connection.execute(GIVE_UP, (now, mail.mail_id))
    else:
        connection.execute(LATER, (again_at(mail.tries, now), mail.mail_id))


class Outbox:
    """The outbox's mails that are due, under way, and done."""

    def __init__(self, session: Session, post: Post, look: Look) -> None:
        self._session, self._post, self._look = session, post, look
        self._sending: dict[UUID, tuple[OutboxMail, Future[Delivery]]] = {}

    @property
    def futures(self) -> list[Future[Delivery]]:
        return [future for _, future in self._sending.values()]

    def begin(self, now: datetime, room: int) -> None:
        """Begin to send what is due, at most so many."""
        for mail in due(self._session.connection, now, but=self._sending, limit=room):
            if mail.is_too_late(now):
                mark_not_taken(self._session.connection, mail, now, for_good=True)
            else:
                self._sending[mail.mail_id] = (mail, self._begun(mail))

    def _begun(self, mail: OutboxMail) -> Future[Delivery]:
        try:
            return self._post.send(mail.letter(self._look))
        except TemplateBrokenError as broken:
            return not_sent(str(broken))

    def note(self, now: datetime, heard: Callable[[Delivery], None]) -> None:
        """Remember what became of what was sent."""
        for mail, future in list(self._sending.values()):
            if future.done():
                said = future.result()
                heard(said)
                self._remember(mail, said, now)
                del self._sending[mail.mail_id]
                LOG.info("mail_tried", mail_id=str(mail.mail_id), kind=mail.kind, fate=said.fate, tries=mail.tries + 1)

    def _remember(self, mail: OutboxMail, said: Delivery, now: datetime) -> None:
        if said.fate == "sent":
            mark_sent(self._session.connection, mail, now)
        elif said.fate != "away":
            mark_not_taken(self._session.connection, mail, now, for_good=said.fate == "refused")
