"""A real SMTP server that keeps what it is handed, for tests; it may refuse, or break off, as a test says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Thread
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as Visit

TAKEN: Final = "250 taken"
LINK: Final = re.compile(r"https?://\S+")
Answer = Callable[[EmailMessage], str]


@dataclass
class MailServer:
    """What came, in its order, and what is answered to it: ``250 …`` keeps a mail, anything else does not.

    ``port`` is where it answers.
    """

    answer: Answer = lambda _: TAKEN
    port: int = 0
    tried: list[EmailMessage] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(self, _: SMTP, __: Visit, envelope: Envelope) -> str:  # noqa: N802 - the library calls it
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.tried.append(mail)
        said = self.answer(mail)
        if said.startswith("250"):
            self.recipients += envelope.rcpt_tos
            self.mails.append(mail)
        return said

    def to(self, address: str) -> list[EmailMessage]:
        """Return the mails that one address got."""
        return [mail for mail in self.mails if address in str(mail["To"])]


@contextmanager
def mail_server(answer: Answer = lambda _: TAKEN, *, port: int = 0) -> Iterator[MailServer]:
    """Run a server until the block ends."""
    kept, loop = MailServer(answer), asyncio.new_event_loop()
    server = loop.run_until_complete(
        loop.create_server(lambda: SMTP(kept, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", port)
    )
    kept.port = server.sockets[0].getsockname()[1]
    thread = Thread(target=loop.run_forever, name="mail-server")
    thread.start()
    try:
        yield kept
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def text_of(mail: EmailMessage) -> str:
    """Return what a mail says in plain text."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def html_of(mail: EmailMessage) -> str:
    body = mail.get_body(("html",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def links_in(mail: EmailMessage) -> list[str]:
    """Return the addresses that a mail's text names."""
    return LINK.findall(text_of(mail))
