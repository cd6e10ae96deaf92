"""Subscriptions: who is told of which events, where, and under which secrets; what people do about them."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.rows import dict_row

from domain.errors import RmaError, UnusableInputError
from infra.log.queries import last_position
from infra.public_addresses import AddressRefusedError, resolve
from infra.sealing.master_keys import MasterKeys
from workers.webhooks.table import ANY_FURTHER, SUBSCRIBING_LOCK

SUBSCRIPTIONS_MAX: Final = 32
TYPES_MAX: Final = 200
URL_CHARACTERS_MAX: Final = 2_000
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what Standard Webhooks' secrets begin with
SECRET_BYTES: Final = 32
OVERLAP: Final = timedelta(hours=24)
"""How long the secret before signs beside the newest one, so that a receiver has time to take that."""

LOCK: Final = "SELECT pg_advisory_xact_lock(%s)"
INSERT: Final = """
    INSERT INTO rma_webhooks.subscriptions (subscription_id, url, types, after_position) VALUES (%s, %s, %s, %s)
"""
INSERT_SECRET: Final = """
    INSERT INTO rma_webhooks.secrets (secret_id, subscription_id, master_id, wrapped) VALUES (%s, %s, %s, %s)
"""  # noqa: S105 - a statement
END_SECRETS: Final = """
    UPDATE rma_webhooks.secrets SET ends_at = clock_timestamp() + %s WHERE subscription_id = %s AND ends_at IS NULL
"""
FORGET_SECRETS: Final = "DELETE FROM rma_webhooks.secrets WHERE subscription_id = %s AND ends_at IS NOT NULL"
PAUSE: Final = "UPDATE rma_webhooks.subscriptions SET paused = %s WHERE subscription_id = %s RETURNING true"
DUE_AT_ONCE: Final = """
    WITH held AS MATERIALIZED (
        SELECT ctid FROM rma_webhooks.lanes WHERE subscription_id = %s ORDER BY subscription_id, key FOR UPDATE
    )
    UPDATE rma_webhooks.lanes AS l SET due_at = clock_timestamp() FROM held WHERE l.ctid = held.ctid
"""
"""Locked in the order in which the worker locks them."""
REMOVE: Final = "DELETE FROM rma_webhooks.subscriptions WHERE subscription_id = %s RETURNING true"
LIST: Final = """
    SELECT s.subscription_id, s.url, s.types, s.paused, s.created_at,
        (SELECT count(*) FROM rma_webhooks.secrets AS k WHERE k.subscription_id = s.subscription_id
            AND (k.ends_at IS NULL OR k.ends_at > clock_timestamp())) AS secrets,
        (SELECT count(*) FROM rma_webhooks.deliveries AS d
            WHERE d.subscription_id = s.subscription_id AND d.state = 'waiting') AS waiting,
        (SELECT count(*) FROM rma_webhooks.deliveries AS d
            WHERE d.subscription_id = s.subscription_id AND d.state = 'parked') AS parked,
        (SELECT max(d.last_tried_at) FROM rma_webhooks.deliveries AS d
            WHERE d.subscription_id = s.subscription_id AND d.state = 'delivered') AS delivered_at
    FROM rma_webhooks.subscriptions AS s ORDER BY s.created_at, s.subscription_id
"""
ACTIVE: Final = """
    SELECT s.subscription_id, s.url, k.secret_id, k.master_id, k.wrapped
    FROM rma_webhooks.subscriptions AS s JOIN rma_webhooks.secrets AS k USING (subscription_id)
    WHERE NOT s.paused AND (k.ends_at IS NULL OR k.ends_at > clock_timestamp())
    ORDER BY s.subscription_id, k.created_at DESC
