"""The app: every address of the door, and what holds for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from workers.http import bounces, carriers, commands, evidence, labels, notes, orders, returns, system
from workers.http.bounds import Bounds
from workers.http.declared import components
from workers.http.declared_reads import read_components
from workers.http.door import Door
from workers.http.pages import (
    answering,
    asking,
    correcting,
    entering,
    files,
    progress,
    starting,
    unsubscribing,
    withdrawing,
)
from workers.http.pages.look import check_words
from workers.http.pages.staff import acting, approving, bench, cases, placing, queues, signing_in
from workers.http.problems import handle_all

TITLE: Final = "Returns"
VERSION: Final = "1"
ABOUT: Final = """Commands in, views out, for systems without a Kafka client. What the data of each type of command
holds, and what answers and views mean, is the contract's to say: docs/contracts. How to connect:
docs/quickstart-http.md."""
OUR_OWN_INVALID: Final = "HTTPValidationError"
"""What FastAPI would declare for parameters that cannot be; ours are answered 400."""


class DoorApp(FastAPI):
    """FastAPI, with an OpenAPI that also declares what is read and answered by hand."""

    def openapi(self) -> dict[str, Any]:
        """Return the description of the API (OpenAPI 3.1)."""
        if self.openapi_schema is None:
            made = get_openapi(title=TITLE, version=VERSION, description=ABOUT, routes=self.routes)
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            for name in (OUR_OWN_INVALID, "ValidationError"):
                schemas.pop(name, None)
            schemas.update(components() | read_components())
            for path in made["paths"].values():
                for operation in path.values():
                    _forget_invalid(operation["responses"])
            self.openapi_schema = made
        return self.openapi_schema


def _forget_invalid(responses: dict[str, Mapping[str, Any]]) -> None:
    declared = responses.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if str(declared.get("$ref", "")).endswith(OUR_OWN_INVALID):
        del responses["422"]


def make_app(door: Door | None = None) -> DoorApp:
    """Return the app on these parts; without any it can only describe itself."""
    app = DoorApp(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.door = door
    app.add_middleware(Bounds)
    handle_all(app)
    for part in (system, commands, returns, labels, orders, notes, evidence, carriers, bounces):
        app.include_router(part.router)
    if door is not None and door.settings.http_public_url:
        check_words(door.brand)
        for page in (entering, starting, asking, progress, answering, correcting, unsubscribing, withdrawing, files):
            app.include_router(page.router)
        if door.settings.oidc_issuer or door.settings.http_demo_login:
            for page in (signing_in, queues, cases, acting, placing, approving, bench):
                app.include_router(page.router)
    return app
