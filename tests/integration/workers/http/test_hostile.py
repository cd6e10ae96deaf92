"""People who mean harm, and clients that are broken: each gets its answer, and the door stays open."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import orjson
import pytest

from infra.settings import Settings
from tests.support.api import STRUCTURED, Api, Keys, event, open_door, order
from workers.http import bounds, worker

MEBIBYTE: Final = 1024 * 1024
HUGE: Final = 100_000_000


@contextmanager
def connected(api: Api) -> Iterator[socket.socket]:
    with socket.create_connection((api.base_url.host, api.base_url.port or 80), timeout=20) as opened:
        yield opened


def read_all(opened: socket.socket) -> bytes:
    """Return what comes until the other side closes."""
    parts = []
    while part := opened.recv(65_536):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "no_token"),
        ("Basic c2hvcDpzaG9w", "no_token"),
        ("Bearer rma_" + "x" * 43, "token_invalid"),
        ("Bearer ../../etc/passwd", "token_invalid"),
        ("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJzaG9wIn0.", "token_invalid"),
    ],
)
def test_who_is_not_known_is_told_how_to_be(api: Api, authorization: str | None, code: str) -> None:
    """401 with `WWW-Authenticate`, before anything that was sent is looked at."""
    with api.as_holder_of(None) as stranger:
        headers = {"authorization": authorization} if authorization else {}
        told = stranger.post("/v1/commands", content=b"{", headers=headers)

    assert (told.status_code, told.json()["code"]) == (401, code)
    assert told.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", STRUCTURED, 400, "no_cloudevent"),
        (b"\xff\xfe", STRUCTURED, 400, "no_cloudevent"),
        (b"[]", STRUCTURED, 400, "no_cloudevent"),
        (b"{}", STRUCTURED, 400, "no_cloudevent"),
        (b'{"id": 7, "type": "rma.RegisterOrder.v1"}', STRUCTURED, 400, "no_cloudevent"),
        (b'{"id": "' + b"x" * 257 + b'", "type": "rma.RegisterOrder.v1"}', STRUCTURED, 400, "no_cloudevent"),
        (b'{"id": "\\u0000", "type": "rma.RegisterOrder.v1"}', STRUCTURED, 400, "no_cloudevent"),
        (b'{"id": "1", "type": "t", "data": "' + b" " * (MEBIBYTE - 40) + b'"}', STRUCTURED, 413, "too_large"),
        (b"[" * 900 + b"]" * 900, STRUCTURED, 400, "no_cloudevent"),
        (b"[" * 5_000, STRUCTURED, 400, "no_cloudevent"),
        (b"{}", {"content-type": "application/json"}, 400, "no_cloudevent"),
        (b"{}", {"content-type": "application/json", "ce-id": "%FF", "ce-type": "x"}, 400, "no_cloudevent"),
        (b"[]", {"content-type": "application/cloudevents-batch+json"}, 400, "no_cloudevent"),
        (b"{}", {"content-type": "application/cloudevents-batch+json"}, 400, "no_cloudevent"),
        (b"[{}]", {"content-type": "application/cloudevents-batch+json"}, 400, "no_cloudevent"),
        (b"[" + b"{}," * 100 + b"{}]", {"content-type": "application/cloudevents-batch+json"}, 413, "too_large"),
        (b"<xml/>", {"content-type": "text/xml"}, 415, "media_type"),
        (b"{}", {"content-type": "application/cloudevents+json; charset=utf-16"}, 415, "media_type"),
        (b"{}", STRUCTURED | {"content-encoding": "gzip"}, 415, "media_type"),
        (b"{}", {}, 415, "media_type"),
        (b" " * (MEBIBYTE + 1), STRUCTURED, 413, "too_large"),
    ],
)
def test_what_is_no_cloudevent_ends_at_the_door(
    api: Api, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """It is answered at once, and no dead letter tells of it."""
    told = api.post("/v1/commands", content=body, headers=headers)

    assert (told.status_code, told.json()["code"], told.json()["status"]) == (status, code, status)


@pytest.mark.parametrize("name", ["source", "id", "actor", "correlationid"])
def test_nothing_gets_into_a_header_that_was_not_meant_to(api: Api, name: str) -> None:
    """Line ends in an attribute are malformed, and an address that is answered quotes them."""
    injected = "x\r\nSet-Cookie: stolen=1\r\n\r\n<script>"
    told = api.tell("RegisterOrder", order("O-inject"), **{name: injected}, prefer="wait=0")

    assert "set-cookie" not in told.headers
    assert told.status_code == {"source": 403, "id": 400}.get(name, 202)
    if told.status_code == 202:
        assert "\r" not in told.headers["location"]


def test_a_body_that_says_it_is_huge_is_not_waited_for(api: Api, keys: Keys) -> None:
    """A hundred megabytes are refused by what their header announces, before the first of them."""
    head = f"POST /v1/commands HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer {keys['shop']}\r\n"
    with connected(api) as opened:
        opened.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {HUGE}\r\n\r\n".encode())
        told = read_all(opened)

    assert told.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"too_large"' in told


def test_a_body_that_does_not_say_how_large_it_is_is_cut_off(api: Api, keys: Keys) -> None:
    """In parts without an end, a little more than is allowed is read."""
    head = f"POST /v1/commands HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer {keys['shop']}\r\n"
    part = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    with connected(api) as opened:
        opened.sendall(f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        sent = 0
        try:
            while sent < HUGE:
                opened.sendall(part)
                sent += len(part)
        except OSError:
            pass  # it was closed while we still sent

    assert sent < 20 * MEBIBYTE


def test_a_body_that_trickles_is_given_up(api: Api, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """408, however alive its sender seems."""
    monkeypatch.setattr(bounds, "BODY_MAX_S", 0.5)
    head = f"POST /v1/commands HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer {keys['shop']}\r\n"
    with connected(api) as opened:
        opened.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n".encode())
        for _ in range(4):
            opened.sendall(b" ")
            time.sleep(0.1)
        told = read_all(opened)

    assert told.startswith(b"HTTP/1.1 408 ")


def test_headers_that_trickle_close_the_connection(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that never asks anything does not stay: others want in."""
    monkeypatch.setattr(worker, "HEADERS_MAX_S", 0.5)
    with connected(api) as opened:
        opened.sendall(b"GET /healthz HTTP/1.1\r\nHost: door\r\n")
        for _ in range(3):
            opened.sendall(b"X-More: 1\r\n")
            time.sleep(0.1)

        assert read_all(opened) == b""


