"""A letter as it goes out: who gets it, what it says as text and as HTML, and the id by which a repeat is known."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Final

from infra.settings import Settings

SUBJECT_MAX: Final = 200
RECEIPT_NAME: Final = "receipt.json"
UNPRINTED: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
"""Categories of characters that no header holds: line breaks, controls, marks that turn the direction of reading."""
WHOLE: Final = frozenset({"list-unsubscribe", "message-id"})
"""Headers of one word, which others read as it stands; folded, it would be encoded, or stand behind a blank."""


class LetterPolicy(EmailPolicy):
    """How a letter is written (RFC 5322), with headers of one word as they are (RFC 2369)."""

    def fold(self, name: str, value: str) -> str:
        return f"{name}: {value}{self.linesep}" if name.lower() in WHOLE else super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("ascii") if name.lower() in WHOLE else super().fold_binary(name, value)


POLICY: Final = LetterPolicy(linesep="\r\n")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes: ``name`` may be empty."""

    name: str
    address: str

    @classmethod
    def of(cls, settings: Settings) -> Sender:
        """Return the sender of the settings, which have seen to it that there is one."""
        assert settings.notices_sender  # noqa: S101 - else the settings were refused
        return cls(*parseaddr(settings.notices_sender))

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes to one address. ``letter_id`` is the same on every try: it becomes the Message-ID.

    ``receipt``: a JSON file that goes along; None: none does.
    """

    letter_id: str
    recipient: str
    language: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)
    receipt: bytes | None = None


def one_line(text: str) -> str:
    """Return a text as a header may hold it: one line, without what is not printed."""
    shown = "".join(" " if unicodedata.category(one) in UNPRINTED else one for one in text)
    return " ".join(shown.split())[:SUBJECT_MAX]


def message_of(letter: Letter, sender: Sender, at: datetime) -> EmailMessage:
    """Return a letter as a mail (RFC 5322).

    Raises:
        ValueError: Its recipient is no address that a mail could go to.
    """
    message = EmailMessage(POLICY)
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    if letter.receipt is not None:
        message.add_attachment(letter.receipt, maintype="application", subtype="json", filename=RECEIPT_NAME)
    message["From"] = Address(one_line(sender.name), addr_spec=sender.address)
    local, _, domain = letter.recipient.rpartition("@")
    if one_line(letter.recipient) != letter.recipient or not local or not domain:
        raise ValueError("is no address")
    message["To"] = Address(username=local, domain=domain)
    message["Subject"] = one_line(letter.subject)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{letter.letter_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = letter.language
    for name, value in letter.headers.items():
        message[name] = value
    return message
