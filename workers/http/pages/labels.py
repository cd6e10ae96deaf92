"""What stands on a label: read off the return, in the customer's words; where it goes to off the file of sites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import Response
from fastapi.concurrency import run_in_threadpool

from domain.identity import label_id
from infra.sites import Site, lines_of, read_sites
from projections.tracking.case_file import CaseFile, read_case_file
from projections.tracking.progress import last_label, read_progress
from workers.http.door import Door, Reading
from workers.http.errors import NoLabelError
from workers.http.pages.look import words_of
from workers.http.pages.naming import N_
from workers.http.pages.words import Language, Words
from workers.http.reading import look, there
from workers.pictures.label_pdf import LabelSheet, Size, drawn

Row = Mapping[str, Any]
HINTS: Final = (
    N_("Pack the goods well, best in what they came in."),
    N_("Put a note with %(number)s into the parcel."),
    N_("Cut out the label and stick it on top; cover or tear off older labels."),
)
HAND_OVER: Final[dict[str, str]] = {
    "label": N_("Hand the parcel to the carrier that stands on the label."),
    "drop_off": N_("Hand the parcel in at a drop-off point."),
}
KEEP: Final = N_("Keep the receipt of the carrier until your money is there.")


async def label_of(door: Door, rma_id: UUID, wanted: str | None, *, size: Size, language: Language) -> Response:
    """Return a label of a return as PDF; ``wanted`` is the label's id, None: that of the one issued last.

    Raises:
        NoLabelError: There is none, or none of this id.
    """

    def read(connection: Reading) -> tuple[CaseFile | None, Row | None]:
        number = wanted or last_label(connection, rma_id)
        parcels = read_progress(connection, rma_id)["parcels"]
        return read_case_file(connection, rma_id), next((one for one in parcels if one["label_id"] == number), None)

    case, parcel = await look(door, None, read)
    if parcel is None:
        raise NoLabelError("this return has no label" if wanted is None else "this return has no such label")
    sites = await run_in_threadpool(read_sites, door.settings.sites_file)
    sheet = sheet_of(there(case, "return"), parcel, sites, words_of(door.brand, language))
    content = await run_in_threadpool(drawn, sheet, size)
    return Response(content, media_type="application/pdf", headers={
        "Content-Disposition": f'attachment; filename="{sheet.rma_number}.pdf"',
        "Content-Security-Policy": "sandbox",
    })  # fmt: skip


def sheet_of(case: CaseFile, parcel: Row, sites: Mapping[str, Site], said: Words) -> LabelSheet:
    """Return what stands on the label of a parcel; a site that the file does not name stands by its name alone."""
    number, terms = case.summary["rma_number"], _terms_of(case, parcel["label_id"])
    due_at = terms["ship_back_due_at"]
    send_by = said.gettext("Please send the goods by %(day)s.") % {"day": said.last_day(due_at)} if due_at else None
    hints = [said.gettext(hint) for hint in (*HINTS, HAND_OVER.get(terms["method"], HAND_OVER["label"]), KEEP)]
    return LabelSheet(
        tracking_number=parcel["tracking_number"],
        rma_number=number,
        title=said.gettext("Return"),
        carrier=parcel["carrier"],
        to=said.gettext("To"),
        ship_to=lines_of(sites, terms["return_to"]),
        send_by=send_by,
        hints_title=said.gettext("How to send it"),
        hints=[hint.replace("%(number)s", number) for hint in hints],
    )


def _terms_of(case: CaseFile, label: str) -> Row:
    """Return the terms of a line that goes where a label leads; of others' labels they are those of the first line."""
    rma_id = case.summary["rma_id"]
    leads_there = (terms for terms in case.terms if str(label_id(rma_id, terms["return_to"])) == label)
    return next(leads_there, case.terms[0])
