"""Signing in at the desk and the bench, and out again."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from workers.http.errors import NotFoundError
from workers.http.oidc import Provider, SignInFailedError
from workers.http.pages.staff.visits import AT_DESK, StaffRoute, following, person_in, seen_by
from workers.http.pages.visits import Visit, check_form, see_other, the_visit
from workers.http.staff import DEMO_PEOPLE, ROLES, Person, begin_session, end_session, keep_sign_in, take_sign_in

NEXT: Final = "next"

router = APIRouter(route_class=StaffRoute, include_in_schema=False)


@router.get("/staff")
async def home(request: Request) -> Response:
    """Lead to where somebody works."""
    _, person = await seen_by(request, *ROLES)
    return see_other("/desk" if person.has(*AT_DESK) else "/bench")


@router.get("/staff/sign-in")
async def offer(request: Request) -> Response:
    """Show the ways to sign in."""
    visit = the_visit(request)
    visit.person = await person_in(visit)
    settings = visit.door.settings
    return visit.page(
        "staff/sign-in.html",
        people=DEMO_PEOPLE if settings.http_demo_login else (),
        provider=settings.oidc_issuer,
        next=following(visit.query.get(NEXT, "")),
    )


@router.post("/staff/sign-in/demo")
async def be_somebody(request: Request) -> Response:
    """Let the visitor in as one of the fixed people; only where that is set."""
    visit = check_form(request)
    chosen = {one.person: one for one in DEMO_PEOPLE}.get(visit.form.get("person"))
    if chosen is None or not visit.door.settings.http_demo_login:
        raise NotFoundError("no such person")
    return await _let_in(visit, chosen, visit.form.get(NEXT))


@router.get("/staff/sign-in/oidc")
async def go_to_provider(request: Request) -> Response:
    """Send the browser to the provider, with a state, a nonce and a challenge (PKCE) that its answer has to fit."""
    visit = the_visit(request)
    state: dict[str, Any] = {}
    request.scope["session"] = state
    response = await _provider(visit).redirect(request, f"{visit.door.public_url}/staff/signed-in")

    def keep() -> None:
        with visit.door.views.connection() as connection:
            keep_sign_in(connection, visit.token, state, following(visit.query.get(NEXT, "")), visit.door.clock())

    await run_in_threadpool(keep)
    visit.needs_cookie = True
    return response


@router.get("/staff/signed-in")
async def come_back(request: Request) -> Response:
    """Let in whom the provider vouches for; an answer that fits no sign-in of this browser is one like no answer."""
    visit = the_visit(request)

    def take() -> tuple[dict[str, Any], str] | None:
        with visit.door.views.connection() as connection:
            return take_sign_in(connection, visit.token, visit.door.clock())

    begun = None if visit.is_new else await run_in_threadpool(take)
    if begun is None:
        raise SignInFailedError("no sign-in has begun here")
    request.scope["session"], next_path = begun
    person = await _provider(visit).person(request)
    return await _let_in(visit, person, next_path)


def _provider(visit: Visit) -> Provider:
    if visit.door.provider is None:
        raise NotFoundError("no provider is set")
    return visit.door.provider


async def _let_in(visit: Visit, person: Person, next_path: str) -> Response:
    def begin() -> None:
        with visit.door.views.connection() as connection, connection.transaction():
            end_session(connection, visit.token)
            begin_session(connection, visit.renew(), person, visit.door.clock())

    await run_in_threadpool(begin)
    return see_other(following(next_path) or "/staff")


@router.post("/staff/sign-out")
async def leave(request: Request) -> Response:
    """Let the visitor out: his cookie opens nothing any more."""
    visit = check_form(request)

    def end() -> None:
        with visit.door.views.connection() as connection:
            end_session(connection, visit.token)

    await run_in_threadpool(end)
    visit.renew()
    return visit.page("staff/signed-out.html")
