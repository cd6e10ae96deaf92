"""No more surveys: by one click in a mail program (RFC 8058), or by a button; looking changes nothing."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from workers.http.pages.progress import link_to
from workers.http.pages.visits import PageRoute, the_visit

UNSUBSCRIBE: Final = """
    INSERT INTO rma_http.unsubscribed (customer_id, at) VALUES (%s, %s) ON CONFLICT (customer_id) DO NOTHING
"""

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/r/{token}/unsubscribe")
async def offer(request: Request, token: str) -> Response:
    """Show a button."""
    visit = the_visit(request)
    await link_to(visit, token)
    return visit.page("unsubscribe.html", token=token, done=False)


@router.post("/r/{token}/unsubscribe")
async def unsubscribe(request: Request, token: str) -> Response:
    """Ask this customer how it went no more. A mail program sends it, which has no cookie: the link alone lets it."""
    visit = the_visit(request)
    link = await link_to(visit, token)

    def note() -> None:
        with visit.door.views.connection() as connection:
            connection.execute(UNSUBSCRIBE, (link.customer_id, visit.door.clock()))

    await run_in_threadpool(note)
    return visit.page("unsubscribe.html", token=token, done=True)
