"""Messages on their way: each is made when it is sent, handed over, and what became of it told to the log.

What was published is published again under the same id, and what was handed over is handed over again under the same
one: whatever is not noted as done is done again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog
from psycopg import Connection

from domain.vocabularies import NoticeKind, NoticeOutcome
from infra.kafka.command_client import OutgoingCommand
from infra.sessions import Session
from infra.sites import Site
from workers.notices import table
from workers.notices.addressing import Addressee, addressee_of, link_to
from workers.notices.case import Case, Reader
from workers.notices.content import headers_of, is_past, kind_of, parts_of
from workers.notices.letters import Letter
from workers.notices.look import Look, TemplateBrokenError
from workers.notices.post import Delivery, Post, not_sent
from workers.notices.receipts import receipt_of
from workers.notices.sms import ShortMessage
from workers.notices.table import Message
from workers.projector.inbox import Outlet

SOURCE: Final = "/rma/notices"
ACTOR: Final = "system:notices"
REASON_MAX: Final = 4_000
REASON_DIGITS: Final = 8
UNSUBSCRIBED: Final = "SELECT EXISTS (SELECT FROM rma_http.unsubscribed WHERE customer_id = %s)"

LOG = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message that is under way, and all that has to be told of it."""

    message: Message
    kind: NoticeKind
    addressee: Addressee
    case: Case

    @property
    def notice_id(self) -> str:
        return self.addressee.notice_id(self.message, self.kind)

    def command(self, outcome: NoticeOutcome, reason: str | None, now: datetime) -> OutgoingCommand:
        """Return the command that tells what became of it: the same for the same outcome of the same try.

        A try of which a worker that was killed told, and remembered nothing, is made again and may fail for another
        reason: that is another command, which records nothing more.
        """
        event = self.case.told.event
        data: dict[str, Any] = {
            "rma_id": str(self.message.rma_id),
            "order_id": self.message.order_id,
            "notice_id": self.notice_id,
            "kind": self.kind,
            "channel": self.addressee.channel,
            "outcome": outcome,
        }
        if reason:
            data["reason"] = reason.replace("\x00", "")[:REASON_MAX]
        return OutgoingCommand(
            type="RecordNotice",
            id=f"{self.notice_id}/{self.message.tries}/{outcome}{_digest(reason)}",
            source=SOURCE,
            key=self.message.order_id,
            time=now,
            actor=ACTOR,
            data=data,
            correlation_id=event.correlation_id,
            causation_id=str(event.event_id),
        )


def _digest(reason: str | None) -> str:
    return f"/{hashlib.sha256(reason.encode()).hexdigest()[:REASON_DIGITS]}" if reason else ""


