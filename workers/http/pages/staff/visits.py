"""A visit of somebody who works here: who he is, what he may see, and what is said where he may not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from workers.http.errors import DoorError, ForbiddenError
from workers.http.pages.visits import PageRoute, Visit, check_form, the_visit
from workers.http.staff import Person, Role, person_of

COOKIE: Final = "rma_staff"
SIGN_IN: Final = "/staff/sign-in"
OURS: Final = re.compile(r"/(desk|bench)(/[\w/.~%-]*)?(\?[\w/.~%&=+-]*)?", re.ASCII)
"""Where a sign-in may lead."""
AT_DESK: Final[tuple[Role, ...]] = ("agent", "supervisor", "auditor")
AT_BENCH: Final[tuple[Role, ...]] = ("warehouse",)


class RoleMissingError(ForbiddenError):
    """Somebody is signed in, and has no role that lets him see this, or do it."""

    code = "role_missing"


class SignedOutError(ForbiddenError):
    """The form came from somebody who is not signed in, or no longer."""

    code = "signed_out"


class SignInNeededError(DoorError):
    """Nobody is signed in: the browser is sent to where one does."""

    status = 303
    code = "sign_in_needed"

    def __init__(self, following: str) -> None:
        super().__init__("sign in first")
        self._following = following

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Location": f"{SIGN_IN}?{urlencode({'next': self._following})}"}


class StaffRoute(PageRoute):
    """A route of pages for those who work here: with a cookie of its own."""

    cookie: ClassVar[str] = COOKIE
    troubles: ClassVar[str] = "staff/trouble.html"


def following(path: str) -> str:
    """Return where a sign-in leads: a path of the desk or the bench, and nothing else."""
    return path if OURS.fullmatch(path) and "//" not in path and ".." not in path else ""


async def person_in(visit: Visit) -> Person | None:
    """Return who is signed in, or None."""
    if visit.is_new:
        return None

    def read() -> Person | None:
        with visit.door.views.connection() as connection:
            return person_of(connection, visit.token, visit.door.clock())

    return await run_in_threadpool(read)


async def seen_by(request: Request, *roles: Role) -> tuple[Visit, Person]:
    """Return the visit of somebody who has one of these roles, and who he is.

    Raises:
        SignInNeededError: Nobody is signed in, and only looks.
        SignedOutError: Nobody is signed in, and a form was sent.
        RoleMissingError: He has none of them.
    """
    visit = the_visit(request)
    person = await person_in(visit)
    if person is None:
        if visit.method == "GET":
            raise SignInNeededError(visit.address)
        raise SignedOutError("nobody is signed in")
    visit.person = person
    if not person.has(*roles):
        raise RoleMissingError("no role for this")
    return visit, person


async def sent_by(request: Request, *roles: Role) -> tuple[Visit, Person]:
    """Return as ``seen_by`` does, of a form that was filled in on a page of the same visit."""
    visit, person = await seen_by(request, *roles)
    check_form(request)
    return visit, person