"""
WRAPPED_BY_ANOTHER: Final = "SELECT secret_id, master_id, wrapped FROM rma_webhooks.secrets WHERE master_id <> %s"


class NoSubscriptionError(RmaError):
    """No subscription has this id."""

    code = "no_subscription"

    def __init__(self, subscription_id: UUID) -> None:
        super().__init__(f"there is no subscription {subscription_id}; there are those of: rma webhooks list")


class TooManySubscriptionsError(RmaError):
    """There are as many subscriptions as there may be."""

    code = "too_many_subscriptions"

    def __init__(self) -> None:
        super().__init__(f"there are {SUBSCRIPTIONS_MAX} subscriptions, and no more are possible")


class UrlRefusedError(UnusableInputError):
    """An address is none that may be told of events."""

    code = "url_refused"


class TypesRefusedError(UnusableInputError):
    """What is asked for names no type of event."""

    code = "types_refused"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told of events, and the secrets that sign what he is told, the newest one first."""

    subscription_id: UUID
    url: str
    secrets: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class NewSecret:
    """What a receiver has to know, shown once: the secret as Standard Webhooks writes it."""

    subscription_id: UUID
    secret: str


def add(
    connection: Connection, masters: MasterKeys, url: str, types: Sequence[str], *, allow_private: bool
) -> NewSecret:
    """Subscribe an address to types of events, those recorded from now on.

    Raises:
        UrlRefusedError: It may not be told.
        TooManySubscriptionsError: There are too many already.
    """
    check_url(url, allow_private=allow_private)
    subscription_id = uuid4()
    with connection.transaction():
        connection.execute(LOCK, (SUBSCRIBING_LOCK,))
        [(known,)] = connection.execute("SELECT count(*) FROM rma_webhooks.subscriptions").fetchall()
        if known >= SUBSCRIPTIONS_MAX:
            raise TooManySubscriptionsError
        # no batch is being folded now, so none that holds a later event was folded without this subscription
        connection.execute(INSERT, (subscription_id, url, list(types), last_position(connection)))
        return _new_secret(connection, masters, subscription_id)


def rotate(connection: Connection, masters: MasterKeys, subscription_id: UUID) -> NewSecret:
    """Give a subscription another secret; the one before signs beside it for a day, no older one does.

    Raises:
        NoSubscriptionError: There is none.
    """
    with connection.transaction():
        _lock_one(connection, subscription_id)
        connection.execute(FORGET_SECRETS, (subscription_id,))
        connection.execute(END_SECRETS, (OVERLAP, subscription_id))
        return _new_secret(connection, masters, subscription_id)


def pause(connection: Connection, subscription_id: UUID, *, paused: bool) -> None:
    """Keep what a subscription is to be told, or tell it on; raises ``NoSubscriptionError``."""
    with connection.transaction():
        if not connection.execute(PAUSE, (paused, subscription_id)).fetchall():
            raise NoSubscriptionError(subscription_id)
        if not paused:
            connection.execute(DUE_AT_ONCE, (subscription_id,))


def remove(connection: Connection, subscription_id: UUID) -> None:
    """Forget a subscription and all that it was told and is still to be told; raises ``NoSubscriptionError``."""
    with connection.transaction():
        connection.execute(LOCK, (SUBSCRIBING_LOCK,))
        if not connection.execute(REMOVE, (subscription_id,)).fetchall():
            raise NoSubscriptionError(subscription_id)


def listed(connection: Connection) -> list[dict[str, Any]]:
    """Return all subscriptions, the oldest first, with what waits and what was parked; secrets are counted only."""
    return connection.cursor(row_factory=dict_row).execute(LIST).fetchall()


def receivers(connection: Connection, masters: MasterKeys) -> list[Receiver]:
    """Return all that are not paused.

    Raises:
        VaultKeyWrongError: A secret is wrapped by a master key that is not among those given.
    """
    found: dict[UUID, Receiver] = {}
    for subscription_id, url, secret_id, master_id, wrapped in connection.execute(ACTIVE).fetchall():
        secret = masters[master_id].unwrap(bytes(wrapped), _name_of(secret_id))
        before = found[subscription_id].secrets if subscription_id in found else ()
        found[subscription_id] = Receiver(subscription_id, url, (*before, secret))
    return list(found.values())


