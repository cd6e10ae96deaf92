"""`rma http key`: a key is shown once, and its line lets its holder in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command_line import invoke
from workers.cli.exit_codes import DONE, WRONG_USAGE
from workers.http.callers import KeysFile

WHO = ("--name", "shop", "--source", "/shop", "--kinds", "system,agent")


def test_the_line_lets_the_key_in(tmp_path: Path) -> None:
    """With all that was asked for, and nothing else; the file never holds the key."""
    made = invoke("http", "key", *WHO, "--access", "write", "--sellers", "S-1,S-2", "--approve", "--json")
    told = json.loads(made.stdout)
    path = tmp_path / "keys.jsonl"
    path.write_text(told["line"])
    caller = KeysFile(path).caller(told["token"])

    assert made.exit_code == DONE
    assert told["token"] not in told["line"]
    assert (caller.source, sorted(caller.kinds), caller.sellers) == ("/shop", ["agent", "system"], ["S-1", "S-2"])
    assert [caller.access, caller.approve, caller.backdate] == ["write", True, False]


def test_people_are_told_which_is_which() -> None:
    """The key, and the line for the file, each on a line of its own; each key is another."""
    first, second = (invoke("http", "key", *WHO).stdout.splitlines() for _ in range(2))

    assert first[1].startswith("rma_")
    assert json.loads(first[-1])["name"] == "shop"
    assert first[1] != second[1]


@pytest.mark.parametrize("wrong", [("--kinds", "king"), ("--kinds", ""), ("--access", "all"), ("--source", "a b")])
def test_a_key_that_could_not_be_used_is_not_made(wrong: tuple[str, str]) -> None:
    """The option is named."""
    refused = invoke("http", "key", *WHO, *wrong)

    assert refused.exit_code == WRONG_USAGE
    assert wrong[0] in refused.stderr