def test_a_connection_that_asks_in_time_is_kept(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """What closes idle connections does not close those at work."""
    monkeypatch.setattr(worker, "HEADERS_MAX_S", 0.5)
    with connected(api) as opened:
        for _ in range(4):
            opened.sendall(b"GET /healthz HTTP/1.1\r\nHost: door\r\n\r\n")
            told = b""
            while not told.endswith(b"ok\n"):
                told += opened.recv(65_536) or pytest.fail("the connection was closed")
            time.sleep(0.3)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("DELETE", "/v1/commands", 405, "method_not_allowed"),
        ("GET", "/v1/results", 400, "parameter_invalid"),
        ("GET", "/v1/results?id=1&sourse=x", 400, "parameter_invalid"),
        ("GET", "/v1/results?id=%00", 400, "parameter_invalid"),
        ("GET", "/problems/nothing", 404, "not_found"),
        ("GET", "/problems/..%2f..%2fetc%2fpasswd", 404, "not_found"),
    ],
)
def test_addresses_that_are_none_are_problems_too(api: Api, method: str, path: str, status: int, code: str) -> None:
    """Every answer that is not well has the one form."""
    told = api.request(method, path)

    assert (told.status_code, told.json()["code"]) == (status, code)
    assert told.headers["content-type"] == "application/problem+json"
    assert told.headers["x-content-type-options"] == "nosniff"


def test_what_needs_no_token_answers_without_one(api: Api) -> None:
    """Whoever starts and watches the door has no key."""
    with api.as_holder_of(None) as stranger:
        assert [stranger.get(path).text for path in ("/healthz", "/readyz")] == ["ok\n"] * 2
        assert stranger.get("/openapi.json").json()["openapi"].startswith("3.1")
        assert stranger.get("/metrics").status_code == 404


def test_the_same_attribute_twice_is_refused(api: Api) -> None:
    """Whoever checks the first, and whoever reads the last, would not mean the same."""
    told = api.post(
        "/v1/commands",
        content=orjson.dumps(order("O-twice")),
        headers=[("content-type", "application/json"), ("ce-id", "1"), ("ce-id", "2"), ("ce-type", "x")],
    )

    assert (told.status_code, told.json()["code"]) == (400, "no_cloudevent")


def test_a_name_twice_in_json_means_what_the_worker_reads(api: Api, keys: Keys) -> None:
    """The door checks the same of two values that is decided on."""
    said = orjson.dumps(event("RegisterOrder", order("O-two"), source="/plain"))
    both = said.replace(b'"source":"/plain"', b'"source":"/plain","source":"/shop"')
    with api.as_holder_of(keys["plain"]) as plain:
        told = plain.post("/v1/commands", content=both, headers=STRUCTURED)

    assert (told.status_code, told.json()["code"]) == (403, "source_not_allowed")


def test_who_asks_too_often_hears_when_to_come_again(door_settings: tuple[Settings, Keys]) -> None:
    """Callers by their key, strangers by their address; one does not hold up the other, and health is never counted."""
    settings, keys = door_settings
    strict = settings.model_copy(update={"http_rate": 2, "http_rate_anonymous": 1})
    with open_door(strict) as url, Api(url, keys["reader"]) as reader, Api(url, "rma_wrong") as stranger:
        asked = [reader.get("/v1/returns").status_code for _ in range(3)]
        guessed = [stranger.get("/v1/returns") for _ in range(2)]
        health = [stranger.get("/healthz").status_code for _ in range(5)]
        with Api(url, keys["plain"]) as other:
            assert other.get("/v1/returns").status_code == 200

    assert asked == [200, 200, 429]
    assert [(told.status_code, told.json()["code"]) for told in guessed] == [
        (401, "token_invalid"),
        (429, "rate_limited"),
    ]
    assert 1 <= int(guessed[1].headers["retry-after"]) <= 60
    assert health == [200] * 5


@pytest.mark.parametrize(("trusted", "statuses"), [("127.0.0.1", [401, 401, 429]), ("", [401, 429, 429])])
def test_an_address_behind_a_proxy_counts_where_the_proxy_is_trusted(
    door_settings: tuple[Settings, Keys], trusted: str, statuses: list[int]
) -> None:
    """Else whoever writes the header would be somebody new with each request."""
    strict = door_settings[0].model_copy(update={"http_rate_anonymous": 1, "http_trusted_proxies": trusted})
    with open_door(strict) as url, Api(url, "rma_wrong") as stranger:
        told = [
            stranger.get("/v1/returns", headers={"x-forwarded-for": address}).status_code
            for address in ("203.0.113.1", "203.0.113.2", "203.0.113.2")
        ]

    assert told == statuses
