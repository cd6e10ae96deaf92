"""A series of credit notes: one seller's numbers of one calendar year, each given once, without a gap."""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime
from typing import Final, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.errors import WrongSeriesError
from domain.fact import AggregateRoot, Fact, FirstFact
from domain.identity import credit_note_stream
from domain.order.parts import TaxShare
from domain.settlement.credit_note import NoteContent, NoteLine, subject
from domain.vocabularies import NoteKind

DEFAULT_SERIES: Final = "default"
_SERIES: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OTHERS: Final = re.compile(r"[^A-Za-z0-9._-]+")
_TELLING_DIGITS: Final = 8


def series_of(seller_id: str | None) -> str:
    """Return the series of a seller: his id, or ``default`` where an order names none.

    A series is part of numbers that stand on paper and in names of files: letters, digits, ``.``, ``_`` and ``-``.
    An id that holds others has them replaced and is told from its like by the start of its SHA-256.
    """
    if not seller_id:
        return DEFAULT_SERIES
    if _SERIES.fullmatch(seller_id):
        return seller_id
    told_apart = hashlib.sha256(seller_id.encode()).hexdigest()[:_TELLING_DIGITS]
    return f"{_OTHERS.sub('_', seller_id).lstrip('._-') or 'seller'}-{told_apart}"


def check_series(series_id: str, seller_id: str | None) -> None:
    """Refuse a series that is not that of the order's seller."""
    expected = series_of(seller_id)
    if series_id != expected:
        raise WrongSeriesError(
            f"the credit notes of this order are numbered in the series {expected}", series_id=expected
        )


def business_date(at: datetime, zone: str | None) -> date:
    """Return the day of an instant where the merchant counts days; ``zone`` None: UTC."""
    return at.astimezone(ZoneInfo(zone or "UTC")).date()


class CreditNoteSeries(AggregateRoot):
    """The notes of one series and year. A number is never given again, and the next one is always one more."""

    TOPIC = "rma.CreditNoteSeries"

    class Event(Fact): ...

    class Opened(Event, FirstFact):
        """The first note of a year is about to be issued."""

        TOPIC = "rma.CreditNoteSeries.Opened.v1"
        series_id: str
        year: int

    class Issued(Event):
        """A note got its number; ``issued_on`` is the day of the refund or claim where the merchant counts days."""

        TOPIC = "rma.CreditNoteSeries.Issued.v1"
        number: str
        series_id: str
        sequence: int
        kind: NoteKind
        issued_on: date
        order_id: str
        rma_id: UUID | None
        refund_id: UUID | None
        claim_id: str | None
        currency: str
        net_minor: int
        tax_minor: int
        gross_minor: int
        taxes: tuple[TaxShare, ...]
        lines: tuple[NoteLine, ...]
        external_id: str | None = None
        """The chargeback that was won, where it is about one."""
        reversal: int | None = None
        """Which reversal of the claim it is about, from 1; None: the claim itself."""

        def apply(self, aggregate: CreditNoteSeries) -> None:
            about = subject(self.order_id, self.refund_id, self.claim_id, self.external_id, self.reversal)
            aggregate.noted.add(about)

    def __init__(self, series_id: str, year: int) -> None:
        self.series_id = series_id
        self.year = year
        self.noted: set[str] = set()
        """What there is a note about: each its own, so that there are as many notes."""

    @property
    def partition_key(self) -> str:
        """The key under which the notes are published: that of their series."""
        return self.series_id

    @classmethod
    def open(cls, series_id: str, year: int, at: datetime) -> Self:
        """Begin a series' year; raises nothing."""
        return cls._create(
            cls.Opened, id=credit_note_stream(series_id, year), series_id=series_id, year=year, timestamp=at
        )

    def issue(self, content: NoteContent, issued_on: date, at: datetime) -> None:
        """Give a note the next number; a note about the same thing again is no second."""
        if content.about in self.noted:
            return
        tax = sum(share.amount_minor for share in content.taxes)
        sequence = len(self.noted) + 1
        self.trigger_event(
            self.Issued,
            number=f"CN-{self.series_id}-{self.year:04}-{sequence:06}",
            series_id=self.series_id,
            sequence=sequence,
            kind=content.kind,
            issued_on=issued_on,
            order_id=content.order_id,
            rma_id=content.rma_id,
            refund_id=content.refund_id,
            claim_id=content.claim_id,
            currency=content.currency,
            net_minor=content.gross_minor - tax,
            tax_minor=tax,
            gross_minor=content.gross_minor,
            taxes=content.taxes,
            lines=content.lines,
            external_id=content.external_id,
            reversal=content.reversal,
            timestamp=at,
        )
