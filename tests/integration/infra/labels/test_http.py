"""A label service over HTTP: asked under the label's id, believed only where it answers about that label."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from uuid import UUID

import orjson
import pytest

from infra.labels.http import HttpLabels
from infra.labels.port import LabelRequest, MadeLabel, NoLabelError
from infra.sites import Site

LABEL: Final = UUID(int=7)
ASKED: Final = LabelRequest(
    LABEL, UUID(int=1), "RMA-7K3M-9QXF-2ADC-P", "O-1", "label", Site(name="Returns", address=("1 Dock Road", "Dublin"))
)
GOOD: Final = {"label_id": str(LABEL), "carrier": "DHL", "tracking_number": "JJD000390007"}


@contextmanager
def service(status: int, body: bytes) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Run a service that always answers this; yield its address and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = self.rfile.read(int(self.headers["content-length"]))
            asked.append({"key": self.headers["idempotency-key"], **orjson.loads(said)})
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output for the test."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/labels", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_label_is_asked_for_under_its_id() -> None:
    """Asked again, it is the same key: who makes labels makes one of it."""
    with service(200, orjson.dumps(GOOD | {"price": 3})) as (url, asked), closing(HttpLabels(url)) as maker:
        assert maker.make(ASKED) == maker.make(ASKED) == MadeLabel("DHL", "JJD000390007")

    assert [one["key"] for one in asked] == [str(LABEL)] * 2
    assert asked[0]["ship_to"] == ["Returns", "1 Dock Road", "Dublin"]
    assert (asked[0]["rma_number"], asked[0]["method"]) == ("RMA-7K3M-9QXF-2ADC-P", "label")


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (500, orjson.dumps(GOOD), "status_500"),
        (302, orjson.dumps(GOOD), "status_302"),
        (200, b"", "status_200"),
        (200, b"no label", "unreadable"),
        (200, orjson.dumps(GOOD | {"label_id": str(UUID(int=8))}), "about_another_label"),
        (200, orjson.dumps(GOOD | {"tracking_number": "7\n8"}), "unreadable"),
        (200, orjson.dumps(GOOD | {"tracking_number": ""}), "unreadable"),
        (200, orjson.dumps(GOOD | {"carrier": "x" * 100_000}), "too_long"),
    ],
)
def test_whatever_else_it_says_is_no_label(status: int, body: bytes, why: str) -> None:
    """It is asked for again later."""
    with service(status, body) as (url, _), closing(HttpLabels(url)) as maker, pytest.raises(NoLabelError, match=why):
        maker.make(ASKED)


def test_nobody_there_is_no_label() -> None:
    """Nor is a service that does not answer."""
    with service(200, b"") as (url, _):
        pass
    with closing(HttpLabels(url, timeout_s=1)) as maker, pytest.raises(NoLabelError, match="ConnectError"):
        maker.make(ASKED)