def wrap_anew(connection: Connection, masters: MasterKeys) -> int:
    """Wrap all secrets by the active master key; return how many were wrapped by another.

    Raises:
        VaultKeyWrongError: One is wrapped by a master key that is not among those given.
    """
    active = masters.active
    with connection.transaction():
        rows = connection.execute(WRAPPED_BY_ANOTHER + " FOR UPDATE", (active.master_id,)).fetchall()
        for secret_id, master_id, wrapped in rows:
            secret = masters[master_id].unwrap(bytes(wrapped), _name_of(secret_id))
            update = "UPDATE rma_webhooks.secrets SET master_id = %s, wrapped = %s WHERE secret_id = %s"
            connection.execute(update, (active.master_id, active.wrap(secret, _name_of(secret_id)), secret_id))
    return len(rows)


def check_url(url: str, *, allow_private: bool) -> SplitResult:
    """Return the parts of an address that may be told of events, as far as can be seen now: each try looks again.

    Raises:
        UrlRefusedError: It is none, is not encrypted, holds a password, or leads to where not everybody may.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError as bad:
        raise UrlRefusedError(f"this is no address of the web: {bad}") from bad
    if len(url) > URL_CHARACTERS_MAX or not url.isascii() or not url.isprintable() or " " in url:
        raise UrlRefusedError(f"an address has up to {URL_CHARACTERS_MAX} printed characters of ASCII, and no space")
    if parts.scheme not in ({"https", "http"} if allow_private else {"https"}) or not parts.hostname:
        raise UrlRefusedError("an address begins with https://; others need RMA_WEBHOOKS_ALLOW_PRIVATE")
    if "@" in parts.netloc or parts.fragment:
        raise UrlRefusedError("an address holds no user, no password and no fragment")
    try:
        resolve(parts.hostname, port, allow_private=allow_private)
    except AddressRefusedError as refused:
        raise UrlRefusedError(f"{refused}; others need RMA_WEBHOOKS_ALLOW_PRIVATE") from refused
    except OSError:
        pass  # it may lead somewhere by the time that there is something to tell
    return parts


def types_of(text: str, known: Iterable[str]) -> list[str]:
    """Return the types that are asked for, given by commas: names, or how they begin (``rma.Rma.*``).

    Raises:
        TypesRefusedError: One names no type of event among those ``known``.
    """
    names, asked = list(known), [part.strip() for part in text.split(",") if part.strip()]
    if not 0 < len(asked) <= TYPES_MAX:
        raise TypesRefusedError(f"name 1 to {TYPES_MAX} types, by commas, such as rma.Rma.Requested.v1,rma.Order.*")
    for one in asked:
        begins = one.removesuffix(ANY_FURTHER)
        if not any(name.startswith(begins) if one.endswith(ANY_FURTHER) else name == one for name in names):
            raise TypesRefusedError(f"there is no type of event {one}; docs/contracts names them all")
    return list(dict.fromkeys(asked))


def _lock_one(connection: Connection, subscription_id: UUID) -> None:
    found = "SELECT FROM rma_webhooks.subscriptions WHERE subscription_id = %s FOR UPDATE"
    if connection.execute(found, (subscription_id,)).rowcount == 0:
        raise NoSubscriptionError(subscription_id)


def _new_secret(connection: Connection, masters: MasterKeys, subscription_id: UUID) -> NewSecret:
    secret, secret_id = os.urandom(SECRET_BYTES), uuid4()
    wrapped = masters.active.wrap(secret, _name_of(secret_id))
    connection.execute(INSERT_SECRET, (secret_id, subscription_id, masters.active.master_id, wrapped))
    return NewSecret(subscription_id, SECRET_PREFIX + b64encode(secret).decode())


def _name_of(secret_id: UUID) -> bytes:
    """Return the name under which a secret is wrapped: it opens as no other's, and as nobody's key."""
    return b"webhook\n" + secret_id.bytes
