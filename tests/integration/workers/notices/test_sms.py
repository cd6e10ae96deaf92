"""Short messages over an HTTP port: signed, under one id, and what the port says of each."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import orjson
import pytest
from standardwebhooks import Webhook

from workers.notices.sms import TEXT_MAX, ShortMessage, SmsPort
from workers.notices.smtp import NotTakenError

SECRET = f"whsec_{b64encode(b'of the port and of us only').decode()}"
MESSAGE = ShortMessage("e1.approved.ab", "+49301234567", "商店: 您的退货已通过")


@contextmanager
def port(status: int = 200) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """Run a port that answers each message so; yield its address, and what came."""
    came: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append((dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(status)
            self.send_header("content-length", "4")
            self.end_headers()
            self.wfile.write(b"said")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/sms", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_message_is_signed_and_has_one_id() -> None:
    """``{to, text, id}``, cut to three short messages; whoever knows the secret can tell that it is ours."""
    with port() as (url, came):
        sms = SmsPort(url, SECRET)
        sms.send(MESSAGE, datetime.now(UTC))
        sms.send(ShortMessage("2", "+49301234567", "x" * 2_000), datetime.now(UTC))
        sms.close()

    (headers, body), (_, long) = came
    Webhook(SECRET).verify(body, headers)
    assert orjson.loads(body) == {"to": MESSAGE.recipient, "text": MESSAGE.text, "id": MESSAGE.letter_id}
    assert headers["webhook-id"] == MESSAGE.letter_id
    assert len(orjson.loads(long)["text"]) == TEXT_MAX


@pytest.mark.parametrize(("status", "for_good"), [(400, True), (404, True), (429, False), (503, False), (302, False)])
def test_what_the_port_says_decides_whether_it_is_tried_again(status: int, for_good: bool) -> None:
    """A number that is none is not; a port that is busy is; nobody is led elsewhere."""
    with port(status) as (url, _):
        sms = SmsPort(url, SECRET)
        with pytest.raises(NotTakenError) as said:
            sms.send(MESSAGE, datetime.now(UTC))
        sms.close()

    assert said.value.for_good == for_good


def test_a_port_that_is_away_is_asked_again() -> None:
    with port() as (url, _):
        pass
    sms = SmsPort(url, SECRET)
    with pytest.raises(NotTakenError) as said:
        sms.send(MESSAGE, datetime.now(UTC))
    sms.close()

    assert not said.value.for_good