class Messages:
    """Messages that are due, under way, and done.

    Args:
        session: At the worker's own tables, and the door's.
        reader: Reads the log, texts opened.
        post: Sends.
        outlet: Takes commands.
        look: Templates.
        public_url: What links begin with.
        sites: The addresses that goods are sent to.
    """

    def __init__(
        self,
        *,
        session: Session,
        reader: Reader,
        post: Post,
        outlet: Outlet,
        look: Look,
        public_url: str,
        sites: Mapping[str, Site],
    ) -> None:
        self._session, self._reader, self._post, self._outlet = session, reader, post, outlet
        self._look, self._public_url, self._sites = look, public_url, sites
        self._sending: dict[int, tuple[Prepared, Future[Delivery]]] = {}

    @property
    def futures(self) -> list[Future[Delivery]]:
        return [future for _, future in self._sending.values()]

    def begin(self, now: datetime, room: int) -> None:
        """Begin to send what is due, at most so many."""
        messages = table.due(self._session.connection, now, but=self._sending, limit=room)
        if not messages:
            return
        cases = self._reader.cases(messages)
        prepared = {message.position: _prepared(message, cases[message.position], self._post) for message in messages}
        skipped = [(one, why) for one in prepared.values() if one and (why := self._why_not(one, now))]
        self._tell([one.command("skipped", why, now) for one, why in skipped])
        unsent = {one.message.position for one, _ in skipped}
        done = [one for one in messages if prepared[one.position] is None or one.position in unsent]
        table.mark_done(self._session.connection, done)
        for one in prepared.values():
            if one is not None and one.message.position not in unsent:
                self._sending[one.message.position] = (one, self._begun(one, now))

    def _begun(self, one: Prepared, now: datetime) -> Future[Delivery]:
        try:
            return self._post.send(self._letter(one, now))
        except TemplateBrokenError as broken:  # for these parts only: all templates were tried at the start
            return not_sent(str(broken))

    def _why_not(self, one: Prepared, now: datetime) -> str | None:
        """Return why a message is not sent, as a code; None: it is."""
        if is_past(one.case, now):
            return "no_longer_of_use"
        if one.addressee.address is None:
            return "no_address"
        if one.kind == "survey" and _is_unsubscribed(self._session.connection, one.case.rma.customer_id):
            return "unsubscribed"
        return None

    def _letter(self, one: Prepared, now: datetime) -> Letter | ShortMessage:
        to = one.addressee
        assert to.address is not None  # noqa: S101 - else it is skipped
        link = link_to(self._session.connection, one.case, to.address, self._public_url, now)
        drawn = self._look.draw(one.kind, to.language, parts_of(one.case, one.kind, link, self._sites))
        if to.channel == "sms":
            return ShortMessage(one.notice_id, to.address, drawn.sms)
        letter = Letter(one.notice_id, to.address, to.language, drawn.subject, drawn.text, drawn.html)
        declared = one.case.declaration
        receipt = receipt_of(declared.stored, one.case.key) if declared else None
        return replace(letter, headers=headers_of(one.kind, link), receipt=receipt)

    def note(self, now: datetime, heard: Callable[[Delivery], None]) -> None:
        """Tell the log what became of what was sent, then remember it: in this order, whatever happens."""
        over = [(one, future.result()) for one, future in self._sending.values() if future.done()]
        self._tell([command for one, said in over if (command := _told_of(one, said, now))])
        for one, said in over:
            if one.addressee.channel == "email":
                heard(said)
            self._remember(one.message, said, now)
            del self._sending[one.message.position]
            LOG.info(
                "notice_tried", notice_id=one.notice_id, kind=one.kind, channel=one.addressee.channel, fate=said.fate,
                order_id=one.message.order_id, rma_id=str(one.message.rma_id), tries=one.message.tries + 1,
            )  # fmt: skip

    def _tell(self, commands: Sequence[OutgoingCommand]) -> None:
        if commands:
            self._outlet.publish(commands)

    def _remember(self, message: Message, said: Delivery, now: datetime) -> None:
        connection = self._session.connection
        if said.fate in {"sent", "refused"}:
            table.mark_done(connection, [message])
        elif said.fate == "not_taken":
            table.mark_not_taken(connection, message, now)


def _prepared(message: Message, case: Case | None, post: Post) -> Prepared | None:
    """Return a message with its case; None where it is none of its own, or the log does not hold it."""
    kind = kind_of(case, message.kind) if case else None
    if case is None or kind is None:
        return None
    return Prepared(message, kind, addressee_of(case, by_sms=post.sends_sms), case)


def _told_of(one: Prepared, said: Delivery, now: datetime) -> OutgoingCommand | None:
    """Return what the log is told of a try; that nothing can be sent at all is no news of a message."""
    if said.fate == "away":
        return None
    return one.command("sent" if said.fate == "sent" else "failed", said.reason, now)


def _is_unsubscribed(connection: Connection, customer_id: str) -> bool:
    [(is_one,)] = connection.execute(UNSUBSCRIBED, (customer_id,)).fetchall()
    return bool(is_one)
