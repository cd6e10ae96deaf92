"""Everything that is not well, said by RFC 9457: ``application/problem+json`` with a stable code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Final, NotRequired

import orjson
import psycopg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from kafka.errors import KafkaError
from starlette.exceptions import HTTPException
from typing_extensions import TypedDict

from domain.errors import RmaError, RuleViolationError
from infra.envelope.results import CommandResult, Details
from infra.services import ServiceUnreachableError
from projections.tracking.case_file import AmbiguousNumberError
from projections.tracking.listing import CursorInvalidError
from workers.contract.markdown import described
from workers.contract.vocabulary import codes
from workers.desk.returnable import TooManyOptionsError
from workers.http.errors import (
    DoorError,
    InternalError,
    MethodNotAllowedError,
    NotFoundError,
    ParameterInvalidError,
    UnavailableError,
)

PROBLEM_CONTENT: Final = "application/problem+json"
TYPE: Final = "/problems/{}"
"""Where this door tells of a code; relative, so that it is true under every address of the door."""
MALFORMED: Final = "The command cannot be read; details name every fault by its place."
BORROWED: Final = (CursorInvalidError, AmbiguousNumberError, TooManyOptionsError)
"""What others say no with to what was asked for: answered 400."""

LOG = structlog.get_logger()


class Problem(TypedDict):
    """What is wrong (RFC 9457): the code is stable, the rest is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    details: NotRequired[Details]
    result: NotRequired[CommandResult]


@cache
def meanings() -> dict[str, str]:
    """Return every code that a problem may have, and what it means in a sentence."""
    own = {found.code: described(found) for found in _leaves(DoorError)}
    borrowed = {found.code: described(found) for found in BORROWED}
    return dict(sorted((codes() | {"malformed": MALFORMED} | borrowed | own).items()))


def _leaves(root: type[DoorError]) -> Iterator[type[DoorError]]:
    for found in root.__subclasses__():
        if "code" in vars(found):
            yield found
        yield from _leaves(found)


def problem(
    status: int,
    code: str,
    detail: str,
    details: Mapping[str, object] | None = None,
    result: CommandResult | None = None,
) -> Problem:
    """Return the body of a problem; ``result`` is the answer to a command that is one."""
    told: Problem = {
        "type": TYPE.format(code),
        "title": meanings().get(code, HTTPStatus(status).phrase),
        "status": status,
        "detail": detail,
        "code": code,
    }
    if details:
        told["details"] = details
    if result is not None:
        told["result"] = result
    return told


def respond(body: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem as a response."""
    content = orjson.dumps(body, default=str, option=orjson.OPT_NON_STR_KEYS)
    return Response(content, body["status"], dict(headers or {}), PROBLEM_CONTENT)


def answered(error: DoorError) -> Response:
    """Return what the door says of an error of its own."""
    return respond(problem(error.status, error.code, error.message, error.details), error.headers)


def handle_all(app: FastAPI) -> None:
    """Let every error of an app be answered as a problem."""
    app.add_exception_handler(DoorError, _of_door)
    for borrowed in BORROWED:
        app.add_exception_handler(borrowed, _of_input)
    app.add_exception_handler(RuleViolationError, _of_rules)
    app.add_exception_handler(RequestValidationError, _of_parameters)
    app.add_exception_handler(HTTPException, _of_routing)
    for away in (psycopg.OperationalError, psycopg.InterfaceError, KafkaError, ServiceUnreachableError):
        app.add_exception_handler(away, _of_services)
    app.add_exception_handler(Exception, _of_defects)


async def _of_door(_request: Request, error: Exception) -> Response:
    assert isinstance(error, DoorError)  # noqa: S101 - registered for these
    return answered(error)


async def _of_input(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RmaError)  # noqa: S101 - registered for these
    return respond(problem(400, error.code, str(error)))


async def _of_rules(_request: Request, error: Exception) -> Response:
    """Answer what a rule says to something that was only played."""
    assert isinstance(error, RuleViolationError)  # noqa: S101 - registered for these
    return respond(problem(409, error.code, error.message, error.details))


async def _of_parameters(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for these
    faults = [{"path": ".".join(map(str, found["loc"])), "message": found["msg"]} for found in error.errors()]
    said = "; ".join(f"{fault['path']}: {fault['message']}" for fault in faults)
    return answered(ParameterInvalidError(said, faults=faults))


async def _of_routing(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        refused = MethodNotAllowedError("this address does not answer to this method; see /openapi.json")
        allowed = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
        return respond(problem(405, refused.code, refused.message), allowed)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return answered(NotFoundError("nothing answers at this address; see /openapi.json"))
    return answered(ParameterInvalidError(str(error.detail)))


async def _of_services(_request: Request, error: Exception) -> Response:
    LOG.warning("service_away", error=repr(error))
    return answered(UnavailableError("a service that this door stands on is away; nothing is lost, ask again"))


async def _of_defects(_request: Request, error: Exception) -> Response:
    LOG.error("request_failed", exc_info=error)
    return answered(InternalError("this is a defect; the log says more"))
