"""What cannot be brought back from the topics is said, and nothing is brought back that is not of this log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Final

import pytest

from infra.kafka.publisher import publisher_of
from tests.integration.workers.runtime.test_one_history import make_anew
from tests.support.audited import audited, sign_all, verified
from tests.support.backups import lose
from tests.support.pipeline import Pipeline, command, delivery, order, with_value
from workers.operating.initialising import initialise
from workers.operating.published_log import PublishedLogError
from workers.operating.restoring import Restored, restore_from_topic
from workers.runtime.one_history import TopicAheadError

ORDERS: Final = 6
LOG: Final = "SELECT position, stream, version, event_id, hash, body FROM rma_log.events ORDER BY position"
OUTCOMES: Final = "SELECT seq, source, command_id, fingerprint, result, hash FROM rma_log.outcomes ORDER BY seq"


def records() -> list[Any]:
    """Return commands of which one is refused and another comes twice."""
    orders = [command("RegisterOrder", order(f"O-{n}"), id=f"c-{n}", key=f"O-{n}".encode()) for n in range(ORDERS)]
    refused = command("RecordDelivery", delivery("O-nowhere"), id="c-other", key=b"O-nowhere")
    return [*orders, refused, orders[0]]


def lost(pipeline: Pipeline) -> tuple[list[Any], list[Any], int]:
    """Publish some orders, and lose the database; return its log, its answers, and how many checkpoints it had."""
    initialise(pipeline.settings)
    pipeline.worker().record(records())
    pipeline.relay_all()
    sign_all(pipeline.settings)
    [(checkpoints,)] = rows(pipeline, "SELECT count(*) FROM rma_audit.checkpoints")
    kept = rows(pipeline, LOG), rows(pipeline, OUTCOMES), checkpoints
    pipeline.log.close()
    lose(pipeline.dsn)
    with pytest.raises(TopicAheadError):
        initialise(pipeline.settings)
    return kept


def rows(pipeline: Pipeline, query: str) -> list[Any]:
    return pipeline.log.connection.execute(query.encode()).fetchall()


def restore(pipeline: Pipeline) -> Restored:
    return restore_from_topic(pipeline.settings, lambda _position: None)


def publish_again(pipeline: Pipeline, events: Sequence[Any]) -> None:
    """Fill the topic of events anew with these records."""
    make_anew(pipeline, pipeline.topics.events)
    with closing(publisher_of(pipeline.settings)) as publisher:
        publisher.deliver(pipeline.topics.events, [(one.key, one.value, one.headers) for one in events])


def test_all_of_it_comes_back(pipeline: Pipeline) -> None:
    """Events, answers, their places and hashes, and the checkpoints over both; a second time changes nothing."""
    log, outcomes, checkpoints = lost(pipeline)

    restored = restore(pipeline)

    assert (rows(pipeline, LOG), rows(pipeline, OUTCOMES)) == (log, outcomes)
    assert restored.as_dict() == {
        "backup_end": 0,
        "log_end": len(log),
        "answers": len(outcomes),
        "answers_made_anew": 0,
        "answers_lost": 0,
        "checkpoints": checkpoints,
        "checkpoints_left": 0,
        "commands_again": 0,
    }
    initialise(pipeline.settings)
    assert verified(pipeline.settings).fault is None
    assert restore(pipeline).as_dict() == restored.as_dict() | {
        "backup_end": len(log),
        "answers": 0,
        "checkpoints": 0,
    }


def test_answers_that_are_gone_are_made_anew_and_said(pipeline: Pipeline) -> None:
    """Their commands come again and change nothing; what was signed of the answers does not hold, and is left."""
    log, outcomes, checkpoints = lost(pipeline)
    make_anew(pipeline, pipeline.topics.results)

    restored = restore(pipeline)

    assert rows(pipeline, LOG) == log
    assert (restored.answers, restored.answers_made_anew) == (0, len(log))
    assert (restored.checkpoints, restored.checkpoints_left) == (0, checkpoints)
    assert len(rows(pipeline, OUTCOMES)) < len(outcomes)
    initialise(pipeline.settings)
    pipeline.worker().record(records()[:ORDERS])
    assert rows(pipeline, LOG) == log
    assert verified(pipeline.settings, topic=False, checkpoints=False).fault is None


def without_one(events: list[Any]) -> list[Any]:
    """Leave one out in the middle."""
    return [*events[:2], *events[3:]]


def with_another_body(events: list[Any]) -> list[Any]:
    """Change one in the middle."""
    return [*events[:2], with_value(events[2], (events[2].value or b"") + b" "), *events[3:]]


@pytest.mark.parametrize("spoil", [without_one, with_another_body])
def test_a_topic_that_does_not_tell_the_log_on_changes_nothing(
    pipeline: Pipeline, spoil: Callable[[list[Any]], list[Any]]
) -> None:
    """A hole, or another event: all or nothing, and it is said where."""
    lost(pipeline)
    events = sorted(
        pipeline.read_topic(pipeline.topics.events), key=lambda record: int(dict(record.headers)["ce_position"])
    )
    publish_again(pipeline, spoil(events))

    with pytest.raises(PublishedLogError, match="position"):
        restore(pipeline)

    assert (rows(pipeline, LOG), rows(pipeline, OUTCOMES)) == ([], [])


def test_checkpoints_of_a_longer_log_are_kept_in_order(pipeline: Pipeline) -> None:
    """Each holds over its part of the tree, as it did."""
    initialise(pipeline.settings)
    audited(pipeline, orders=3, parts=3)
    log, [(before,)] = rows(pipeline, LOG), rows(pipeline, "SELECT count(*) FROM rma_audit.checkpoints")
    pipeline.log.close()
    lose(pipeline.dsn)
    with pytest.raises(TopicAheadError):
        initialise(pipeline.settings)

    assert restore(pipeline).checkpoints == before
    assert rows(pipeline, LOG) == log
    assert verified(pipeline.settings).fault is None
