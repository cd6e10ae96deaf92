"""The way out for mails: an SMTP server, and what it said of each."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from queue import Empty, LifoQueue
from typing import Final
from urllib.parse import unquote, urlsplit

import structlog

TIMEOUT_S: Final = 10.0
"""Longest wait for one answer of the server."""
PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
REFUSED_FOR_GOOD: Final = 500
"""Answers from here on say that trying again is of no use (RFC 5321)."""
REASON_MAX: Final = 300

LOG = structlog.get_logger()


class SmtpAwayError(Exception):
    """The server does not answer, or does not let us in: it is nothing about a mail."""


class NotTakenError(Exception):
    """The server did not take a mail.

    Args:
        reason: What it said.
        for_good: Trying again is of no use.
    """

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(reason)
        self.reason, self.for_good = reason[:REASON_MAX], for_good


class Smtp:
    """Connections to the server of an address (``smtp://``, ``smtp+starttls://``, ``smtps://``); for several threads.

    Args:
        url: With user and password, percent-encoded, where the server asks for them.
    """

    def __init__(self, url: str) -> None:
        self._at = urlsplit(url)
        self._idle: LifoQueue[smtplib.SMTP] = LifoQueue()

    def send(self, message: EmailMessage, sender: str, recipient: str) -> None:
        """Hand a mail to the server, which has it when this returns.

        Raises:
            SmtpAwayError: Nothing can be sent now.
            NotTakenError: This mail was not taken.
        """
        with self._connection() as connection, _said_of_mail():
            connection.send_message(message, from_addr=sender, to_addrs=[recipient])

    def close(self) -> None:
        while not self._idle.empty():
            _leave(self._idle.get_nowait())

    @contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        """Lend a connection that answers; one that a mail made fail is not used again."""
        connection = self._known() or self._opened()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.put(connection)

    def _known(self) -> smtplib.SMTP | None:
        """Return a connection that was used before and still answers: servers end those that are silent for long."""
        while True:
            try:
                connection = self._idle.get_nowait()
            except Empty:
                return None
            try:
                if connection.noop()[0] == 250:
                    return connection
            except (smtplib.SMTPException, OSError):
                pass
            connection.close()

    def _opened(self) -> smtplib.SMTP:
        host, port = self._at.hostname or "", self._at.port or PORTS[self._at.scheme]
        try:
            connection = self._greeted(host, port)
        except (smtplib.SMTPException, OSError) as error:
            raise SmtpAwayError(f"{host}:{port}: {error}") from error
        return connection

    def _greeted(self, host: str, port: int) -> smtplib.SMTP:
        us = socket.gethostname()
        if self._at.scheme == "smtps":
            context = ssl.create_default_context()
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                host, port, local_hostname=us, timeout=TIMEOUT_S, context=context
            )
        else:
            connection = smtplib.SMTP(host, port, local_hostname=us, timeout=TIMEOUT_S)
        try:
            if self._at.scheme == "smtp+starttls":
                connection.starttls(context=ssl.create_default_context())
            if self._at.username:
                connection.login(unquote(self._at.username), unquote(self._at.password or ""))
        except BaseException:
            connection.close()
            raise
        return connection


def _leave(connection: smtplib.SMTP) -> None:
    try:
        connection.quit()
    except (smtplib.SMTPException, OSError):
        connection.close()


@contextmanager
def _said_of_mail() -> Iterator[None]:
    """Raise what the server said of a mail as ``NotTakenError``; a connection that broke may have taken it or not."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as refused:
        [(code, said)] = refused.recipients.values()
        raise _not_taken(code, said) from refused
    except smtplib.SMTPResponseException as refused:
        raise _not_taken(refused.smtp_code, refused.smtp_error) from refused
    except smtplib.SMTPNotSupportedError as refused:
        raise NotTakenError(str(refused), for_good=True) from refused
    except (smtplib.SMTPException, OSError) as broken:
        raise NotTakenError(str(broken) or type(broken).__name__, for_good=False) from broken


def _not_taken(code: int, said: bytes | str) -> NotTakenError:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return NotTakenError(f"{code} {' '.join(text.split())}", for_good=code >= REFUSED_FOR_GOOD)
