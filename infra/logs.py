"""Logs as one line per fact: JSON for machines, colours for people; always on standard error."""

from __future__ import annotations

import json
import logging
import sys
from io import StringIO
from typing import Any, Final, Literal, TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from infra.escaping import escaped, escaped_json, escaped_lines

LogFormat = Literal["json", "console"]

LIBRARY_LEVEL: Final = logging.WARNING
"""What libraries have to say is logged from here on, in our format."""

HARMLESS: Final = {
    "kafka.coordinator": "Marking the coordinator dead",
    "kafka.net.selector": "Task <kafka.net.selector.Task",
}
"""Warnings that call for nothing, by library and beginning: the client finds a group's coordinator anew by itself, as
at every first start; on a busy machine its thread runs for longer than a tenth of a second."""

RUNBOOK: Final = "docs/runbook.md"

TRACEBACK: Final = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
"""Without the values of variables: they may hold what a customer wrote."""


Alarm = Literal["event_unreadable", "gap_found", "record_parked", "rebuild_needed", "log_is_newer", "audit_difference"]
"""What somebody has to look at; each has a section of its own in the runbook."""


def alarm(what: Alarm, **facts: object) -> None:
    """Log what somebody has to look at, with the place in the runbook that says what to do."""
    structlog.get_logger().error(what, runbook=f"{RUNBOOK}#{what}", **facts)


def configure(log_format: LogFormat, log_level: str) -> None:
    """Send our own logs and those of libraries to standard error.

    Args:
        log_format: ``json``: one object per line, the keys ``event``, ``level`` and ``timestamp`` always there.
        log_level: The least that is logged: ``debug``, ``info``, ``warning`` or ``error``.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last = _last_steps(log_format)
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[log_level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _StandardError())),
        cache_logger_on_first_use=True,
    )
    _adopt_libraries(shared, last)


class _StandardError:
    """Standard error as it is at each line: loggers are kept, and whoever redirects it for a while gives it back."""

    @staticmethod
    def write(text: str) -> int:
        return sys.stderr.write(text)

    @staticmethod
    def flush() -> None:
        sys.stderr.flush()


def _last_steps(log_format: LogFormat) -> list[Processor]:
    if log_format == "console":
        return [_escape, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_traceback)]
    return [structlog.processors.ExceptionRenderer(TRACEBACK), structlog.processors.JSONRenderer(serializer=_to_json)]


def _to_json(fact: EventDict, **_options: Any) -> str:
    try:
        line = orjson.dumps(fact, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # half a character, which an error may quote
        line = json.dumps(fact, default=str, ensure_ascii=False)
    return escaped_json(line)


def _escape(_logger: WrappedLogger, _method: str, fact: EventDict) -> EventDict:
    """Spell what a terminal would obey: ids and errors quote what was sent."""
    return {name: escaped(value) if isinstance(value, str) else value for name, value in fact.items()}


def _traceback(out: TextIO, raised: ExcInfo) -> None:
    """Write a traceback for the console, without values of variables either."""
    text = StringIO()
    structlog.dev.plain_traceback(text, raised)
    out.write(escaped_lines(text.getvalue()))


def _adopt_libraries(shared: list[Processor], last: list[Processor]) -> None:
    steps: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    before: list[Processor] = [*shared, _name_the_event, structlog.stdlib.ExtraAdder()]
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_matters)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=steps, foreign_pre_chain=before))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(LIBRARY_LEVEL)


def _matters(record: logging.LogRecord) -> bool:
    harmless = HARMLESS.get(record.name)
    return harmless is None or record.levelno > logging.WARNING or not record.getMessage().startswith(harmless)


def _name_the_event(_logger: WrappedLogger, _method: str, fact: EventDict) -> EventDict:
    """Give a library's sentence a field of its own, because our event names are constants."""
    record: logging.LogRecord = fact["_record"]
    return {**fact, "event": "library_log", "library": record.name, "message": fact["event"]}
