"""Signed tokens over HTTP: the door asks their issuer for its keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from pydantic import SecretStr

from infra.settings import Settings
from tests.support.api import Api, Keys, open_door, order

KEY: Final = ec.generate_private_key(ec.SECP256R1())
ISSUER, AUDIENCE = "https://login.example", "returns"


@contextmanager
def issuer() -> Iterator[str]:
    """Publish the key that signs; yield where."""
    known = {"keys": [{**json.loads(ECAlgorithm.to_jwk(KEY.public_key())), "kid": "k1", "alg": "ES256"}]}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(known).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            """Nothing to say."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/jwks"
        server.shutdown()
        thread.join()


def token(**claims: Any) -> str:
    """Return a token of an hour, for a system that may write."""
    given = {"iss": ISSUER, "aud": AUDIENCE, "sub": "erp", "exp": datetime.now(UTC) + timedelta(hours=1),
             "rma_source": "/erp", "rma_kinds": ["system"], "rma_access": "write"} | claims  # fmt: skip
    return jwt.encode(given, KEY, "ES256", {"kid": "k1"})


def test_a_token_speaks_for_whom_it_names(door_settings: tuple[Settings, Keys], open_api: Api) -> None:
    """Within what its claims say; keys of the file are known beside it."""
    settings, keys = door_settings
    with issuer() as address:
        given = {"http_jwks_url": SecretStr(address), "http_jwt_issuer": ISSUER, "http_jwt_audience": AUDIENCE}
        with open_door(settings.model_copy(update=given)) as url:
            with Api(url, token()) as erp:
                assert erp.accepted("RegisterOrder", order("O-token"))["source"] == "/erp"
                assert erp.tell("RegisterOrder", order("O-t"), actor="agent:A").json()["code"] == "actor_not_allowed"
            with Api(url, token(aud="shop")) as other, Api(url, token(rma_access="read")) as reader:
                assert other.get("/v1/returns").json()["code"] == "token_invalid"
                assert reader.tell("RegisterOrder", order("O-t")).json()["code"] == "read_only"
            with Api(url, keys["reader"]) as by_key:
                assert by_key.get("/v1/returns").status_code == 200
