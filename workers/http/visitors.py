"""Who visits the pages: sessions and links, each kept as the hash of what its holder knows; used up shop's tokens."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg import Connection

from domain.customer import Customer
from domain.identity import customer_stream, order_stream
from domain.order import Order
from infra.log.queries import last_recorded

TOKEN_BYTES: Final = 32
SESSION_FOR: Final = timedelta(hours=2)
LINK_ENDS_AFTER_CLOSE: Final = timedelta(days=90)
ENDED_BY: Final = (Customer.Erased.TOPIC, Order.ContactCorrected.TOPIC)
UPLOADS_MAX: Final = 10
"""Files that one session may put forward for a return."""
UPLOADED_BYTES_MAX: Final = 100_000_000
"""How much one session may put forward."""
TABLES: Final = """
CREATE TABLE IF NOT EXISTS rma_http.sessions (
    session     bytea       PRIMARY KEY,  -- SHA-256 of the cookie
    order_id    text        NOT NULL COLLATE "C",
    customer_id text        NOT NULL COLLATE "C",
    ends_at     timestamptz NOT NULL
);
ALTER TABLE rma_http.sessions ADD COLUMN IF NOT EXISTS gift_email text;  -- of a gift's recipient
ALTER TABLE rma_http.sessions ADD COLUMN IF NOT EXISTS gift_code text;   -- by which he proves himself when he asks
CREATE INDEX IF NOT EXISTS sessions_end ON rma_http.sessions (ends_at);
CREATE TABLE IF NOT EXISTS rma_http.return_links (
    link        bytea       PRIMARY KEY,  -- SHA-256 of the token
    rma_id      uuid        NOT NULL,
    order_id    text        NOT NULL COLLATE "C",
    customer_id text        NOT NULL COLLATE "C",
    made_at     timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS return_links_of ON rma_http.return_links (rma_id);
CREATE TABLE IF NOT EXISTS rma_http.used_tokens (
    jti     text        PRIMARY KEY COLLATE "C",
    ends_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS rma_http.uploads (
    session     bytea  NOT NULL,  -- of a visit, or of a link to a return's page
    evidence_id uuid   PRIMARY KEY,
    bytes       bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS uploads_of ON rma_http.uploads (session);
CREATE TABLE IF NOT EXISTS rma_http.unsubscribed (
    customer_id text        PRIMARY KEY COLLATE "C",  -- asked how it went no more
    at          timestamptz NOT NULL
);
"""
BEGIN: Final = """
    INSERT INTO rma_http.sessions (session, order_id, customer_id, gift_email, gift_code, ends_at)
    VALUES (%s, %s, %s, %s, %s, %s)
"""
SESSION: Final = """
    SELECT order_id, customer_id, gift_email, gift_code FROM rma_http.sessions WHERE session = %s AND ends_at > %s
"""
USE: Final = (
    "INSERT INTO rma_http.used_tokens (jti, ends_at) VALUES (%s, %s) ON CONFLICT (jti) DO NOTHING RETURNING jti"
)
MINT: Final = """
    INSERT INTO rma_http.return_links (link, rma_id, order_id, customer_id, made_at) VALUES (%s, %s, %s, %s, %s)
"""
LINK: Final = """
    SELECT made.rma_id, made.order_id, made.customer_id, made.made_at,
        coalesce(asked.requester_id, made.customer_id), coalesce(asked.gift, false)
    FROM rma_http.return_links AS made
    LEFT JOIN rma_read.returns AS asked USING (rma_id)
    WHERE made.link = %s AND (asked.closed_at IS NULL OR asked.closed_at + %s > %s)
"""
UPLOADED: Final = "SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM rma_http.uploads WHERE session = %s"
UPLOADS: Final = "SELECT evidence_id FROM rma_http.uploads WHERE session = %s AND evidence_id = ANY(%s)"
FORGET: Final = (
    "DELETE FROM rma_http.start_links WHERE ends_at < now()",
    "DELETE FROM rma_http.outbox WHERE coalesce(sent_at, given_up_at) < now() - interval '7 days'",
    "DELETE FROM rma_http.wanted_links WHERE wanted_at < now() - interval '1 day'",
    "DELETE FROM rma_http.sessions WHERE ends_at < now()",
    "DELETE FROM rma_http.gift_tries WHERE tried_at < now() - interval '1 day'",
    "DELETE FROM rma_http.used_tokens WHERE ends_at < now()",
    "DELETE FROM rma_http.uploads WHERE session NOT IN (SELECT session FROM rma_http.sessions)"
    " AND session NOT IN (SELECT link FROM rma_http.return_links)",
)


@dataclass(frozen=True, slots=True)
class Gift:
    """What a gift's recipient came in with: his own address, and the code that came with the gift."""

    email: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Admitted:
    """Whom a link lets in: for which order, as which customer; with ``gift`` that is its recipient."""

    order_id: str
    customer_id: str
    gift: Gift | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who was let in: for which order, as which customer; ``key`` is the hash of his cookie."""

    key: bytes
    order_id: str
    customer_id: str
    gift: Gift | None = None


@dataclass(frozen=True, slots=True)
class ReturnLink:
    """What a link to a return's page opens."""

    rma_id: UUID
    order_id: str
    customer_id: str


def new_token() -> str:
    """Return 256 random bits, as they stand in a cookie or an address."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hashed(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def begin_session(connection: Connection, token: str, admitted: Admitted, now: datetime) -> None:
    """Let the holder of a new cookie in, for an order."""
    email, code = (admitted.gift.email, admitted.gift.code) if admitted.gift else (None, None)
    ends_at = now + SESSION_FOR
    connection.execute(BEGIN, (hashed(token), admitted.order_id, admitted.customer_id, email, code, ends_at))


def session_of(connection: Connection, token: str, now: datetime) -> Session | None:
    """Return whom a cookie lets in, or None."""
    row = connection.execute(SESSION, (hashed(token), now)).fetchone()
    if row is None:
        return None
    order_id, customer_id, email, code = row
    return Session(hashed(token), order_id, customer_id, Gift(email, code) if email and code else None)


def end_session(connection: Connection, token: str) -> None:
    """Let the holder of a cookie in no more."""
    connection.execute("DELETE FROM rma_http.sessions WHERE session = %s", (hashed(token),))


def use_up(connection: Connection, jti: str, ends_at: datetime) -> bool:
    """Tell whether a token is used for the first time; from then on it is used."""
    return connection.execute(USE, (jti, ends_at)).fetchone() is not None


def mint_link(connection: Connection, rma_id: UUID, order_id: str, customer_id: str, now: datetime) -> str:
    """Return a new token that opens the page of a return: ``/r/{token}``. It is nowhere else from then on."""
    token = new_token()
    connection.execute(MINT, (hashed(token), rma_id, order_id, customer_id, now))
    return token


def link_of(connection: Connection, token: str, now: datetime) -> ReturnLink | None:
    """Return what a token opens; None where it is none of ours, or has ended.

    It ends some time after the return was closed, and once who asked is erased or the customer reached in another way:
    then whoever reads the old address has no business with it. How the giver of a gift is reached is another matter.
    """
    row = connection.execute(LINK, (hashed(token), LINK_ENDS_AFTER_CLOSE, now)).fetchone()
    if row is None:
        return None
    rma_id, order_id, customer_id, made_at, requester_id, is_gift = row
    streams = [customer_stream(requester_id), *([] if is_gift else [order_stream(order_id)])]
    ended_at = last_recorded(connection, streams, ENDED_BY)
    return ReturnLink(rma_id, order_id, customer_id) if ended_at is None or ended_at < made_at else None


def may_upload(connection: Connection, session: bytes) -> bool:
    """Tell whether a session may put forward one more file."""
    row = connection.execute(UPLOADED, (session,)).fetchone()
    return row is not None and row[0] < UPLOADS_MAX and row[1] < UPLOADED_BYTES_MAX


def note_upload(connection: Connection, session: bytes, evidence_id: UUID, size: int) -> None:
    """Note that a file was put forward by a session."""
    connection.execute(
        "INSERT INTO rma_http.uploads (session, evidence_id, bytes) VALUES (%s, %s, %s)", (session, evidence_id, size)
    )


def own_uploads(connection: Connection, session: bytes, evidence_ids: list[UUID]) -> set[UUID]:
    """Return those of these files that a session put forward itself."""
    return {row[0] for row in connection.execute(UPLOADS, (session, evidence_ids))}


def forget_visitors(connection: Connection) -> None:
    """Forget sessions and tokens that have ended."""
    for statement in FORGET:
        connection.execute(statement.encode())
