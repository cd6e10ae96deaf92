"""The contract's pages are what the models say, and their examples can be read."""

from __future__ import annotations

import json
import re

from commands.dispatch import parse
from commands.registry import REGISTRATIONS
from tests.support.recorded_facts import CODEC
from workers.contract.docs import pages
from workers.contract.examples import COMMAND_EXAMPLES, PAGES
from workers.contract.views import kept_by


def test_the_pages_are_up_to_date() -> None:
    """A changed model without its page is drift: run ``python -m workers.contract.docs``."""
    stale = [name for name, text in pages().items() if (PAGES / name).read_text("utf-8") != text]
    assert stale == []
    assert sorted(path.name for path in PAGES.glob("*.md")) == sorted(pages())


def test_every_command_has_one_example_that_can_be_read() -> None:
    """An example that the parser refuses would teach what does not work."""
    examples = json.loads(COMMAND_EXAMPLES.read_text("utf-8"))
    assert sorted(f"rma.{name}.v1" for name in examples) == sorted(REGISTRATIONS)
    for name, body in examples.items():
        parse(f"rma.{name}.v1", json.dumps(body).encode())


def test_every_command_event_and_view_is_described() -> None:
    """Nothing that other systems meet is left out."""
    text = "\n".join(pages().values())
    for name in [*REGISTRATIONS, *CODEC.event_classes]:
        assert name in text
    views = re.findall(r"^## (\w+)$", pages()["views.md"], re.MULTILINE)
    assert views == list(kept_by())
