"""Returns as their rows tell them: a list, one, what happened to it, why, and what it would pay."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from domain.identity import order_stream, rma_stream
from domain.vocabularies import NextStep, ReturnStatus
from projections.refund_ledger.orders import sellers_of
from projections.tracking.case_file import find_by_number, known_among, read_return, read_timeline, the_one
from projections.tracking.decisions import read_decisions
from projections.tracking.listing import PAGE_MAX, Page, Wanted, read_page
from workers.desk.quoting import quote_return
from workers.http.access import TheCaller
from workers.http.callers import Caller
from workers.http.cursors import place_in, signed
from workers.http.declared_reads import read_responses
from workers.http.door import Door, Reading, TheDoor
from workers.http.opening import texts_for
from workers.http.reading import Asked, EncodedName, Name, as_json, decoded, look, there
from workers.operating.shown_texts import told, with_texts
from workers.pictures.catalogues import catalogue
from workers.pictures.explaining import explain

PAGE: Final = 50
DAYS_MAX: Final = 36_500

router = APIRouter(tags=["returns"])
Limit = Annotated[int, Field(ge=1, le=PAGE_MAX)]
Cursor = Annotated[str | None, Field(max_length=400, description="`next_cursor` of the page before.")]


class AskedReturns(Asked):
    """Which returns are wanted: those that fit everything that is given, the newest first."""

    order_id: Name | None = None
    customer_id: Name | None = None
    status: ReturnStatus | None = None
    next_step: NextStep | None = None
    older_than: Annotated[int | None, Field(ge=0, le=DAYS_MAX, description="Asked for so many days ago, or more.")] = (
        None
    )
    number: Annotated[Name | None, Field(description="An RMA number as people type it, or a parcel's.")] = None
    limit: Limit = PAGE
    cursor: Cursor = None


class AskedTimeline(Asked):
    """Which part of a timeline is wanted."""

    limit: Limit = PAGE_MAX
    cursor: Cursor = None


class AskedExplanation(Asked):
    """How decisions are to be explained."""

    lang: Literal["en", "zh"] = "en"
    claims: Annotated[
        bool, Field(description="Also which other reason or answer of the customer's would have done.")
    ] = False


@router.get("/v1/returns", responses=read_responses("ReturnsPage"), response_class=Response)
async def returns(door: TheDoor, caller: TheCaller, asked: Annotated[AskedReturns, Query()]) -> Response:
    """List returns, the newest request first, page by page."""
    question = asked.model_dump(mode="json", exclude={"cursor", "limit", "after"}), caller.sellers
    place = None if asked.cursor is None else place_in(asked.cursor, door.cursor_secret, *question)

    def read(connection: Reading) -> Page:
        return read_page(connection, _wanted(door, connection, asked, caller), limit=asked.limit, cursor=place)

    page = await look(door, asked.after, read)
    further = page.next_cursor and signed(page.next_cursor, door.cursor_secret, *question)
    return as_json({"items": page.items, "next_cursor": further})


def _wanted(door: Door, connection: Reading, asked: AskedReturns, caller: Caller) -> Wanted:
    before = None if asked.older_than is None else door.clock() - timedelta(days=asked.older_than)
    return Wanted(
        order_id=asked.order_id,
        customer_id=asked.customer_id,
        status=asked.status,
        next_step=asked.next_step,
        requested_before=before,
        sellers=caller.sellers,
        rma_ids=None if asked.number is None else list(find_by_number(connection, asked.number)),
    )


@router.get("/v1/returns/{name}", responses=read_responses("Return"), response_class=Response)
async def one_return(door: TheDoor, caller: TheCaller, name: EncodedName, asked: Annotated[Asked, Query()]) -> Response:
    """Get a return by its id, its number, or its parcel's: its row, lines, refunds, payouts and deadlines."""
    found = there(await look(door, asked.after, lambda views: read_return(views, find(views, name, caller))), "return")
    texts = await texts_for(door, caller, _streams(found), "GET /v1/returns", found)
    return as_json(told(found, texts), position=found["last_position"])


@router.get("/v1/returns/{name}/timeline", responses=read_responses("TimelinePage"), response_class=Response)
async def timeline(
    door: TheDoor, caller: TheCaller, name: EncodedName, asked: Annotated[AskedTimeline, Query()]
) -> Response:
    """Get what happened to a return, its own events and its order's about it, in their order."""

    def read(connection: Reading) -> tuple[UUID, list[dict[str, Any]]]:
        rma_id = find(connection, name, caller)
        behind = 0 if asked.cursor is None else int(place_in(asked.cursor, door.cursor_secret, str(rma_id)))
        return rma_id, read_timeline(connection, rma_id, after=behind, limit=asked.limit + 1)

    rma_id, events = await look(door, asked.after, read)
    page = events[: asked.limit]
    further = signed(str(page[-1]["position"]), door.cursor_secret, str(rma_id)) if len(events) > asked.limit else None
    streams = dict.fromkeys(stream for event in page for stream in _streams(event))
    texts = await texts_for(door, caller, streams, "GET /v1/returns/timeline", page)
    return as_json(told({"items": page, "next_cursor": further}, texts))


@router.get("/v1/returns/{name}/explanation", responses=read_responses("Explanations"), response_class=Response)
async def explanation(
    door: TheDoor, caller: TheCaller, name: EncodedName, asked: Annotated[AskedExplanation, Query()]
) -> Response:
    """Get why each line was decided as it was: by which rule or person, and what would have changed it."""
    texts = catalogue(asked.lang)

    def read(connection: Reading) -> tuple[UUID, list[dict[str, object]]]:
        rma_id = find(connection, name, caller)
        return rma_id, read_decisions(connection, rma_id)

    rma_id, decided = await look(door, asked.after, read)
    said = await texts_for(door, caller, [rma_stream(rma_id)], "GET /v1/returns/explanation", decided)
    decided = [with_texts(row, said) for row in decided]
    return as_json({"items": [explain(row, texts, claims=asked.claims).as_dict() for row in decided]})


@router.get("/v1/returns/{name}/quote", responses=read_responses("Quote", 409), response_class=Response)
async def quote(door: TheDoor, caller: TheCaller, name: EncodedName, asked: Annotated[Asked, Query()]) -> Response:
    """Get what a return would still pay now, were all that is authorized to come back as new: played, never written."""
    rma_id = await look(door, asked.after, lambda views: find(views, name, caller))

    def play() -> dict[str, Any] | None:
        with door.logs.streams() as streams:
            return quote_return(rma_id, streams, door.clock())

    return as_json(there(await run_in_threadpool(play), "return"))


def _streams(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the streams whose events hold the texts of a row."""
    return rma_stream(row["rma_id"]), order_stream(row["order_id"])


def find(connection: Reading, name: str, caller: Caller) -> UUID:
    """Return the id of the return that a part of a path names; raises ``NotFoundError`` where the caller sees none."""
    text = decoded(name)
    try:
        found = dict.fromkeys(known_among(connection, [UUID(text)]), text)
    except ValueError:
        found = find_by_number(connection, text)
    if caller.scope != "all":
        sellers = sellers_of(connection, list(found))
        found = {rma_id: number for rma_id, number in found.items() if sellers.get(rma_id) in caller.scope}
    return there(the_one(text, found), "return")
