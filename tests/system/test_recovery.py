"""The database is lost and put back from a backup, or Kafka is lost: what was told comes back, and nothing twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from infra.kafka.clients import make_admin
from infra.kafka.command_client import CommandPublisher
from infra.kafka.publisher import publisher_of
from infra.records import StoredEvent
from infra.settings import Settings
from tests.support.audited import auditing, sign_all, verified
from tests.support.backups import dump, lose, put_back
from tests.support.pipeline import Pipeline, wait_for
from tests.support.soundness import (
    assert_each_command_has_one_answer,
    assert_log_is_whole,
    assert_rebuilt_is_the_same,
    assert_topic_tells_the_log,
    caught_up,
)
from tests.support.worker_processes import processes
from tests.system.test_freeze import ANSWERED, NOT_ACCEPTED, Shop, ask, trading
from workers.operating.initialising import initialise
from workers.operating.rebasing import WorkersRunError
from workers.operating.republishing import republish
from workers.operating.restoring import restore_from_topic
from workers.operating.status import read_status
from workers.runtime.one_history import KafkaReplacedError, TopicAheadError
from workers.runtime.starting import require_initialised

BEFORE: Final = 60
MORE: Final = 60
ALL_EVENTS: Final = 100_000
SIGN_EVERY_S: Final = 0.2


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[Pipeline]:
    """The system under test, to be looked at."""
    initialise(settings)
    with closing(Pipeline(settings)) as made:
        yield made


def wait_for_answers(pipeline: Pipeline, count: int) -> None:
    wait_for(lambda: ask(pipeline, ANSWERED)[0][0] >= count, f"{count} answers")


def told(pipeline: Pipeline) -> list[StoredEvent]:
    """Return the log's events."""
    return pipeline.log.read(0, ALL_EVENTS)


def once_workers_count_as_gone(act: Callable[[], Any]) -> Any:
    """Act as soon as Kafka has noticed that killed workers are gone."""
    done: list[Any] = []

    def tried() -> bool:
        try:
            done.append(act())
        except WorkersRunError:
            time.sleep(1)
            return False
        return True

    wait_for(tried, "killed workers to count as gone")
    return done[0]


def work_off(pipeline: Pipeline, folder: Path, sent: int) -> None:
    """Let workers do all that is left to do, and see that nothing shows."""
    with processes(pipeline.settings, folder):
        wait_for(lambda: ask(pipeline, ANSWERED) == [(sent,)], "every command to be answered")
        caught_up(pipeline)
    assert ask(pipeline, NOT_ACCEPTED) == [(0,)]
    assert_log_is_whole(pipeline)
    assert_rebuilt_is_the_same(pipeline, assert_topic_tells_the_log(pipeline))
    sign_all(pipeline.settings)
    assert verified(pipeline.settings).fault is None


def lost_at_work(pipeline: Pipeline, folder: Path, backup: Path | None) -> tuple[int, list[StoredEvent]]:
    """Let a shop trade, make a backup meanwhile, kill everybody; return how much was sent, and what was recorded."""
    with processes(pipeline.settings, folder) as workers, trading(pipeline) as shop:
        with auditing(pipeline.settings, sign_every_s=SIGN_EVERY_S):
            wait_for_answers(pipeline, BEFORE)
            if backup is not None:
                dump(pipeline.dsn, backup)
            wait_for_answers(pipeline, BEFORE + MORE)
        for worker in workers.values():
            worker.kill()
    recorded = told(pipeline)
    pipeline.log.close()
    return shop.sent, recorded


def published_end(pipeline: Pipeline) -> int:
    """Return the last position that the topic holds."""
    records = pipeline.read_topic(pipeline.topics.events)
    return max(int(dict(record.headers)["ce_position"]) for record in records)


def test_a_backup_made_under_load_loses_nothing(pipeline: Pipeline, tmp_path: Path) -> None:
    """Dumped at work, lost, put back: events return to the byte, answers stay the same, commands under way are done."""
    settings, backup = pipeline.settings, tmp_path / "backup.dump"
    sent, recorded = lost_at_work(pipeline, tmp_path, backup)
    lose(pipeline.dsn)
    put_back(pipeline.dsn, backup)
    end = published_end(pipeline)
    with pytest.raises(TopicAheadError):
        require_initialised(settings)

    restored = once_workers_count_as_gone(lambda: restore_from_topic(settings, lambda _: None))

    assert told(pipeline) == recorded[:end]
    assert restored.backup_end < restored.log_end == end
    assert restored.answers + restored.answers_made_anew > 0
    assert (restored.answers_lost, restored.checkpoints_left) == (0, 0)
    assert restored.checkpoints > 0
    work_off(pipeline, tmp_path, sent)
    assert_each_command_has_one_answer(pipeline, sent)


def test_without_any_backup_the_topic_has_it_all(pipeline: Pipeline, tmp_path: Path) -> None:
    """An empty database beside a whole Kafka: what was published is the log again."""
    settings = pipeline.settings
    sent, recorded = lost_at_work(pipeline, tmp_path, None)
    lose(pipeline.dsn)
    end = published_end(pipeline)
    with pytest.raises(TopicAheadError):
        initialise(settings)

    restored = once_workers_count_as_gone(lambda: restore_from_topic(settings, lambda _: None))
    initialise(settings)

    assert told(pipeline) == recorded[:end]
    assert (restored.backup_end, restored.log_end, restored.answers_lost) == (0, end, 0)
    work_off(pipeline, tmp_path, sent)
    assert_each_command_has_one_answer(pipeline, sent, vault_lost=True)


def test_a_lost_kafka_is_filled_from_the_log(pipeline: Pipeline, tmp_path: Path) -> None:
    """All topics are gone: the log is published once more, nothing counts twice, and work goes on."""
    settings = pipeline.settings
    with processes(settings, tmp_path) as workers, trading(pipeline) as shop:
        wait_for_answers(pipeline, BEFORE)
        sign_some(pipeline)
        for worker in workers.values():
            worker.end()
    answers = ask(pipeline, ANSWERED)[0][0]
    with closing(make_admin(pipeline.bootstrap)) as admin:
        admin.delete_topics(list(pipeline.topics.all))
        wait_for(lambda: not set(pipeline.topics.all) & set(admin.list_topics()), "the topics to go")
    with pytest.raises(KafkaReplacedError):
        initialise(settings)

    republished = once_workers_count_as_gone(lambda: republish(settings))

    assert republished.events == len(told(pipeline))
    assert set(republished.topics) == set(pipeline.topics.all)
    assert read_status(settings).torn is None
    with closing(CommandPublisher(publisher_of(settings), pipeline.topics.commands)) as publisher:
        late = Shop(pipeline, publisher)
        late.probe()
    work_off(pipeline, tmp_path, answers + late.sent)
    assert shop.sent >= answers


def sign_some(pipeline: Pipeline) -> None:
    """Let an auditor sign what there is by now."""
    with auditing(pipeline.settings, sign_every_s=SIGN_EVERY_S):
        wait_for(lambda: ask(pipeline, "SELECT count(*) > 0 FROM rma_audit.checkpoints") == [(True,)], "a checkpoint")
