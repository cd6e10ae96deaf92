"""A command that hangs every worker that decides it: the worker is ended each time, and the command parked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Event, Thread
from typing import Final

import pytest

from infra.settings import Settings
from tests.support import pipeline as support_pipeline
from tests.support.command_worker import dead_letters
from tests.support.hanging import ID
from tests.support.pipeline import Pipeline, command, environment, order, wait_for
from workers.operating.initialising import initialise
from workers.runtime.supervisor import Child, supervise

WAIT_MAX_S: Final = 300.0
"""Four workers are started and hang, which is half a minute where nothing else runs."""
ACCEPTED: Final = "SELECT command_id FROM rma_log.outcomes WHERE status = 'accepted'"


@contextmanager
def supervised(settings: Settings) -> Iterator[Child]:
    """Keep a command worker running as ``rma work all`` does, until the block ends."""
    own = environment(settings.model_copy(update={"instance": "commands-1"}))
    argv = [sys.executable, "-m", "tests.support.hanging", "work", "commands"]
    child = Child("commands", argv, own, backoff_s=0.1)
    stop = Event()
    supervisor = Thread(target=supervise, args=([child], stop))
    supervisor.start()
    try:
        yield child
    finally:
        stop.set()
        supervisor.join()


def accepted(pipeline: Pipeline) -> set[str]:
    return {command_id for (command_id,) in pipeline.log.connection.execute(ACCEPTED)}


def test_a_command_that_hangs_holds_up_the_others_for_a_while_only(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and behind it under one key: all are decided, by a worker that was started again a few times."""
    monkeypatch.setattr(support_pipeline, "WAIT_MAX_S", WAIT_MAX_S)
    initialise(settings)
    sent = [command("RegisterOrder", order(f"O-{id_}"), id=id_) for id_ in ("before", ID, "behind", "last")]
    with closing(Pipeline(settings)) as pipeline:
        pipeline.publish(sent)
        with supervised(settings) as child:
            wait_for(lambda: accepted(pipeline) >= {"before", "behind", "last"}, "the others to be decided")
            assert child.ends > 0

        [letter] = dead_letters(pipeline)
        assert letter.value == sent[1].value
        assert b"parked" in dict(letter.headers)["rma_dead_reason"]
        assert ID not in accepted(pipeline)
