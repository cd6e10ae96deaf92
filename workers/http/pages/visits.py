"""One visit to a page: its language, its cookie, its form, and what is said when something goes wrong."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from urllib.parse import urlencode, urlsplit

import psycopg
import structlog
from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from kafka.errors import KafkaError
from psycopg_pool import PoolTimeout
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from infra.services import ServiceUnreachableError
from workers.http.door import Door
from workers.http.errors import DoorError, InternalError, NotFoundError, UnavailableError
from workers.http.pages import look
from workers.http.pages.errors import FormForgedError, FormUnreadableError, LetInNeededError, WrongHostError
from workers.http.pages.words import LANGUAGES, NAMES, Language, Words, chosen_language
from workers.http.staff import Person
from workers.http.visitors import Session, new_token, session_of

FIELDS_MAX: Final = 2_000
FILES_MAX: Final = 10
FIELD_BYTES_MAX: Final = 64 * 1024
COOKIE: Final = "rma"
TROUBLES: Final = "trouble.html"
LANGUAGE_COOKIE: Final = "lang"
CSRF: Final = "form_key"
LANGUAGE: Final = "lang"
AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, KafkaError, ServiceUnreachableError)
OWN_SITES: Final = frozenset({"same-origin", "none"})

LOG = structlog.get_logger()
Answer = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(slots=True)
class Form:
    """What was typed: texts by name, in their order, and files."""

    texts: Sequence[tuple[str, str]] = ()
    files: Sequence[UploadFile] = ()

    def get(self, name: str) -> str:
        """Return a text, without what surrounds it; "" where it was not sent."""
        return next((text.strip() for known, text in self.texts if known == name), "")

    def all(self, name: str) -> list[str]:
        """Return every text under a name."""
        return [text for known, text in self.texts if known == name]


@dataclass(slots=True)
class Visit:
    """Who looks at a page: by the cookie, which stands for nobody until a link has let him in.

    ``person`` is who works here, once a page has asked; ``needs_cookie``: also an answer that is no page sets one.
    """

    door: Door
    token: str
    is_new: bool
    words: Words
    path: str
    query: Mapping[str, str]
    method: str
    cookie: str = COOKIE
    troubles: str = TROUBLES
    language_asked: bool = False
    renewed: bool = False
    needs_cookie: bool = False
    person: Person | None = None
    form: Form = field(default_factory=Form)

    @property
    def language(self) -> Language:
        return self.words.language

    @property
    def form_key(self) -> str:
        """What a form of this visit carries, and nobody else can know."""
        return hmac.new(self.door.page_secret, self.token.encode(), "sha256").hexdigest()

    @property
    def address(self) -> str:
        """Where this page was looked at, or its form was sent."""
        return self.path + (f"?{urlencode(self.query)}" if self.query else "")

    @property
    def languages(self) -> list[tuple[Language, str, str | None]]:
        """The other languages: each with its name, and its address where the page has one (else a form is sent)."""
        others = [language for language in LANGUAGES if language != self.language]
        return [(one, NAMES[one], self._address_in(one) if self.method == "GET" else None) for one in others]

    def _address_in(self, language: Language) -> str:
        return "?" + urlencode({**self.query, LANGUAGE: language})

    async def session(self) -> Session | None:
        """Return whom this visit was let in as, or None."""
        return None if self.is_new else await run_in_threadpool(self._session)

    def _session(self) -> Session | None:
        with self.door.views.connection() as connection:
            return session_of(connection, self.token, self.door.clock())

    async def let_in(self) -> Session:
        """Return whom this visit was let in as; raises ``LetInNeededError`` where nobody was, or too long ago."""
        session = await self.session()
        if session is None:
            raise LetInNeededError("no session")
        return session

    def page(self, template: str, status: int = 200, **parts: Any) -> Response:
        """Return a page in the language of this visit."""
        return look.html(look.drawn(template, self.words, self.door.brand.named, visit=self, **parts), status)

    def renew(self) -> str:
        """Return a new cookie for this visit: who knew the old one does not come in with it."""
        self.token, self.renewed = new_token(), True
        return self.token


def the_visit(request: Request) -> Visit:
    """Return the visit that a request belongs to."""
    visit: Visit = request.state.visit
    return visit


class PageRoute(APIRoute):
    """A route whose every answer is a page, errors too, dressed with the headers of pages.

    ``cookie`` is what visits to such pages are known by, ``troubles`` the page that tells what is the matter.
    """

    cookie: ClassVar[str] = COOKIE
    troubles: ClassVar[str] = TROUBLES

    def get_route_handler(self) -> Answer:
        answer = super().get_route_handler()

        async def dressed(request: Request) -> Response:
            visit = _begun(request, self.cookie, self.troubles)
            request.state.visit = visit
            try:
                _check_host(visit, request)
                visit.door.rate.count(f"page {request.client.host if request.client else ''}")
                if request.method == "POST":
                    await _take_form(visit, request)
                response = await answer(request)
            except Exception as error:  # every error of a page is a page
                response = _trouble(visit, error)
            finally:
                await request.close()  # files of a form
            return _dressed(visit, response)

        return dressed


def _is_https(door: Door) -> bool:
    return door.public_url.startswith("https:")


def cookie_name(door: Door, cookie: str = COOKIE) -> str:
    """Return what a cookie is called; a browser lets nobody but this host set one with the prefix."""
    return f"__Host-{cookie}" if _is_https(door) else cookie


def _begun(request: Request, cookie: str, troubles: str) -> Visit:
    door: Door = request.app.state.door
    kept = request.cookies.get(cookie_name(door, cookie), "")
    token = kept if 20 <= len(kept) <= 100 else new_token()
    asked = request.query_params.get(LANGUAGE)
    language = chosen_language(asked, request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", ""))
    query = {name: text for name, text in request.query_params.items() if name != LANGUAGE}
    path = request.url.path
    is_new, is_asked = token != kept, asked == language
    return Visit(
        door,
        token,
        is_new,
        look.words_of(door.brand, language),
        path,
        query,
        request.method,
        cookie,
        troubles,
        is_asked,
    )


def _check_host(visit: Visit, request: Request) -> None:
    """Raise where a request was meant for another host: what we answer would be about that one's addresses."""
    if request.headers.get("host", "").lower() != urlsplit(visit.door.public_url).netloc.lower():
        raise WrongHostError("this door answers under another name")


