"""A source that may not send a command is answered, and what it was answered stays."""

from __future__ import annotations

from commands.sources import SourceRights, Sources
from tests.support.command_worker import answers, events, outcome
from tests.support.pipeline import Pipeline, answer, command, order


def test_a_source_is_held_to_what_is_said_of_it(pipeline: Pipeline) -> None:
    """Refused with what it may, nothing recorded; sent again it is answered the same, even once it may."""
    sent = command("RegisterOrder", order(), id="c-1")
    pipeline.worker(sources=Sources.beside_own({"/shop": SourceRights(actors=frozenset({"customer"}))})).record([sent])

    refused = outcome(pipeline, "c-1")
    assert (refused["status"], refused["code"]) == ("refused", "not_permitted")
    assert refused["details"] == {"source": "/shop", "actors": ["customer"], "commands": "all"}
    assert events(pipeline) == []

    bound = pipeline.worker(sources=Sources.beside_own({"/shop": SourceRights(actors=frozenset({"system"}))}))
    bound.record([sent])
    first, again = answers(pipeline)
    assert answer(first) == answer(again)
    assert events(pipeline) == []

    bound.record([command("RegisterOrder", order(), id="c-2")])
    assert outcome(pipeline, "c-2")["status"] == "accepted"
