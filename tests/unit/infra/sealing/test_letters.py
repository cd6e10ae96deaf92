"""A dead letter is sealed whole, under a key of its own, and opens only as what it was."""

from __future__ import annotations

import pytest

from infra.records import Message
from infra.sealing.letters import DEAD_HEADER_PREFIX, key_of_letter, open_letter, seal_letter
from infra.sealing.sealed_text import UnopenedError

OWN = [(f"{DEAD_HEADER_PREFIX}{name}", value) for name, value in (
    ("topic", b"rma.commands"), ("partition", b"3"), ("offset", b"17"), ("reason", b'{"reason":"malformed"}'),
)]  # fmt: skip


@pytest.mark.parametrize("key", [b"O-1", b"\xff\x00", None])
@pytest.mark.parametrize("value", [b"", b"{not json", b"\n\n", b"\xff" * 5_000])
def test_a_record_comes_back_as_it_was(key: bytes | None, value: bytes) -> None:
    """Key, headers in their order, the same name twice too, and every byte; our own headers stay readable."""
    given = [("odd", b"\x00\xff"), ("odd", b"canary"), ("\\xff\\xfe", b"")]
    letter, own_key = seal_letter(Message("dead", key, [*given, *OWN], value), b"hashed")

    assert letter.key == b"hashed"
    assert key_of_letter(letter.headers) == own_key.key_id
    assert own_key.place == "rma.commands/3/17"
    assert [header for header in letter.headers if header in OWN] == OWN
    assert b"canary" not in letter.value + b"".join(content for _, content in letter.headers)
    assert open_letter(letter.headers, letter.value, own_key.secret) == (key, given, value)


def test_what_was_changed_does_not_open() -> None:
    """Neither under another key, nor as a record of another place, nor with a byte changed or cut off."""
    letter, key = seal_letter(Message("dead", None, OWN, b"body"), None)
    moved = [(name, b"18" if name.endswith("offset") else value) for name, value in letter.headers]

    for headers, value, secret in (
        (letter.headers, letter.value, bytes(32)),
        (moved, letter.value, key.secret),
        (letter.headers, letter.value[:-1] + bytes([letter.value[-1] ^ 1]), key.secret),
        (letter.headers, letter.value[:5], key.secret),
    ):
        with pytest.raises(UnopenedError):
            open_letter(headers, value, secret)
    with pytest.raises(UnopenedError):
        key_of_letter([(f"{DEAD_HEADER_PREFIX}sealedkeyid", b"nonsense")])
    assert key_of_letter(OWN) is None, "a letter of a version before is as it came"
