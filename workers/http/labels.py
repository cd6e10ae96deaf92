"""Labels of returns, as PDF."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from workers.http.access import TheCaller
from workers.http.declared_reads import PDF_RESPONSES
from workers.http.door import TheDoor
from workers.http.pages.labels import label_of
from workers.http.reading import Asked, EncodedName, Name, look
from workers.http.returns import find
from workers.pictures.label_pdf import Size

router = APIRouter(tags=["returns"])


class AskedLabel(Asked):
    """Which label is wanted, in which language, for which paper."""

    size: Size = "a6"
    lang: Literal["en", "zh"] = "en"
    label_id: Annotated[Name | None, Field(description="Of a return with several; else the one issued last.")] = None


@router.get("/v1/returns/{name}/label.pdf", responses=PDF_RESPONSES, response_class=Response)
async def label_pdf(
    door: TheDoor, caller: TheCaller, name: EncodedName, asked: Annotated[AskedLabel, Query()]
) -> Response:
    """Get a return's label as PDF: its Code 128 is the parcel's number, its QR code the return's; 404 is `no_label`."""
    rma_id = await look(door, asked.after, lambda views: find(views, name, caller))
    return await label_of(door, rma_id, asked.label_id, size=asked.size, language=asked.lang)
