"""What needs no token: whether the door lives and can work, what it offers, what its codes mean."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response

from workers.http.access import Anonymous
from workers.http.declared import Responses, problems
from workers.http.door import TheDoor
from workers.http.errors import NotFoundError
from workers.http.problems import meanings

TEXT: Final[dict[str, Any]] = {"content": {"text/plain": {"schema": {"type": "string"}}}}
HEALTH_RESPONSES: Final[Responses] = {200: {"description": "Yes", **TEXT}, 503: {"description": "No", **TEXT}}
OPEN_RESPONSES: Final[Responses] = problems(400, 404, 429, 500)

router = APIRouter(tags=["system"])


@router.get("/healthz", responses=HEALTH_RESPONSES, response_class=Response)
@router.get("/readyz", responses=HEALTH_RESPONSES, response_class=Response)
def health(request: Request, door: TheDoor) -> Response:
    """Tell whether the door lives (`/healthz`), and whether PostgreSQL and Kafka answer (`/readyz`)."""
    status, body, media_type = door.health.answer(request.url.path)
    return Response(body, status, media_type=media_type)


@router.get("/openapi.json", dependencies=[Anonymous], responses=problems(429, 500))
def openapi(request: Request) -> dict[str, Any]:
    """Describe the API (OpenAPI 3.1)."""
    described: dict[str, Any] = request.app.openapi()
    return described


@router.get("/problems/{code}", dependencies=[Anonymous], responses=OPEN_RESPONSES)
def meaning(code: Annotated[str, Path(max_length=100)]) -> dict[str, str]:
    """Tell what the code of a problem means."""
    if code not in meanings():
        raise NotFoundError("no problem has this code")
    return {"code": code, "meaning": meanings()[code]}
