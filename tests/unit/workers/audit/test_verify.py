"""The verifier that auditors take home: small, alone, and as strict about signatures as the library that made them."""

from __future__ import annotations

import ast
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.audit.exporting import VERIFIER
from workers.audit.verify import ORDER, is_signed

LINES_MAX = 300


def test_it_can_be_read_and_needs_nothing() -> None:
    """Under 300 lines, and imports of the standard library alone."""
    text = VERIFIER.read_text()
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}

    assert text.count("\n") < LINES_MAX
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_signatures_are_those_of_rfc_8032() -> None:
    """The standard's second test vector."""
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert is_signed(public, b"\x72", signature)
    assert not is_signed(public, b"\x73", signature)


@settings(max_examples=20, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), text=st.binary(max_size=200), at=st.integers(0, 511))
def test_it_takes_what_was_signed_and_nothing_else(seed: bytes, text: bytes, at: int) -> None:
    """No other bit, text, key, nor the same signature written otherwise."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(text)
    spoiled = bytearray(signature)
    spoiled[at // 8] ^= 1 << at % 8
    more = int.from_bytes(signature[32:], "little") + ORDER

    assert is_signed(public, text, signature)
    assert not is_signed(public, text, bytes(spoiled))
    assert not is_signed(public, text + b"x", signature)
    assert not is_signed(signature[:32], text, signature)
    assert not is_signed(public, text, signature[:32] + more.to_bytes(32, "little"))
    assert not is_signed(public, text, signature[:-1])
