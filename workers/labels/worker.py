"""The label worker: where goods are to be sent by a label of ours, it has one made and records it by ``IssueLabel``.

A label's id follows from the return and the site, and its maker is asked under it: a worker that is killed between the
two asks again, and no label is bought twice.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from datetime import datetime
from threading import Event
from typing import Final, cast
from uuid import UUID

import structlog

from domain.identity import rma_stream
from domain.rma import Rma
from infra.addresses import postgres_address
from infra.envelope.codec import Codec
from infra.kafka.command_client import OutgoingCommand
from infra.labels.http import HttpLabels
from infra.labels.own import OwnLabels
from infra.labels.port import LabelMaker, LabelRequest, MadeLabel, NoLabelError
from infra.log.event_log import EventLog
from infra.log.queries import EventIds, ids_at
from infra.metrics import WorkerMetrics
from infra.settings import Settings
from infra.sites import Site, read_sites
from workers.labels.parcels import WantedParcel, wanted_parcels
from workers.labels.table import DueReturn, LabelTable, due, keep, looked_at, made, wait
from workers.projector.inbox import Outlet, act_until, inbox
from workers.runtime.clock import utc_now
from workers.runtime.every_event import make_codec

SOURCE: Final = "/rma/labels"
ACTOR: Final = "system:labels"
LOOKED_AT_ONCE_MAX: Final = 100
WAIT_S: Final = 10.0
WAIT_MAX_S: Final = 900.0

LOG = structlog.get_logger()


def run(settings: Settings, stop: Event, metrics: WorkerMetrics) -> None:
    """Have labels made until ``stop`` is set.

    Raises:
        SitesFileError: The file of sites cannot be read.
        psycopg.OperationalError, kafka.errors.KafkaError: A service stayed away.
    """
    sites = read_sites(settings.sites_file)
    with inbox(settings, LabelTable(), stop, metrics) as news, ExitStack() as opened:
        outlet = opened.enter_context(closing(Outlet(settings)))
        log = opened.enter_context(closing(EventLog(postgres_address(settings))))
        maker = opened.enter_context(closing(_maker(settings)))
        labels = Labels(log, make_codec(), outlet, maker, sites)
        act_until(stop, lambda: labels.turn(stop), metrics, news=news)


def _maker(settings: Settings) -> LabelMaker:
    url = settings.labels_url
    return OwnLabels(settings.labels_carrier) if url is None else HttpLabels(url.get_secret_value())


class Labels:
    """What is looked at, made and told."""

    def __init__(self, log: EventLog, codec: Codec, outlet: Outlet, maker: LabelMaker, sites: dict[str, Site]) -> None:
        self._log = log
        self._codec = codec
        self._outlet = outlet
        self._maker = maker
        self._sites = sites

    def turn(self, stop: Event) -> int:
        """Look at returns that are due, at most 100, and return how many there were."""
        found = due(self._log.connection, limit=LOOKED_AT_ONCE_MAX)
        decided_by = ids_at(self._log.connection, (one.decided for one in found))
        for one in found:
            if stop.is_set():
                break
            self._look_at(one, decided_by[one.decided])
        return len(found)

    def _look_at(self, one: DueReturn, decided_by: EventIds) -> None:
        """Ask for the labels that a return wants; where one cannot be had, look again later."""
        rma = self._load(one.rma_id)
        for parcel in wanted_parcels(rma) if rma else ():
            try:
                site, label = self._label(parcel)
            except NoLabelError as none:
                wait_s = min(WAIT_MAX_S, WAIT_S * 2**one.tries)
                wait(self._log.connection, one, wait_s)
                LOG.warning("label_waits", rma_id=str(one.rma_id), return_to=parcel.return_to, why=str(none))
                return
            self._outlet.publish([command_of(parcel, site, label, utc_now(), decided_by)])
            LOG.info(
                "label_asked",
                rma_id=str(one.rma_id),
                order_id=parcel.order_id,
                label_id=str(parcel.label_id),
                tracking_number=label.tracking_number,
            )
        looked_at(self._log.connection, one)

    def _load(self, rma_id: UUID) -> Rma | None:
        rma: Rma | None = None
        stream = rma_stream(rma_id)
        for event in self._log.load({stream: 0}).get(stream, ()):
            fact = self._codec.decode(event.type, event.stream, event.version, event.occurred_at, event.body)
            rma = cast("Rma", fact.mutate(rma))
        return rma

    def _label(self, parcel: WantedParcel) -> tuple[Site, MadeLabel]:
        """Return where a parcel goes and its label: the one that was made before, or a new one.

        Raises:
            NoLabelError: The site is not known, or whoever makes labels made none.
        """
        site = self._sites.get(parcel.return_to)
        if site is None:
            raise NoLabelError("site_not_known")
        known = made(self._log.connection, parcel.label_id)
        if known is not None:
            return site, known
        request = LabelRequest(parcel.label_id, parcel.rma_id, parcel.rma_number, parcel.order_id, parcel.method, site)
        label = self._maker.make(request)
        keep(self._log.connection, parcel.label_id, parcel.rma_id, label)
        return site, label


def command_of(
    parcel: WantedParcel, site: Site, label: MadeLabel, now: datetime, decided_by: EventIds
) -> OutgoingCommand:
    """Return the command that records a label: of a parcel always the same, however often it is sent."""
    data: dict[str, object] = {
        "order_id": parcel.order_id,
        "rma_id": str(parcel.rma_id),
        "label_id": str(parcel.label_id),
        "carrier": label.carrier,
        "tracking_number": label.tracking_number,
        "ship_to": ", ".join(site.lines),
    }
    if parcel.lines:
        data["lines"] = [{"line": line, "quantity": quantity} for line, quantity in parcel.lines.items()]
    return OutgoingCommand(
        type="IssueLabel",
        id=f"label/{parcel.label_id}",
        source=SOURCE,
        key=parcel.order_id,
        time=now,
        actor=ACTOR,
        data=data,
        correlation_id=decided_by.correlation_id,
        causation_id=str(decided_by.event_id),
    )
