"""Keys of the file: made once, known by their hash, read again when the file changes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from workers.http.callers import KeysFile, new_key
from workers.http.errors import CallersUnreadableError, TokenInvalidError

SHOP: dict[str, Any] = {"name": "shop", "source": "/shop", "kinds": ["system", "agent"], "access": "write"}


def write(path: Path, *lines: str) -> None:
    """Write the file so that it is seen to have changed."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text("\n".join(lines))
    os.utime(path, ns=(before + 10**9, before + 10**9))


def test_a_new_key_lets_its_holder_in(tmp_path: Path) -> None:
    """The file holds its hash alone, and what its holder may do."""
    token, line = new_key(**SHOP, scope=frozenset({"S-1"}))
    path = tmp_path / "keys.jsonl"
    write(path, "# the shop", "", line)

    caller = KeysFile(path).caller(token)

    assert token not in line
    assert len(token) > 43  # 256 bits and the prefix
    assert (caller.name, caller.source, caller.access, caller.sellers) == ("shop", "/shop", "write", ["S-1"])
    assert caller.kinds == {"system", "agent"}
    assert [caller.approve, caller.backdate] == [False] * 2


def test_a_key_that_is_taken_out_is_no_longer_known(tmp_path: Path) -> None:
    """Without starting the door anew."""
    (old, old_line), (new, new_line) = new_key(**SHOP), new_key(**SHOP)
    path = tmp_path / "keys.jsonl"
    write(path, old_line)
    keys = KeysFile(path)
    keys.caller(old)

    write(path, new_line)

    assert keys.caller(new).name == "shop"
    with pytest.raises(TokenInvalidError):
        keys.caller(old)


def test_a_file_that_breaks_later_leaves_those_in_who_were(tmp_path: Path) -> None:
    """A half-written file must not shut out every shop; what it said before holds until it can be read."""
    token, line = new_key(**SHOP)
    path = tmp_path / "keys.jsonl"
    write(path, line)
    keys = KeysFile(path)

    write(path, line[:40])

    assert keys.caller(token).name == "shop"


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "{}",
        '{"name": "x", "source": "/x", "kinds": [], "sha256": "' + "a" * 64 + '"}',
        '{"name": "x", "source": "/x", "kinds": ["king"], "sha256": "' + "a" * 64 + '"}',
        '{"name": "x", "source": "/x", "kinds": ["system"], "sha256": "' + "A" * 64 + '"}',
        '{"name": "x", "source": "/x", "kinds": ["system"], "acess": "write", "sha256": "' + "a" * 64 + '"}',
    ],
)
def test_a_file_that_is_broken_at_start_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    """A misspelt right must not be read as none, or as all."""
    path = tmp_path / "keys.jsonl"
    write(path, "# first", line)

    with pytest.raises(CallersUnreadableError, match="line 2"):
        KeysFile(path)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CallersUnreadableError, match="nowhere"):
        KeysFile(tmp_path / "nowhere.jsonl")


@pytest.mark.parametrize("changes", [{"kinds": ["king"]}, {"source": "a b"}, {"access": "all"}, {"name": ""}])
def test_a_key_for_nobody_is_not_made(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        new_key(**{**SHOP, **changes})
