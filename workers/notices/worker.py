"""The notices worker: it tells customers what became of their returns, and sends the mails of the pages.

It may be killed at any instant: what the server may have had is sent again under the same Message-ID, before anything
later of the same return; and the log is told again under the same command id.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack, closing
from datetime import datetime
from threading import Event
from typing import Final

import structlog
from prometheus_client import Gauge

from infra.addresses import postgres_address
from infra.log.event_log import EventLog
from infra.metrics import WorkerMetrics
from infra.sealing.vault import open_vault
from infra.sessions import Lead, Session, connect
from infra.settings import Settings
from infra.sites import read_sites
from workers.http import tables
from workers.http.branding import Branding
from workers.notices.case import Reader
from workers.notices.letters import Sender
from workers.notices.links import answer_wanted
from workers.notices.look import Look
from workers.notices.messages import Messages
from workers.notices.outbox import Outbox
from workers.notices.post import AT_ONCE_MAX, Delivery, Post
from workers.notices.samples import SAMPLES
from workers.notices.sms import SmsPort
from workers.notices.smtp import Smtp
from workers.notices.table import NoticeTable, started_at, waiting
from workers.projector.inbox import Outlet, act_until, inbox
from workers.projector.projector import prepare
from workers.runtime.clock import utc_now
from workers.runtime.every_event import make_codec
from workers.runtime.patience import patiently

NOTICES_LOCK: Final = 0x524D410B
SENT_POLL_S: Final = 0.05
COUNT_EVERY_S: Final = 5.0
AWAY_FIRST_S: Final = 1.0
AWAY_MAX_S: Final = 60.0

LOG = structlog.get_logger()


def run(settings: Settings, stop: Event, metrics: WorkerMetrics) -> None:
    """Write to customers until ``stop`` is set.

    One worker writes at a time; others read along and take over when its session at PostgreSQL ends.

    Raises:
        BrandUnusableError, TemplateBrokenError, SitesFileError: Letters cannot be drawn.
        VaultKeyMissingError, VaultKeyWrongError: Contacts could not be opened.
        psycopg.OperationalError, kafka.errors.KafkaError: A service stayed away.
    """
    look = Look(settings.notices_templates_dir, Branding(settings.http_brand_dir).named)
    look.check(SAMPLES)
    since = patiently(lambda: _prepare(settings), stop, metrics)
    if since is not None:
        with inbox(settings, NoticeTable(since), stop, metrics):
            write_until(settings, look, stop, metrics)


def _prepare(settings: Settings) -> datetime:
    """Make the tables of this worker and of the door; return since when customers are told."""
    conninfo = postgres_address(settings)
    prepare(conninfo, NoticeTable(utc_now()))
    with closing(connect(conninfo)) as connection:
        tables.prepare(connection)
    started = started_at(conninfo, utc_now())
    return settings.notices_since or started


def write_until(settings: Settings, look: Look, stop: Event, metrics: WorkerMetrics) -> None:
    """Write what the inbox and the outbox call for, until ``stop`` is set; what is under way is still noted."""
    conninfo = postgres_address(settings)
    with ExitStack() as opened:
        vault = patiently(lambda: open_vault(settings), stop, metrics)
        if vault is None:
            return
        opened.enter_context(closing(vault))
        notices = Notices(
            settings,
            session=opened.enter_context(closing(Session(conninfo))),
            reader=Reader(opened.enter_context(closing(EventLog(conninfo))), vault, make_codec()),
            post=opened.enter_context(closing(_post(settings))),
            outlet=opened.enter_context(closing(Outlet(settings))),
            look=look,
            metrics=metrics,
        )
        act_until(stop, notices.turn, metrics)
        notices.finish(metrics)


def _post(settings: Settings) -> Post:
    assert settings.smtp_url is not None  # noqa: S101 - else there is no such worker
    sms = None
    if settings.sms_url and settings.sms_secret:
        sms = SmsPort(settings.sms_url.get_secret_value(), settings.sms_secret.get_secret_value())
    return Post(Smtp(settings.smtp_url.get_secret_value()), Sender.of(settings), sms)


class Notices:
    """What is sent, and by whom: one worker at a time."""

    def __init__(
        self,
        settings: Settings,
        *,
        session: Session,
        reader: Reader,
        post: Post,
        outlet: Outlet,
        look: Look,
        metrics: WorkerMetrics,
    ) -> None:
        assert settings.http_public_url  # noqa: S101 - the settings see to it
        self._public_url = settings.http_public_url
        self._session, self._reader = session, reader
        self._outbox = Outbox(session, post, look)
        self._messages = Messages(
            session=session,
            reader=reader,
            post=post,
            outlet=outlet,
            look=look,
            public_url=self._public_url,
            sites=read_sites(settings.sites_file),
        )
        self._away = Away(metrics)
        self._open = Gauge("rma_notices_open", "Messages to customers that are to be sent.", registry=metrics.registry)
        self._counted_s = 0.0
        self._lead = Lead(session, NOTICES_LOCK)

    def turn(self) -> None:
        """Send what is due, and note what became of what was sent; raises where PostgreSQL or Kafka is away."""
        now = utc_now()
        if self._lead.is_held():
            answer_wanted(self._session.connection, self._reader, self._public_url, now)
            self._count()
            for part in (self._outbox, self._messages):
                if (room := self._away.room() - len(self._futures)) > 0:
                    part.begin(now, room)
        self._note(wait_s=SENT_POLL_S)

    def finish(self, metrics: WorkerMetrics) -> None:
        """Wait for what is under way, and note what became of it."""
        while self._futures:
            patiently(lambda: self._note(wait_s=None), Event(), metrics)  # meanwhile its session may have been ended

    @property
    def _futures(self) -> list[Future[Delivery]]:
        return [*self._outbox.futures, *self._messages.futures]

    def _count(self) -> None:
        if time.monotonic() - self._counted_s >= COUNT_EVERY_S:
            self._counted_s = time.monotonic()
            self._open.set(waiting(self._session.connection))

    def _note(self, *, wait_s: float | None) -> None:
        if self._futures:
            wait(self._futures, wait_s, FIRST_COMPLETED)
            for part in (self._outbox, self._messages):
                part.note(utc_now(), self._away.heard)


class Away:
    """Whether the server is away, and when it is asked again: by one letter, after growing pauses."""

    def __init__(self, metrics: WorkerMetrics, steady_s: Callable[[], float] = time.monotonic) -> None:
        self._steady_s = steady_s
        self._pause_s: float | None = None
        self._ask_at_s = 0.0
        self._gauge = Gauge("rma_smtp_away", "1 while the mail server is away, else 0.", registry=metrics.registry)

    def room(self) -> int:
        """Return how many letters may be under way now."""
        if self._pause_s is None:
            return AT_ONCE_MAX
        return 1 if self._steady_s() >= self._ask_at_s else 0

    def heard(self, delivery: Delivery) -> None:
        """Take in what became of a letter."""
        if delivery.fate != "away":
            self._pause_s = None
        elif self._pause_s is None or self._steady_s() >= self._ask_at_s:  # one of several at once says it for all
            self._pause_s = min(AWAY_MAX_S, 2 * self._pause_s) if self._pause_s else AWAY_FIRST_S
            self._ask_at_s = self._steady_s() + self._pause_s
            LOG.warning("smtp_away", error=delivery.reason, pause_s=self._pause_s)
        self._gauge.set(self._pause_s is not None)