async def _take_form(visit: Visit, request: Request) -> None:
    try:
        sent = await request.form(max_files=FILES_MAX, max_fields=FIELDS_MAX, max_part_size=FIELD_BYTES_MAX)
    except HTTPException as error:
        raise FormUnreadableError(str(error.detail)) from error
    texts = [(name, text.replace("\r\n", "\n")) for name, text in sent.multi_items() if isinstance(text, str)]
    if any("\x00" in name or "\x00" in text for name, text in texts):
        raise FormUnreadableError("a text holds U+0000")
    files = [file for _, file in sent.multi_items() if isinstance(file, UploadFile) and file.filename]
    visit.form = Form(texts, files)
    asked = visit.form.get(LANGUAGE)
    if asked in LANGUAGES:
        visit.words, visit.language_asked = look.words_of(visit.door.brand, chosen_language(asked, None, "")), True


def is_own_form(visit: Visit, request: Request) -> bool:
    """Tell whether a form was filled in on a page of this visit."""
    is_own_site = request.headers.get("sec-fetch-site", "same-origin") in OWN_SITES
    return (
        is_own_site and not visit.is_new and hmac.compare_digest(visit.form.get(CSRF).encode(), visit.form_key.encode())
    )


def check_form(request: Request) -> Visit:
    """Return the visit whose form was sent; raises ``FormForgedError`` where another page sent it."""
    visit = the_visit(request)
    if not is_own_form(visit, request):
        raise FormForgedError("the form is not of this visit")
    return visit


def _dressed(visit: Visit, response: Response) -> Response:
    for name, value in look.HEADERS.items():
        response.headers.setdefault(name, value)
    is_https = _is_https(visit.door)
    if is_https:
        response.headers["Strict-Transport-Security"] = look.HSTS
    kept: Any = {"path": "/", "secure": is_https, "httponly": True, "samesite": "lax"}
    is_page = response.headers.get("content-type", "").startswith("text/html")
    if visit.renewed or (visit.is_new and (is_page or visit.needs_cookie)):
        response.set_cookie(cookie_name(visit.door, visit.cookie), visit.token, **kept)
    if visit.language_asked:
        response.set_cookie(LANGUAGE_COOKIE, visit.language, max_age=31_536_000, **kept)
    return response


def _trouble(visit: Visit, error: Exception) -> Response:
    """Return the page that says what is the matter, and what happens to what was typed."""
    match error:
        case DoorError() if 300 <= error.status < 400:
            return see_other(error.headers["Location"])
        case DoorError():
            said = error
        case HTTPException():
            said = NotFoundError("no such page")
        case _ if isinstance(error, AWAY):
            LOG.warning("service_away", error=repr(error))
            said = UnavailableError("a service is away")
        case _:
            LOG.error("request_failed", exc_info=error)
            said = InternalError("a defect")
    again = [(name, text) for name, text in visit.form.texts if name not in {CSRF, LANGUAGE}]
    can_try_again = visit.method == "POST" and isinstance(said, UnavailableError)
    response = visit.page(visit.troubles, said.status, code=said.code, again=again if can_try_again else None)
    for name, value in said.headers.items():
        response.headers[name] = value
    return response


def see_other(path: str) -> Response:
    """Send the browser on to a page of ours."""
    return RedirectResponse(path, 303)
