"""A mail server of the demo's own, and a page that shows what it was handed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from importlib import resources
from pathlib import Path
from threading import Event, Thread
from typing import Final

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as Visit
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

HOST: Final = "127.0.0.1"
STOP_TIMEOUT_S: Final = 10.0
TEMPLATES: Final = Path(str(resources.files(__package__))) / "templates"
CSP: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'"
LETTER_CSP: Final = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'"
"""A letter may open what it links to in a tab of its own, and nothing else."""
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "title": "Letters that were sent",
        "none": "No letter has come yet. Look again in a second.",
        "to": "To",
        "from": "From",
        "back": "All letters",
        "text": "As plain text",
        "other": "中文",
        "other_code": "zh",
        "lang": "en",
    },
    "zh": {
        "title": "已发出的邮件",
        "none": "还没有邮件，请稍后再看。",
        "to": "收件人",
        "from": "发件人",
        "back": "全部邮件",
        "text": "纯文本",
        "other": "English",
        "other_code": "en",
        "lang": "zh-Hans",
    },
}


@dataclass
class Mailbox:
    """What came, in its order. ``smtp_url`` is where mails are handed in, ``url`` where they are shown."""

    letters: list[EmailMessage] = field(default_factory=list)
    smtp_url: str = ""
    url: str = ""

    async def handle_DATA(self, _: SMTP, __: Visit, envelope: Envelope) -> str:  # noqa: N802 - the library calls it
        """Take a mail in; one that came before, by its Message-ID, is the same one."""
        assert isinstance(envelope.content, bytes)  # noqa: S101 - the server was not told to decode
        mail = message_from_bytes(envelope.content, policy=policy.default)
        if all(mail["Message-ID"] != known["Message-ID"] for known in self.letters):
            self.letters.append(mail)
        return "250 taken"

    def kinds(self) -> list[str]:
        """Return of what kind each letter is, as its Message-ID says; a page's own mail is of none: an empty text."""
        ids = [str(letter["Message-ID"]).partition("@")[0] for letter in self.letters]
        return [one.partition(".")[2].partition(".")[0] for one in ids]

    def sent_to(self, address: str) -> list[int]:
        """Return the numbers of the letters that went to an address, in their order."""
        return [number for number, letter in enumerate(self.letters, start=1) if letter["To"] == address]


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Take mails in and show them, on free ports of this machine alone, while the block lasts."""
    box, ready = Mailbox(), Event()
    with socket.create_server((HOST, 0)) as smtp, socket.create_server((HOST, 0)) as web:
        box.smtp_url = f"smtp://{HOST}:{smtp.getsockname()[1]}"
        box.url = f"http://{HOST}:{web.getsockname()[1]}"
        server = uvicorn.Server(
            uvicorn.Config(_app(box), lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1)
        )

        async def serve() -> None:
            loop = asyncio.get_running_loop()
            taking = await loop.create_server(lambda: SMTP(box, enable_SMTPUTF8=True, loop=loop), sock=smtp)
            ready.set()
            async with taking:
                await server.serve([web])

        thread = Thread(target=asyncio.run, args=(serve(),), name="mailbox", daemon=True)
        thread.start()
        ready.wait(STOP_TIMEOUT_S)
        try:
            yield box
        finally:
            server.should_exit = True
            thread.join(STOP_TIMEOUT_S)


def _app(box: Mailbox) -> Starlette:
    pages = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)

    def page(request: Request, name: str, **parts: object) -> Response:
        asked = request.query_params.get("lang") or request.headers.get("accept-language", "")
        words = WORDS["zh" if asked.startswith("zh") else "en"]
        drawn = pages.get_template(name).render(w=words, path=request.url.path, **parts)
        return HTMLResponse(drawn, headers={"Content-Security-Policy": CSP, "Cache-Control": "no-store"})

    def letter(request: Request) -> EmailMessage:
        number: int = request.path_params["number"]
        if not 0 < number <= len(box.letters):
            raise HTTPException(404)
        return box.letters[number - 1]

    async def listed(request: Request) -> Response:
        return page(request, "letters.html", letters=list(enumerate(box.letters, start=1))[::-1])

    async def shown(request: Request) -> Response:
        number = request.path_params["number"]
        return page(request, "letter.html", number=number, letter=letter(request), text=_part(letter(request), "plain"))

    async def body(request: Request) -> Response:
        html = _part(letter(request), "html").replace("<head>", '<head><base target="_blank">', 1)
        return HTMLResponse(html, headers={"Content-Security-Policy": LETTER_CSP})

    routes = [Route("/", listed), Route("/{number:int}", shown), Route("/{number:int}/body", body)]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST])])


def _part(letter: EmailMessage, kind: str) -> str:
    found = letter.get_body((kind,))
    return "" if found is None else str(found.get_content()).replace("\r\n", "\n")
