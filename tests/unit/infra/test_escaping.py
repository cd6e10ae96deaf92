"""Text from outside, wherever it is shown: nothing that it holds is obeyed, and what can be read stays as it was."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr
from io import StringIO
from typing import Final

import pytest
import structlog

from infra import logs
from infra.escaping import ACTIVE_CHARACTER, escaped, escaped_json, escaped_lines

HOSTILE: Final = {
    "\x1b[2J": r"\x1b[2J",  # clears the screen
    "\x1b]0;owned\x07": r"\x1b]0;owned\x07",  # names the window
    "\x9b31m": r"\x9b31m",  # the same as ESC [ in one character
    "a\rb": r"a\rb",  # writes over the line
    "a\nb": r"a\nb",  # begins a line of its own
    "\x7f": r"\x7f",
    "user\u202egnp.exe": r"user\u202egnp.exe",  # shown from right to left
    "\u2066hidden\u2069": r"\u2066hidden\u2069",
    "zero\u200bwidth": r"zero\u200bwidth",
    "\U000e0041": r"\U000e0041",  # a tag: it says A to machines and nothing to people
    "\udc80": r"\udc80",  # half a character
}
HARMLESS: Final = "naïve Größe 尺寸 👩\u200d🚀 می\u200cخواهم [/x] =1+1 C:\\new\u00a0€"


@pytest.mark.parametrize(("text", "spelt"), HOSTILE.items())
def test_what_a_terminal_would_obey_is_spelt(text: str, spelt: str) -> None:
    """Control and escape sequences, marks that turn the order of letters, invisible ones: all are seen, none acts."""
    assert escaped(text) == spelt
    assert escaped(escaped(text)) == spelt


def test_what_people_write_stays() -> None:
    """Letters of every script, joined ones and emoji too, brackets and backslashes are as they were."""
    assert escaped(HARMLESS) == HARMLESS


def test_lines_stay_lines_where_they_are_ours() -> None:
    """A text of several lines keeps them, and each is escaped."""
    assert escaped_lines("one\x1b\ntwo\r\n") == "one\\x1b\ntwo\\r\n"


@pytest.mark.parametrize("text", [*HOSTILE, HARMLESS])
def test_json_means_the_same(text: str) -> None:
    """A document says what it said, spelt so that a terminal shows it as text."""
    document = json.dumps({text: [text]}, ensure_ascii=False, indent=2)

    assert not ACTIVE_CHARACTER.search(escaped_json(document).replace("\n", ""))
    assert json.loads(escaped_json(document)) == {text: [text]}


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.usefixtures("_logging_as_before")
def test_a_line_goes_where_standard_error_is_now() -> None:
    """Who redirected it when logs were configured, and closed that since, gets no more lines, and stops nobody."""
    before = StringIO()
    with redirect_stderr(before):
        logs.configure("json", "info")
    before.close()
    now = StringIO()
    with redirect_stderr(now):
        structlog.get_logger().info("command_handled")

    assert json.loads(now.getvalue())["event"] == "command_handled"


@pytest.mark.usefixtures("_logging_as_before")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_log_line_shows_what_was_sent_and_obeys_none_of_it(
    capsys: pytest.CaptureFixture[str], log_format: logs.LogFormat
) -> None:
    """Ids, errors and tracebacks quote records; ours and those of libraries."""
    logs.configure(log_format, "info")
    for text in HOSTILE:
        structlog.get_logger().info("command_handled", command_id=text)
        logging.getLogger("kafka").warning("the broker said %s", text)
        structlog.get_logger().error("command_failed", source=text, exc_info=ValueError(text))

    said = capsys.readouterr().err
    assert not ACTIVE_CHARACTER.search(said.replace("\n", ""))
    assert said.count("]0;owned") == 4
