"""The parts that requests work with, made once for the process."""

from __future__ import annotations

from asyncio import Semaphore
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from queue import Empty, LifoQueue
from threading import Event
from typing import Annotated, Final

from fastapi import Depends, Request
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from infra.addresses import addresses, postgres_address
from infra.health import Health
from infra.kafka.publisher import publisher_of
from infra.kafka.topics import TopicNames
from infra.log.event_log import EventLog
from infra.metrics import WorkerMetrics
from infra.readiness import services_away
from infra.sealing.opener import Opener
from infra.sessions import connect, session_options
from infra.settings import Settings
from workers.command_worker.streams import AggregateCache, BatchStreams
from workers.http.answers import Waiting, answers
from workers.http.branding import Branding
from workers.http.callers import KeysFile
from workers.http.carrier_file import CarriersFile
from workers.http.evidence_store import Folder
from workers.http.oidc import Provider
from workers.http.outbound import Outbound
from workers.http.rates import Rate
from workers.http.shop_tokens import ShopTokens
from workers.http.tables import prepare, secret
from workers.http.tokens import Tokens, fetch_from
from workers.runtime.clock import utc_now
from workers.runtime.every_event import make_codec

SESSIONS_MAX: Final = 8
SESSION_WAIT_S: Final = 2.0
"""How long a request waits for a session; then PostgreSQL counts as away."""
RECONNECT_MAX_S: Final = 10.0
"""How long a lost session is tried again with growing pauses, before the next request begins anew."""
STATEMENT_MAX_MS: Final = 5_000
REDRAWN_AT_ONCE_MAX: Final = 2
"""Images that are drawn anew at once: each may take a core and some hundred megabytes."""
CURSORS: Final = "cursors"
PAGES: Final = "pages"

Reading = Connection[TupleRow]


class Logs:
    """Sessions at the log, each lent to one request at a time."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._idle: LifoQueue[EventLog] = LifoQueue()
        self._codec = make_codec()

    @contextmanager
    def streams(self) -> Iterator[BatchStreams]:
        """Yield the streams as they are recorded now, to be looked at or played with; nothing is written."""
        try:
            log = self._idle.get_nowait()
        except Empty:
            log = EventLog(self._conninfo)
        try:
            yield BatchStreams(log, self._codec, AggregateCache())
        except BaseException:
            log.close()
            raise
        self._idle.put(log)

    def close(self) -> None:
        while not self._idle.empty():
            self._idle.get_nowait().close()


@dataclass(frozen=True, slots=True)
class Door:
    """What every request may use.

    ``cursor_secret`` signs the places where lists go on, ``page_secret`` forms; ``redrawing`` lets few in. ``opener``
    has texts opened; None: nobody here sees any.
    """

    settings: Settings
    keys: KeysFile
    tokens: Tokens | None
    rate: Rate
    anonymous_rate: Rate
    views: ConnectionPool[Reading]
    logs: Logs
    outbound: Outbound
    waiting: Waiting
    cursor_secret: bytes
    page_secret: bytes
    shop_tokens: ShopTokens
    provider: Provider | None
    brand: Branding
    carriers: CarriersFile
    evidence: Folder
    opener: Opener | None
    health: Health
    metrics: WorkerMetrics
    redrawing: Semaphore = field(default_factory=lambda: Semaphore(REDRAWN_AT_ONCE_MAX))
    clock: Callable[[], datetime] = utc_now

    @property
    def public_url(self) -> str:
        """Under which address people reach this door; there are pages only where there is one."""
        assert self.settings.http_public_url  # noqa: S101 - else no page is answered
        return self.settings.http_public_url


@contextmanager
def opened(settings: Settings, stop: Event, metrics: WorkerMetrics) -> Iterator[Door]:
    """Open everything that requests need, for as long as the block lasts.

    Raises:
        CallersUnreadableError: The file of keys cannot be used.
        psycopg.Error, kafka.errors.KafkaError: A service is away.
    """
    conninfo = postgres_address(settings)
    keys, tokens, carriers = KeysFile(settings.http_keys_file), _tokens(settings), CarriersFile(settings.carriers_file)
    shop_tokens, brand = ShopTokens(settings.http_enter_key_file), Branding(settings.http_brand_dir)
    with closing(connect(conninfo)) as connection:
        prepare(connection)
        cursor_secret, page_secret = secret(connection, CURSORS), secret(connection, PAGES)
    with ExitStack() as made:
        waiting = made.enter_context(answers(settings, stop))
        publisher = publisher_of(settings)
        outbound = made.enter_context(closing(Outbound(publisher, TopicNames(settings.topic_prefix).commands)))
        yield Door(
            settings=settings,
            keys=keys,
            tokens=tokens,
            rate=Rate(settings.http_rate),
            anonymous_rate=Rate(settings.http_rate_anonymous),
            views=made.enter_context(_pool(conninfo)),
            logs=made.enter_context(closing(Logs(conninfo))),
            outbound=outbound,
            waiting=waiting,
            cursor_secret=cursor_secret,
            page_secret=page_secret,
            shop_tokens=shop_tokens,
            provider=Provider(settings) if settings.oidc_issuer else None,
            brand=brand,
            carriers=carriers,
            evidence=Folder(settings.evidence_dir or settings.data_dir / "evidence"),
            opener=Opener(settings.vault_socket) if settings.vault_socket else None,
            metrics=metrics,
            health=Health(metrics, partial(services_away, conninfo, addresses(settings).kafka_bootstrap)),
        )


def _tokens(settings: Settings) -> Tokens | None:
    if settings.http_jwks_url is None:
        return None
    assert settings.http_jwt_issuer and settings.http_jwt_audience  # noqa: S101, PT018 - the settings see to it
    return Tokens(fetch_from(settings.http_jwks_url), settings.http_jwt_issuer, settings.http_jwt_audience)


def _pool(conninfo: str) -> ConnectionPool[Reading]:
    given = session_options(conninfo, statement_timeout_ms=STATEMENT_MAX_MS)
    return ConnectionPool(
        conninfo,
        min_size=1,
        max_size=SESSIONS_MAX,
        timeout=SESSION_WAIT_S,
        reconnect_timeout=RECONNECT_MAX_S,
        kwargs={"autocommit": True, **given},
        check=ConnectionPool.check_connection,
        name="http-views",
        open=True,
    )


def the_door(request: Request) -> Door:
    """Return the parts that the app of a request was made with."""
    door: Door = request.app.state.door
    return door


TheDoor = Annotated[Door, Depends(the_door)]
