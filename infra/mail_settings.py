"""What settings about letters may hold: the mail server, who writes, and what news of letters are signed with."""

from __future__ import annotations

import re
from email.utils import getaddresses
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

MAIL_SCHEMES: Final = ("smtp", "smtp+starttls", "smtps")
MAIL_ADDRESS: Final = re.compile(r"[!#-'*+/-9=?A-Z^-~.-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
SIGNING_SECRET: Final = re.compile(r"whsec_(?:[A-Za-z0-9+/]{4}){8,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def mail_server(given: SecretStr) -> SecretStr:
    """Return the address of an SMTP server; a password goes over the network encrypted, or not at all."""
    try:
        url = urlsplit(given.get_secret_value())
        is_server = url.scheme in MAIL_SCHEMES and bool(url.hostname) and url.port != 0 and url.path in {"", "/"}
    except ValueError:
        is_server = False
    if not is_server:
        raise ValueError(f"is no address of a mail server, such as smtps://user:password@mail.example: {MAIL_SCHEMES}")
    if url.password and url.scheme == "smtp" and url.hostname not in LOOPBACK:
        raise ValueError("would send its password unencrypted: take smtps:// or smtp+starttls://")
    return given


def mail_sender(given: str) -> str:
    """Return who writes: an address, alone or behind a name."""
    addresses = getaddresses([given])
    if not given.isprintable() or len(addresses) != 1 or not MAIL_ADDRESS.fullmatch(addresses[0][1]):
        raise ValueError("is no sender of mails, such as returns@shop.example or Shop <returns@shop.example>")
    return given


def signing_secret(given: SecretStr) -> SecretStr:
    """Return a secret of Standard Webhooks."""
    if not SIGNING_SECRET.fullmatch(given.get_secret_value()):
        raise ValueError("is no secret of Standard Webhooks: whsec_ and 24 bytes or more in base64")
    return given
