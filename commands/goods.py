"""Goods at the dock, on the bench, and out again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from commands.evidence import EvidenceItems, evidence_of
from commands.fields import (
    LINES_MAX,
    SERIALS_MAX,
    Answers,
    Body,
    Identifier,
    LineNumber,
    Name,
    OnReturn,
    OnUnits,
    Quantity,
    Text,
    added_later,
)
from commands.metadata import Meta
from commands.registry import content_hash, handles, on_return
from commands.streams import Streams, find_policy, the_order, the_return
from domain.case import Case, deadlines, fulfilment, inspection, receipt, replacements, transfer
from domain.case.arrivals import ReceivedItem
from domain.case.bench import Findings
from domain.case.fulfilment import Outgoing
from domain.case.receipt import Receipt, UnexpectedItem
from domain.case.replacements import Loss, Replacement
from domain.case.transfer import Transfer
from domain.vocabularies import Cause, Disposition, Grade, LiableParty


class ArrivedItem(Body):
    """So many units of a line that arrived."""

    line: LineNumber
    quantity: Quantity
    serials: Annotated[tuple[Name, ...], Field(max_length=SERIALS_MAX)] = ()


class OtherItem(Body):
    """Another article than announced."""

    sku: Name
    quantity: Quantity
    serial: Name | None = None
    instead_of: LineNumber | None = None
    note: Text | None = None


class ReceiveGoods(OnReturn):
    """Record what one delivery at the dock held.

    ``supersedes`` names an earlier receipt that was typed wrong, as long as none of its units is inspected or resolved.
    """

    receipt_id: Identifier
    site: Identifier
    items: Annotated[tuple[ArrivedItem, ...], Field(max_length=LINES_MAX)]
    complete: bool
    unexpected: Annotated[tuple[OtherItem, ...], Field(max_length=LINES_MAX)] = ()
    supersedes: Identifier | None = added_later(None)


class TransferGoods(OnUnits):
    """Record that goods went to another site."""

    to_site: Identifier
    transfer_id: Identifier | None = None


class HoldGoods(OnUnits):
    """Keep units from being inspected."""

    reason: Text


class ReleaseGoods(OnUnits):
    """Let held units be inspected."""

    reason: Text


class RecordInspection(OnUnits):
    """Record what the bench found on units that arrived.

    ``serial`` is read off a single unit; ``sku`` names another article that came in place of the one announced.
    """

    inspection_id: Identifier
    grade: Grade
    cause: Cause
    liable_party: LiableParty
    checklist: Answers | None = None
    note: Text | None = None
    evidence: EvidenceItems = ()
    supersedes: Identifier | None = None
    serial: Name | None = added_later(None)
    sku: Name | None = added_later(None)


class DecideDisposition(OnUnits):
    """Decide what becomes of goods; ``sku`` names another article that came in place of the one announced."""

    disposition: Disposition
    inspection_id: Identifier | None = None
    sku: Name | None = None


class ShipReplacement(OnUnits):
    """Record that the new article left; with ``sku`` so many of that one, of all that were promised for the line."""

    sku: Name | None = None
    serials: Annotated[tuple[Name, ...], Field(max_length=SERIALS_MAX)] = ()
    tracking_number: Name | None = None
    note: Text | None = None


class RecordReplacementLost(OnUnits):
    """Record that the new article got lost on its way: the units wait for it again, or for something else."""

    reason: Text
    loss_id: Identifier | None = None


class RecordRepair(OnUnits):
    """Record that units are repaired and on their way back."""

    tracking_number: Name | None = None
    note: Text | None = None


class SendBack(OnUnits):
    """Record that refused goods are on their way back."""

    tracking_number: Name | None = None
    note: Text | None = None


@on_return(ReceiveGoods, by="warehouse agent", while_closed=True)
def receive_goods(command: ReceiveGoods, case: Case) -> None:
    arrived = Receipt(
        receipt_id=command.receipt_id,
        site=command.site,
        items=tuple(ReceivedItem(item.line, item.quantity, item.serials) for item in command.items),
        unexpected=tuple(
            UnexpectedItem(item.sku, item.quantity, item.serial, item.instead_of, item.note)
            for item in command.unexpected
        ),
        complete=command.complete,
        content_hash=content_hash(command),
        supersedes=command.supersedes,
    )
    receipt.receive(case, arrived)


@handles(TransferGoods, by="warehouse agent")
def transfer_goods(command: TransferGoods, meta: Meta, streams: Streams) -> None:
    order = the_order(streams, command.order_id)
    case = Case(order, the_return(streams, command.rma_id, order), meta.occurred_at)
    moved = Transfer(
        command.line, command.quantity, command.to_site, command.transfer_id, content_hash=content_hash(command)
    )
    transfer.transfer(case, moved, _sites(streams, case))
    deadlines.keep(case)


def _sites(streams: Streams, case: Case) -> frozenset[str]:
    """Return the sites that the return's policy names; none where it names none."""
    pin = case.rma.policy
    policy = find_policy(streams, pin.policy_id)
    return frozenset(policy.version_numbered(pin.number).document.sites) if policy else frozenset()


@on_return(HoldGoods, by="warehouse agent")
def hold_goods(command: HoldGoods, case: Case) -> None:
    inspection.hold(case, command.line, command.quantity, command.reason)


@on_return(ReleaseGoods, by="warehouse agent")
def release_goods(command: ReleaseGoods, case: Case) -> None:
    inspection.release(case, command.line, command.quantity, command.reason)


@on_return(RecordInspection, by="warehouse agent", while_closed=True)
def record_inspection(command: RecordInspection, case: Case) -> None:
    findings = Findings(
        inspection_id=command.inspection_id,
        line=command.line,
        quantity=command.quantity,
        grade=command.grade,
        cause=command.cause,
        liable_party=command.liable_party,
        content_hash=content_hash(command),
        checklist=command.checklist,
        note=command.note,
        evidence=evidence_of(command.evidence),
        supersedes=command.supersedes,
        serial=command.serial,
        sku=command.sku,
    )
    inspection.inspect(case, findings)


@on_return(DecideDisposition, by="warehouse agent")
def decide_disposition(command: DecideDisposition, case: Case) -> None:
    inspection.dispose(
        case,
        command.line,
        command.quantity,
        command.disposition,
        inspection_id=command.inspection_id,
        sku=command.sku,
    )


@on_return(ShipReplacement, by="warehouse agent")
def ship_replacement(command: ShipReplacement, case: Case) -> None:
    sent = Replacement(
        line=command.line,
        quantity=command.quantity,
        sku=command.sku,
        serials=command.serials,
        tracking_number=command.tracking_number,
        note=command.note,
    )
    replacements.ship(case, sent)


@on_return(RecordReplacementLost, by="carrier warehouse agent", while_closed=True)
def record_replacement_lost(command: RecordReplacementLost, case: Case) -> None:
    loss = Loss(command.line, command.quantity, command.reason, command.loss_id, content_hash(command))
    replacements.lose(case, loss)


@on_return(RecordRepair, by="warehouse agent")
def record_repair(command: RecordRepair, case: Case) -> None:
    fulfilment.return_repaired(case, _outgoing(command))


@on_return(SendBack, by="warehouse agent")
def send_back(command: SendBack, case: Case) -> None:
    fulfilment.send_back(case, _outgoing(command))


def _outgoing(command: RecordRepair | SendBack) -> Outgoing:
    return Outgoing(command.line, command.quantity, command.tracking_number, command.note)
