"""What the API says of itself: kept in the project, so that a change of it is seen."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Final

import jsonschema

from workers.http.app import make_app
from workers.http.openapi import FILE, described
from workers.registry import WORKERS

TIMEOUT_S: Final = 120
API: Final[dict[str, Any]] = make_app().openapi()
OTHERS: Final = [worker.runs.partition(":")[0] for worker in WORKERS if worker.name != "http"]
IMPORTED: Final = f"""
import importlib, sys
for name in {[*OTHERS, "workers.cli.app"]!r}:
    importlib.import_module(name)
print(*sorted({{"fastapi", "starlette", "uvicorn", "jwt", "psycopg_pool"}} & set(sys.modules)))
"""


def test_the_kept_description_is_what_the_api_says() -> None:
    """Made anew by: python -m workers.http.openapi."""
    assert FILE.read_text() == described()


def test_every_answer_that_is_not_well_is_a_problem() -> None:
    """Statuses of 400 and more have RFC 9457's media type; health alone speaks in a word."""
    for path, operations in API["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400 and path not in {"/healthz", "/readyz"}:
                    assert list(response["content"]) == ["application/problem+json"], (path, status)


def test_every_reference_leads_somewhere() -> None:
    """No answer is of a schema that nobody finds."""
    text = described()
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert named
    assert named <= set(API["components"]["schemas"])
    for schema in API["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_no_other_worker_needs_what_the_door_does() -> None:
    """The extra stays away from workers, and from the command line, that have no use for it."""
    ran = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, timeout=TIMEOUT_S, check=True
    )

    assert ran.stdout.strip() == ""
