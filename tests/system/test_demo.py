"""`rma demo` as a process, from nothing: the story is told to its end, and nothing stays behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import psutil
import pytest

from tests.conftest import STACKS
from tests.support.pipeline import wait_for
from workers.runtime.supervisor import command_line

DEMO_MAX_S: Final = 300.0
TIMES: Final = 2
DOOR: Final = re.compile(r"^  (the [a-z' ]+?|a new return) +(http://127\.0\.0\.1:\d+)(/\S*)", re.MULTILINE)
NOT_GIVEN: Final = {"RMA_POSTGRES_DSN", "RMA_KAFKA_BOOTSTRAP", "RMA_TOPIC_PREFIX"}


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder in which no stack runs; what is left in it at the end is killed, after the test has looked.

    Not among pytest's own: each run of pytest that begins takes those from whoever is not its user, as a server is that
    root starts.
    """
    folder = STACKS / f"demo-test-{os.getpid()}" / "data"
    yield folder
    for process in left_behind(folder):
        process.kill()
    shutil.rmtree(folder.parent, ignore_errors=True)


def begin(data_dir: Path, out: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start the demo where no service is given."""
    given = {name: value for name, value in os.environ.items() if name not in NOT_GIVEN}
    with out.open("wb") as file:
        return subprocess.Popen(  # noqa: S603 - our own command line
            command_line("demo", *options), env={**given, "RMA_DATA_DIR": str(data_dir)}, stdout=file, stderr=file
        )


def left_behind(data_dir: Path) -> list[psutil.Process]:
    """Return the processes that name this data folder in their command line or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(data_dir) in word for word in words):
            found.append(process)
    return found


def test_the_demo_tells_its_story_and_leaves_nothing_behind(data_dir: Path, tmp_path: Path) -> None:
    """Told again in the same place it is the same story, from request to the ledger's sum; no process, no file."""
    for time in range(TIMES):
        out = tmp_path / f"out-{time}.txt"
        code = begin(data_dir, out).wait(DEMO_MAX_S)
        told = out.read_text()

        assert code == 0, told
        assert_whole(told)
        assert left_behind(data_dir) == []
        assert not data_dir.exists()


def assert_whole(said: str) -> None:
    """Hold a telling to all six steps, where the return stands after each, and the real week's figures."""
    ends = ("authorized, next: ship", "authorized, next: ship", "in transit, next: receive", "inspected, next: pay",
            "resolved, next: close", "closed, next: none")  # fmt: skip
    stands = [
        line.split("the return is ")[1].split(", refund")[0] for line in said.splitlines() if "→ the return" in line
    ]
    assert stands == list(ends)
    for step in ("1  Request", "2  Authorization", "3  Shipment", "4  Inspection", "5  Resolution", "6  Feedback"):
        assert step in said
    assert "units_not_available" in said  # the same lamp asked for twice
    assert "the return window is over [window_expired]" in said  # the bottle, which comes too late
    assert "826.57" in said  # what the real shop gave back in that week
    assert "✓ USD sums to zero (287.07 USD on either side)" in said
    assert "89.00 USD less on the invoice ✓ settled at once" in said
    assert "89.00 USD on credit note ✓ CN-" in said
    assert "letters were sent to anna@mail.example" in said
    assert {name for name, _, _ in DOOR.findall(said)} >= {"the customer's page", "the desk", "the mail"}
    assert said.count("the books are closed: 0.00 USD") == len(("the invoice", "the exchange"))


def test_its_doors_stay_open_until_they_are_closed(data_dir: Path, tmp_path: Path) -> None:
    """The customer's page, the desk and the mail answer where it says; after Ctrl-C nobody answers, and all is gone."""
    out = tmp_path / "out.txt"
    demo = begin(data_dir, out, "--open")
    for heard in ("6  Feedback", "Open until Ctrl-C."):
        wait_for(lambda: demo.poll() is not None or heard in out.read_text(), heard)  # noqa: B023 - used at once
    told = out.read_text()
    doors = {name: f"{url}{path}" for name, url, path in DOOR.findall(told)}
    assert set(doors) == {"the customer's page", "a new return", "the desk", "the bench", "the mail"}, told

    with httpx.Client(follow_redirects=True) as browser:
        pages = {name: browser.get(address).text for name, address in doors.items()}
        letter = browser.get(f"{doors['the mail']}1").text
        body = browser.get(f"{doors['the mail']}1/body").text
        nowhere = browser.get(f"{doors['the mail']}99")
        rebound = browser.get(doors["the mail"], headers={"Host": "attacker.example"})

    assert "Trail shoe, size 42" in pages["the customer's page"]
    assert "Be Ada" in pages["the desk"]
    assert all(subject in pages["the mail"] for subject in (" is approved", "is closed"))
    assert "returns@northbound.example" in letter
    assert "480 Harbor Way" in body
    assert '<base target="_blank">' in body
    assert (nowhere.status_code, rebound.status_code) == (404, 400)

    demo.send_signal(signal.SIGINT)
    demo.send_signal(signal.SIGINT)  # of somebody who cannot wait

    assert demo.wait(DEMO_MAX_S) == 0, out.read_text()
    assert left_behind(data_dir) == []
    assert not data_dir.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(doors["the mail"])


def test_a_demo_that_is_stopped_leaves_nothing_behind(data_dir: Path, tmp_path: Path) -> None:
    """Whoever has seen enough can end it at any time."""
    out = tmp_path / "out.txt"
    demo = begin(data_dir, out)
    wait_for(lambda: "1  Request" in out.read_text(), "the first step of the story")

    demo.send_signal(signal.SIGTERM)

    assert demo.wait(DEMO_MAX_S) != 0
    assert left_behind(data_dir) == []
    assert not data_dir.exists()
