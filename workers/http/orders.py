"""Orders: what was sold and where its units stand, and what may still come back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from commands.fields import QUANTITY_MAX
from domain.vocabularies import Reason, Wish
from projections.refund_ledger.orders import read_order
from projections.tracking.case_file import read_returns_of_order
from workers.desk.returnable import Narrowed, returnable
from workers.http.access import TheCaller
from workers.http.callers import Caller
from workers.http.declared_reads import read_responses
from workers.http.door import Door, Reading, TheDoor
from workers.http.errors import NotFoundError
from workers.http.reading import Asked, EncodedName, Name, as_json, decoded, look, there

router = APIRouter(tags=["orders"])


class AskedOrder(Asked):
    """Which order is wanted, where its id would not go well into a path."""

    order_id: Name


class AskedReturnable(Asked):
    """Which possibilities are wanted; without: all free units of each line, every reason, wishes that are offered."""

    line_id: Name | None = None
    quantity: Annotated[int | None, Field(ge=1, le=QUANTITY_MAX)] = None
    reason: Reason | None = None
    wish: Wish | None = None


@router.get("/v1/orders", responses=read_responses("Order"), response_class=Response)
async def order_by_id(door: TheDoor, caller: TheCaller, asked: Annotated[AskedOrder, Query()]) -> Response:
    """Get an order by its id: its row, its lines as `order_units`, its returns."""
    return await _order(door, caller, asked.order_id, asked.after)


@router.get("/v1/orders/{name}", responses=read_responses("Order"), response_class=Response)
async def order(door: TheDoor, caller: TheCaller, name: EncodedName, asked: Annotated[Asked, Query()]) -> Response:
    """Get an order by its id: its row, its lines as `order_units`, its returns."""
    return await _order(door, caller, decoded(name), asked.after)


async def _order(door: Door, caller: Caller, order_id: str, after: int | None) -> Response:
    def read(connection: Reading) -> dict[str, Any] | None:
        found = read_order(connection, order_id)
        if found is not None:
            found["returns"] = read_returns_of_order(connection, order_id)
        return found

    return as_json(_seen(await look(door, after, read), caller))


def _seen(found: dict[str, Any] | None, caller: Caller) -> dict[str, Any]:
    """Return an order that the caller may see; raises ``NotFoundError`` for others, as for those there are not."""
    if found is None or (caller.scope != "all" and found["seller_id"] not in caller.scope):
        raise NotFoundError("no such order is known")
    return found


@router.get("/v1/orders/{name}/returnable", responses=read_responses("Returnable"), response_class=Response)
async def what_may_come_back(
    door: TheDoor, caller: TheCaller, name: EncodedName, asked: Annotated[AskedReturnable, Query()]
) -> Response:
    """Get what of an order may still come back, and what policy would say to each reason and wish; none is asked."""
    order_id = decoded(name)
    _seen(await look(door, asked.after, lambda views: read_order(views, order_id)), caller)
    wanted = Narrowed(asked.line_id, asked.quantity, asked.reason, asked.wish)

    def play() -> dict[str, Any] | None:
        with door.logs.streams() as streams:
            return returnable(order_id, streams, door.clock(), wanted)

    found = there(await run_in_threadpool(play), "order")
    if asked.line_id is not None and not found["lines"]:
        raise NotFoundError("the order has no such line")
    return as_json(found)
