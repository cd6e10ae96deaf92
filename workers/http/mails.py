"""Mails that the pages have sent: links that were asked for, receipts of declarations; an outbox holds their text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.rows import dict_row

from projections.tracking.queues import QueuePage, read_in_order
from workers.http.visitors import Admitted, Gift

START_LINK_FOR: Final = timedelta(minutes=30)
MAILS_A_DAY_MAX: Final = 5
"""To one address, about one order: whoever types the address of another floods nobody."""
MAILS_TO_ONE_MAX: Final = 20
"""To one address, about whatever orders: numbers of orders are easily made up."""
GIFT_TRIES_A_DAY_MAX: Final = 5
"""Of codes of one order: so few are not guessed."""
TABLES: Final = """
CREATE TABLE IF NOT EXISTS rma_http.outbox (
    mail_id   uuid        PRIMARY KEY,
    kind      text        NOT NULL,  -- start_link, withdrawal_receipt
    order_id  text        NOT NULL COLLATE "C",
    recipient text        NOT NULL,
    language  text        NOT NULL,
    subject   text        NOT NULL,
    body      text        NOT NULL,  -- plain text; of a start_link its address; empty once it was sent
    made_at   timestamptz NOT NULL,
    sent_at   timestamptz
);
ALTER TABLE rma_http.outbox ADD COLUMN IF NOT EXISTS tries integer NOT NULL DEFAULT 0;  -- that came to nothing
ALTER TABLE rma_http.outbox ADD COLUMN IF NOT EXISTS try_at timestamptz;  -- not before then
ALTER TABLE rma_http.outbox ADD COLUMN IF NOT EXISTS given_up_at timestamptz;
CREATE INDEX IF NOT EXISTS outbox_unsent ON rma_http.outbox (made_at) WHERE sent_at IS NULL;
CREATE INDEX IF NOT EXISTS outbox_of ON rma_http.outbox (order_id, made_at);
CREATE INDEX IF NOT EXISTS outbox_to ON rma_http.outbox (lower(recipient), made_at);
CREATE TABLE IF NOT EXISTS rma_http.wanted_links (
    wanted_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id  text        NOT NULL COLLATE "C",
    email     text        NOT NULL,
    language  text        NOT NULL
);
ALTER TABLE rma_http.wanted_links ADD COLUMN IF NOT EXISTS wanted_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE rma_http.wanted_links ADD COLUMN IF NOT EXISTS gift_code text;  -- as it was typed, by a gift's recipient
CREATE TABLE IF NOT EXISTS rma_http.gift_tries (
    order_id text        NOT NULL COLLATE "C",
    tried_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS gift_tries_of ON rma_http.gift_tries (order_id, tried_at);
CREATE TABLE IF NOT EXISTS rma_http.start_links (
    link        bytea       PRIMARY KEY,  -- SHA-256 of the token
    order_id    text        NOT NULL COLLATE "C",
    customer_id text        NOT NULL COLLATE "C",
    ends_at     timestamptz NOT NULL
);
ALTER TABLE rma_http.start_links ADD COLUMN IF NOT EXISTS gift_email text;  -- of a gift's recipient
ALTER TABLE rma_http.start_links ADD COLUMN IF NOT EXISTS gift_code text;
CREATE TABLE IF NOT EXISTS rma_http.withdrawals (
    withdrawal_id uuid        PRIMARY KEY,
    order_id      text        NOT NULL COLLATE "C",
    name          text        NOT NULL,
    email         text        NOT NULL,
    declared_at   timestamptz NOT NULL,
    rma_id        uuid                  -- the return that it became; empty: a person has to see whose it is
);
ALTER TABLE rma_http.withdrawals ADD COLUMN IF NOT EXISTS set_aside_by text;  -- who found that it is about nothing
CREATE INDEX IF NOT EXISTS withdrawals_unplaced ON rma_http.withdrawals (declared_at, withdrawal_id)
WHERE rma_id IS NULL;
"""
PUT: Final = """
    INSERT INTO rma_http.outbox (mail_id, kind, order_id, recipient, language, subject, body, made_at)
    SELECT %(id)s, %(kind)s, %(order_id)s, %(to)s, %(language)s, %(subject)s, %(body)s, %(now)s
    WHERE (SELECT count(*) FROM rma_http.outbox WHERE order_id = %(order_id)s AND recipient = %(to)s
           AND made_at > %(now)s - interval '1 day') < %(max)s
      AND (SELECT count(*) FROM rma_http.outbox WHERE lower(recipient) = lower(%(to)s)
           AND made_at > %(now)s - interval '1 day') < %(in_all)s
    ON CONFLICT (mail_id) DO NOTHING
"""
WANT: Final = "INSERT INTO rma_http.wanted_links (order_id, email, language, gift_code) VALUES (%s, %s, %s, %s)"
TRY: Final = """
    INSERT INTO rma_http.gift_tries (order_id, tried_at) SELECT %(order_id)s, %(now)s
    WHERE (SELECT count(*) FROM rma_http.gift_tries
           WHERE order_id = %(order_id)s AND tried_at > %(now)s - interval '1 day') < %(max)s
    RETURNING tried_at
"""
LINK: Final = """
    INSERT INTO rma_http.start_links (link, order_id, customer_id, gift_email, gift_code, ends_at)
    VALUES (%s, %s, %s, %s, %s, %s)
"""
USE: Final = """
    DELETE FROM rma_http.start_links WHERE link = %s AND ends_at > %s
    RETURNING order_id, customer_id, gift_email, gift_code
"""
DECLARE: Final = """
    INSERT INTO rma_http.withdrawals (withdrawal_id, order_id, name, email, declared_at, rma_id)
    VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (withdrawal_id) DO NOTHING
"""
UNPLACED: Final = """
    SELECT withdrawal_id, order_id, name, email, declared_at FROM rma_http.withdrawals
    WHERE rma_id IS NULL AND set_aside_by IS NULL AND (declared_at, withdrawal_id) > (%(requested_at)s, %(rma_id)s)
    ORDER BY declared_at, withdrawal_id LIMIT %(rows)s
"""
FIND_UNPLACED: Final = """
    SELECT withdrawal_id, order_id, name, email, declared_at FROM rma_http.withdrawals
    WHERE withdrawal_id = %s AND rma_id IS NULL AND set_aside_by IS NULL
"""
PLACE: Final = "UPDATE rma_http.withdrawals SET rma_id = %s WHERE withdrawal_id = %s AND rma_id IS NULL"
SET_ASIDE: Final = "UPDATE rma_http.withdrawals SET set_aside_by = %s WHERE withdrawal_id = %s AND rma_id IS NULL"
DECLARED: Final = "SELECT declared_at FROM rma_http.withdrawals WHERE withdrawal_id = %s"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it is sent: plain text, in the language of whoever gets it."""

    kind: str
    order_id: str
    recipient: str
    language: str
    subject: str
    body: str


def put_in_outbox(connection: Connection, mail: Mail, now: datetime, mail_id: UUID | None = None) -> None:
    """Have a mail sent, unless its address got too many today, about the order or in all; one id is one mail."""
    told = {
        "id": mail_id or uuid4(), "kind": mail.kind, "order_id": mail.order_id, "to": mail.recipient,
        "language": mail.language, "subject": mail.subject, "body": mail.body, "now": now, "max": MAILS_A_DAY_MAX,
        "in_all": MAILS_TO_ONE_MAX,
    }  # fmt: skip
    connection.execute(PUT, told)


def want_link(connection: Connection, order_id: str, email: str, language: str, gift_code: str | None = None) -> None:
    """Note that somebody wants a link to an order; what comes of it is worked out later, and takes as long for all."""
    connection.execute(WANT, (order_id, email, language, gift_code))


def may_try_gift_code(connection: Connection, order_id: str, now: datetime) -> bool:
    """Note that a gift's code is tried; tell whether it may be: few are a day about an order, right or wrong."""
    tried = {"order_id": order_id, "now": now, "max": GIFT_TRIES_A_DAY_MAX}
    return connection.execute(TRY, tried).fetchone() is not None


def keep_start_link(connection: Connection, link: bytes, admitted: Admitted, now: datetime) -> None:
    """Keep the hash of a link that lets a customer in, or a gift's recipient, once."""
    email, code = (admitted.gift.email, admitted.gift.code) if admitted.gift else (None, None)
    ends_at = now + START_LINK_FOR
    connection.execute(LINK, (link, admitted.order_id, admitted.customer_id, email, code, ends_at))


def use_start_link(connection: Connection, link: bytes, now: datetime) -> Admitted | None:
    """Return whom a link lets in, which is used up then; None where it was, or is too old."""
    row = connection.execute(USE, (link, now)).fetchone()
    if row is None:
        return None
    order_id, customer_id, email, code = row
    return Admitted(order_id, customer_id, Gift(email, code) if email and code else None)


def keep_withdrawal(
    connection: Connection, withdrawal_id: UUID, mail: Mail, *, name: str, now: datetime, rma_id: UUID | None
) -> None:
    """Keep a declaration of withdrawal with its receipt: both or neither, and once."""
    with connection.transaction():
        connection.execute(DECLARE, (withdrawal_id, mail.order_id, name, mail.recipient, now, rma_id))
        put_in_outbox(connection, mail, now, withdrawal_id)


def declared_at(connection: Connection, withdrawal_id: UUID) -> datetime | None:
    """Return when a declaration was made, or None."""
    row = connection.execute(DECLARED, (withdrawal_id,)).fetchone()
    return None if row is None else row[0]


def read_unplaced_withdrawals(connection: Connection, limit: int, cursor: str | None) -> QueuePage:
    """Return declarations of which a person has to see whose they are, the oldest first, as ``read_in_order`` does."""
    return read_in_order(connection, UNPLACED, ("declared_at", "withdrawal_id"), limit, cursor)


def find_unplaced_withdrawal(connection: Connection, withdrawal_id: UUID) -> dict[str, Any] | None:
    """Return a declaration of which nobody has seen yet whose it is, or None."""
    with connection.cursor(row_factory=dict_row) as opened:
        return opened.execute(FIND_UNPLACED, (withdrawal_id,)).fetchone()


def place_withdrawal(connection: Connection, withdrawal_id: UUID, rma_id: UUID) -> None:
    """Note which return a declaration became."""
    connection.execute(PLACE, (rma_id, withdrawal_id))


def set_withdrawal_aside(connection: Connection, withdrawal_id: UUID, person: str) -> None:
    """Note who found that a declaration is about nothing of ours, or about a return that is there already."""
    connection.execute(SET_ASIDE, (person, withdrawal_id))
