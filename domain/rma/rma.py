"""A return merchandise authorization: lines and quantities of one order on their way back.

Its facts are in ``request_facts``, ``remedy_facts``, ``parcel_facts``, ``goods_facts`` and ``outcome_facts``, what they
add up to in ``state``. Rules are checked where facts are decided, in ``domain/case``, before a fact is triggered.
"""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

from domain.fact import AggregateRoot, Fact
from domain.identity import rma_number, rma_stream
from domain.order import Order
from domain.order.parts import PolicyPin
from domain.rma import goods_facts, notice_facts, outcome_facts, parcel_facts, remedy_facts, request_facts
from domain.rma.parts import (
    Declared,
    Evidence,
    RequestedLine,
)
from domain.rma.state import RmaState


class Rma(RmaState, AggregateRoot):
    """One return, from request to close."""

    TOPIC = "rma.Rma"

    Event = Fact
    Requested = request_facts.Requested
    RemedyOffered = remedy_facts.RemedyOffered
    RemedyAccepted = remedy_facts.RemedyAccepted
    RemedyDeclined = remedy_facts.RemedyDeclined
    RemedyLapsed = remedy_facts.RemedyLapsed
    Authorized = request_facts.Authorized
    Denied = request_facts.Denied
    ReviewAsked = request_facts.ReviewAsked
    ReviewDecided = request_facts.ReviewDecided
    DecisionOverridden = request_facts.DecisionOverridden
    DenialAppealed = request_facts.DenialAppealed
    RequestCorrected = request_facts.RequestCorrected
    EvidenceAdded = request_facts.EvidenceAdded
    Withdrawn = request_facts.Withdrawn
    Expired = request_facts.Expired
    Revived = request_facts.Revived
    LabelIssued = parcel_facts.LabelIssued
    HandedOver = parcel_facts.HandedOver
    Scanned = parcel_facts.Scanned
    Received = goods_facts.Received
    ReceiptSuperseded = goods_facts.ReceiptSuperseded
    GoodsTransferred = goods_facts.GoodsTransferred
    DiscrepancyFound = goods_facts.DiscrepancyFound
    Held = goods_facts.Held
    Released = goods_facts.Released
    Inspected = goods_facts.Inspected
    DispositionDecided = goods_facts.DispositionDecided
    StockInstructed = goods_facts.StockInstructed
    KeptByCustomer = goods_facts.KeptByCustomer
    ResolutionDecided = outcome_facts.ResolutionDecided
    RefundStarted = outcome_facts.RefundStarted
    SettlementMoved = outcome_facts.SettlementMoved
    ReplacementShipped = goods_facts.ReplacementShipped
    ReplacementLost = goods_facts.ReplacementLost
    Repaired = goods_facts.Repaired
    SentBack = goods_facts.SentBack
    CustomerNotified = notice_facts.CustomerNotified
    NoticeOutcomeRecorded = notice_facts.NoticeOutcomeRecorded
    EvidenceRequested = notice_facts.EvidenceRequested
    Reminded = notice_facts.Reminded
    FeedbackAsked = notice_facts.FeedbackAsked
    FeedbackGiven = outcome_facts.FeedbackGiven
    Closed = outcome_facts.Closed
    Reopened = outcome_facts.Reopened
    DeadlinesMoved = outcome_facts.DeadlinesMoved
    DeadlinePassed = outcome_facts.DeadlinePassed
    DeadlineExtended = outcome_facts.DeadlineExtended

    def __init__(  # noqa: PLR0917 - the library passes the fields of Registered, by name
        self,
        rma_id: UUID,
        rma_number: str,
        order_id: str,
        customer_id: str,
        case_id: str | None,
        gift: bool,
        recipient_id: str | None,
        currency: str,
        channel: str,
        country: str,
        ordered_at: datetime,
        policy: PolicyPin,
        lines: tuple[RequestedLine, ...],
        evidence: tuple[Evidence, ...],
        content_hash: str,
        requester_id: str | None = None,
        gift_unproved: bool = False,
        informed_at: datetime | None = None,
        withdrawal: bool = False,
        contact: str | None = None,
    ) -> None:
        super().__init__(lines, evidence)
        self.rma_id, self.rma_number = rma_id, rma_number
        self.order_id = order_id
        self.customer_id = customer_id
        self.case_id = case_id
        self.gift, self.recipient_id = gift, recipient_id
        self.currency = currency
        self.channel = channel
        self.country = country
        self.ordered_at = ordered_at
        self.policy = policy
        self.content_hash = content_hash
        self.requester_id = requester_id
        self.gift_unproved = gift_unproved
        self.informed_at = informed_at
        self.withdrawal = withdrawal
        self.contact = contact

    @classmethod
    def request(
        cls,
        rma_id: UUID,
        order: Order,
        lines: tuple[RequestedLine, ...],
        *,
        policy: PolicyPin,
        evidence: tuple[Evidence, ...],
        declared: Declared,
        content_hash: str,
        at: datetime,
    ) -> Self:
        """Begin the stream of a return of an order's lines; ``at`` is when it was asked for."""
        return cls._create(
            cls.Requested,
            id=rma_stream(rma_id),
            rma_id=rma_id,
            rma_number=rma_number(rma_id),
            order_id=order.order_id,
            customer_id=order.customer_id,
            case_id=declared.case_id,
            gift=declared.gift,
            recipient_id=declared.recipient_id,
            currency=order.currency,
            channel=order.channel,
            country=order.country,
            ordered_at=order.created_on,
            policy=policy,
            lines=lines,
            evidence=evidence,
            content_hash=content_hash,
            requester_id=declared.requester_id,
            gift_unproved=declared.gift_unproved,
            informed_at=declared.informed_at,
            withdrawal=declared.withdrawal,
            contact=declared.contact,
            timestamp=at,
        )
