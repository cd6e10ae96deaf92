"""What pages are dressed with: our stylesheet and htmx, the merchant's colours and logo."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from workers.http import branding
from workers.http.errors import NotFoundError
from workers.http.pages.static_files import MEDIA, address, content
from workers.http.pages.visits import PageRoute, the_visit

FOR_EVER: Final = "public, max-age=31536000, immutable"
FOR_AN_HOUR: Final = "public, max-age=3600"

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/pages/brand/{name}")
async def of_brand(request: Request, name: str) -> Response:
    """Return a file of the merchant's folder; only those that are listed are there."""
    found = the_visit(request).door.brand.files.get(name)
    if found is None:
        raise NotFoundError("no such file")
    return Response(found, media_type=branding.MEDIA[name], headers={"Cache-Control": FOR_AN_HOUR})


@router.get("/pages/{mark}/{name}")
async def of_pages(mark: str, name: str) -> Response:
    """Return a file; only those that are listed are there."""
    if name not in MEDIA or address(name) != f"/pages/{mark}/{name}":
        raise NotFoundError("no such file")
    return Response(content(name), media_type=MEDIA[name], headers={"Cache-Control": FOR_EVER})
