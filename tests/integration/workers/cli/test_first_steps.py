"""What the README tells a newcomer to do first works as it is printed, right after `rma init`."""

from __future__ import annotations

import logging
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
import structlog

from infra.kafka.publisher import publisher_of
from infra.kafka.topics import TopicNames
from infra.settings import Settings
from tests.support.command_line import invoke
from tests.support.pipeline import WAIT_MAX_S, environment, wait_for
from tests.support.worker_threads import running, system
from workers.registry import worker_named
from workers.runtime.supervisor import command_line

ROOT: Final = Path(__file__).parents[4]
README: Final = (ROOT / "README.md").read_text("utf-8")
DENIED: Final = ROOT / "docs" / "examples" / "denied.jsonl"
EXPLAINED: Final = "7c1d9a4e-5b0f-4c1a-9d55-0d8b7a3f6e21"


@pytest.fixture(autouse=True)
def here(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command line finds the services of this test, and the workers beside it are silent."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


def init(*options: str) -> dict[str, Any]:
    """Run `rma init` as a process, as a newcomer does; return what it says of the system."""
    ran = subprocess.run(command_line("init", "--json", *options), capture_output=True, timeout=WAIT_MAX_S, check=True)  # noqa: S603 - our own
    assert ran.stderr == b""
    said: dict[str, Any] = orjson.loads(ran.stdout)
    return said


def block_after(command: str) -> str:
    """Return what the README prints below a command."""
    return README.split(f"```sh\n{command}\n```\n\n```text\n", 1)[1].split("```", 1)[0]


def first_record() -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Return key, body and headers of the README's first record, read as the console producer is told to."""
    command, record = README.split("bin/kafka-console-producer.sh", 1)[1].split("```", 1)[0].strip().split("\n\n")
    told = dict(re.findall(r"--property (\S+?)='?(\S+?)'?(?:\s|$)", command))
    headers, rest = record.split(told["headers.delimiter"], 1)
    key, body = rest.split(told["key.separator"], 1)
    pairs = [header.split(told["headers.key.separator"], 1) for header in headers.split(told["headers.separator"])]
    return key.encode(), body.encode(), [(name, value.encode()) for name, value in pairs]


def test_the_readmes_first_command_is_accepted_and_what_follows_is_decided(settings: Settings) -> None:
    """The order is registered as printed, and a return of it is decided by the policy that init published."""
    init()
    key, body, headers = first_record()
    publisher = publisher_of(settings)
    publisher.deliver(TopicNames(settings.topic_prefix).commands, [(key, body, headers)])
    publisher.close()
    with system(settings) as counter:
        wait_for(lambda: counter.rows("SELECT FROM rma_read.order_units"), "the order to show")
        answered = orjson.loads(invoke("answer", "c-1", "--json").stdout)["answers"]
        assert [one["status"] for one in answered] == ["accepted"]

        lines = [{"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "refund"}]
        asked = {"rma_id": EXPLAINED, "order_id": key.decode(), "lines": lines}
        counter.accepted("RequestReturn", asked, actor="customer:C-1")


def test_a_policy_is_published_once_and_only_into_a_new_system(settings: Settings) -> None:
    """The first init of a system publishes it, one more changes nothing; told not to, it never does."""
    assert [init()["policy"] for _ in range(2)] == ["standard", None]
    [version] = orjson.loads(invoke("policy", "list", "--json").stdout)
    assert (version["policy_id"], version["version"], version["rules"]) == ("standard", 1, 0)


def test_a_system_without_policy_has_none(settings: Settings) -> None:
    """Whoever wants only policies of his own begins without any."""
    assert init("--without-policy")["policy"] is None
    assert orjson.loads(invoke("policy", "list", "--json").stdout) == []


def test_a_merchants_own_version_takes_over(settings: Settings) -> None:
    """A version that a merchant publishes later is the second, in force from when he says."""
    init()
    with system(settings) as counter:
        counter.publish()

    versions: list[Any] = orjson.loads(invoke("policy", "list", "--json").stdout)
    assert [one["version"] for one in versions] == [1, 2]


def test_the_readmes_explanation_is_what_is_printed(settings: Settings) -> None:
    """The example that the README sends explains itself, word by word, as printed there."""
    init()
    with system(settings), running(settings, worker_named("tracking").run):
        sent = invoke("send", str(DENIED), "--wait")
        assert sent.exit_code == 0, sent.output
        wait_for(lambda: invoke("explain", EXPLAINED).exit_code == 0, "the read models")

        printed = invoke("explain", EXPLAINED).stdout
        assert words(printed) == words(block_after(f"rma explain {EXPLAINED}"))
        listed = words(block_after("rma send docs/examples/denied.jsonl --wait\nrma policy list"))
        assert [row for row in words(invoke("policy", "list").stdout) if row not in listed] == []


def words(printed: str) -> list[list[str]]:
    """Return the words of each line: how wide a column is depends on what else stands in it."""
    return [line.split() for line in printed.strip().splitlines()]
