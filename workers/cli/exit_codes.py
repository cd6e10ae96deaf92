"""What the command line answers to the shell, and how each kind of error is said to people."""

from __future__ import annotations

import sys
from typing import Any, Final

import typer
from typer.core import TyperGroup

from domain.errors import RmaError, UnusableInputError
from infra.escaping import escaped_lines
from infra.services import ServiceUnreachableError

DONE: Final = 0
SAID_NO: Final = 1
WRONG_USAGE: Final = 2
UNREACHABLE: Final = 3
MESSAGE_CHARS_MAX: Final = 4_000
LEFT_OUT: Final = ("infra.stack", "workers.trials")
"""What the wheel leaves out, and so the image: see pyproject.toml."""
OF_THE_DOOR: Final = (
    "babel", "fastapi", "filetype", "jinja2", "jwt", "multipart", "PIL", "pillow_heif", "psycopg_pool",
    "python_multipart", "starlette", "uvicorn",
)  # fmt: skip
"""What the extra ``http`` brings: see pyproject.toml."""


class ReportingGroup(TyperGroup):
    """The commands of ``rma``: an error that has an explanation ends in one sentence and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command named; raises ``typer.Exit`` for every explained error, and what it cannot explain."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            explained = explain(error)
            if explained is None:
                raise
            message, code = explained
            # lines after the first are set in, so that none that was quoted poses as another message
            said = escaped_lines(message[:MESSAGE_CHARS_MAX]).replace("\n", "\n  ")
            typer.secho(said, err=True, fg="red" if sys.stderr.isatty() else None)
            raise typer.Exit(code) from error


def explain(error: Exception) -> tuple[str, int] | None:
    """Return what went wrong and the exit code, or None where only a traceback helps."""
    match error:
        case ServiceUnreachableError():
            return str(error), UNREACHABLE
        case UnusableInputError():
            return str(error), WRONG_USAGE
        case RmaError():
            return str(error), SAID_NO
        case ModuleNotFoundError(name=str(missing)) if missing.startswith(LEFT_OUT):
            return "this is not part of the installation; run it from a clone of the project, after: uv sync", SAID_NO
        case ModuleNotFoundError(name=str(missing)) if missing.startswith(OF_THE_DOOR):
            return f"the HTTP API needs {missing}: install this with its extra, rma[http]", SAID_NO
    return _of_postgres(error) or _of_kafka(error) or _of_settings(error) or _of_files(error)


def _of_postgres(error: Exception) -> tuple[str, int] | None:
    import psycopg

    match error:
        case psycopg.errors.InvalidSchemaName() | psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedColumn():
            return f"the database is not as this version needs it, run: rma init ({_first_line(error)})", SAID_NO
        case psycopg.errors.InsufficientPrivilege():
            return f"the user in RMA_POSTGRES_DSN may not do this ({_first_line(error)})", SAID_NO
        case psycopg.OperationalError() if "FATAL:" in str(error):
            refused = "PostgreSQL refuses the session, check user, password and database in RMA_POSTGRES_DSN"
            return f"{refused} ({_first_line(error)})", UNREACHABLE
        case psycopg.OperationalError():
            away = "PostgreSQL cannot be reached, check RMA_POSTGRES_DSN or run: rma up"
            return f"{away} ({_first_line(error)})", UNREACHABLE
    return None


def _of_kafka(error: Exception) -> tuple[str, int] | None:
    from kafka import errors

    if isinstance(error, errors.UnknownTopicOrPartitionError):
        return f"a topic is missing, run: rma init ({_first_line(error)})", SAID_NO
    if isinstance(error, errors.KafkaError):
        where = "Kafka cannot be reached, check RMA_KAFKA_BOOTSTRAP or run: rma up"
        return f"{where} ({_first_line(error)})", UNREACHABLE
    return None


def _of_settings(error: Exception) -> tuple[str, int] | None:
    import pydantic

    if isinstance(error, pydantic.ValidationError) and error.title == "Settings":
        return f"the environment cannot be used: {'; '.join(map(_fault, error.errors()))}", WRONG_USAGE
    return None


def _fault(found: Any) -> str:
    """Return a setting's fault by the name of its variable; one of several settings names them itself."""
    said = found["msg"].removeprefix("Value error, ")
    return f"RMA_{found['loc'][0].upper()}: {said}" if found["loc"] else said


def _of_files(error: Exception) -> tuple[str, int] | None:
    """Explain a file that cannot be read or written, by its name."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}", SAID_NO
    return None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
