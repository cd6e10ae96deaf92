"""Notes, keys and checkpoints are those that standard tools read; what was changed or is another's is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from infra.proofs.checkpoint import Checkpoint
from infra.proofs.key_file import AuditKeyMissingError, OtherOriginError, make_key, read_keys
from infra.proofs.signed_note import (
    Note,
    NoteUnreadableError,
    SignatureError,
    SigningKey,
    VerifierKey,
    signed_note,
)
from infra.settings import Settings
from workers.auditor.signing import KeyReplacedError, sign, signers

# the example of Go's golang.org/x/mod/sumdb/note
GO_SIGNER: Final = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VERIFIER: Final = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE: Final = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
CHECKPOINT: Final = Checkpoint(
    "log.example/rma", 7, bytes(range(32)), 3, 9, bytes(32), datetime(2026, 3, 1, 9, tzinfo=UTC)
)


def test_a_note_is_that_of_go() -> None:
    """The same key signs the same text to the same bytes."""
    key = SigningKey.parse(GO_SIGNER)

    assert str(key.verifier) == GO_VERIFIER
    assert signed_note(GO_NOTE.rpartition("\n\n")[0] + "\n", [key]) == GO_NOTE
    assert Note.parse(GO_NOTE).signers([VerifierKey.parse(GO_VERIFIER)]) == [key.verifier]


def test_a_key_comes_back_from_its_text_and_does_not_show_itself() -> None:
    """Only its file has it: neither repr nor an error repeats it."""
    key = SigningKey.generate("log.example/rma")

    assert SigningKey.parse(key.to_text()) == key
    assert VerifierKey.parse(str(key.verifier)) == key.verifier
    assert key.to_text()[-20:] not in repr(key)
    with pytest.raises(NoteUnreadableError) as cut:
        SigningKey.parse(key.to_text()[:-8])
    assert key.to_text()[-20:-8] not in str(cut.value)


@pytest.mark.parametrize(
    "text",
    ["", "no key", "name+00000000+AAAA", f"other{GO_VERIFIER}", GO_VERIFIER[:-4], GO_VERIFIER.replace("c7", "c8", 1)],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    """Another name, another id, or cut short."""
    with pytest.raises(NoteUnreadableError):
        VerifierKey.parse(text)


@pytest.mark.parametrize(
    ("spoiled", "error"),
    [
        (GO_NOTE.replace("answer", "Answer"), SignatureError),
        (GO_NOTE.replace("x08go", "y08go"), SignatureError),
        (GO_NOTE.replace("BwJnAM", "BwJnBM"), SignatureError),
        (GO_NOTE.replace("— PeterNeumann", "— SomeoneElse"), SignatureError),
        (GO_NOTE[:-1], NoteUnreadableError),
        (GO_NOTE[:150], NoteUnreadableError),
        ("", NoteUnreadableError),
        (GO_NOTE.replace("— ", "- "), NoteUnreadableError),
    ],
)
def test_a_note_that_was_changed_or_cut_is_refused(spoiled: str, error: type[Exception]) -> None:
    """Text, key id, signature, name, and how it is written."""
    with pytest.raises(error):
        Note.parse(spoiled).signers([VerifierKey.parse(GO_VERIFIER)])


def test_a_checkpoint_is_written_as_standard_tools_read_it() -> None:
    """Origin, size and root first; what is ours follows, and comes back."""
    assert CHECKPOINT.to_text() == (
        "log.example/rma\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
        f"number 3\noutcomes 9 {'0' * 64}\ntime 2026-03-01T09:00:00Z\n"
    )
    assert Checkpoint.parse(CHECKPOINT.to_text()) == CHECKPOINT


@pytest.mark.parametrize(
    ("before", "after"), [("\n7\n", "\n07\n"), ("number 3\n", ""), ("AAEC", "AA"), ("time ", "at ")]
)
def test_a_checkpoint_has_one_spelling(before: str, after: str) -> None:
    """So that two texts never say the same."""
    with pytest.raises(NoteUnreadableError):
        Checkpoint.parse(CHECKPOINT.to_text().replace(before, after))


def test_a_new_key_signs_once_together_with_the_one_it_replaces() -> None:
    """Who holds the old key alone sees who follows it; without the old one nothing is signed."""
    old, new = SigningKey.generate("log.example/rma"), SigningKey.generate("log.example/rma")
    first = sign(CHECKPOINT, signers([old], None))
    with pytest.raises(KeyReplacedError, match="below the new one"):
        signers([new], first)
    second = sign(CHECKPOINT, signers([new, old], first))

    assert Note.parse(second.note).signers([old.verifier, new.verifier]) == [new.verifier, old.verifier]
    assert signers([new, old], second) == [new]


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """A second time nothing happens to it."""
    file = tmp_path / "deep" / "audit.key"
    settings = Settings(audit_key_file=file)
    with pytest.raises(AuditKeyMissingError, match="there is no key in"):
        read_keys(settings)

    assert make_key(file, "log.example/rma")
    [key] = read_keys(settings)
    assert not make_key(file, "log.example/rma")
    assert read_keys(settings) == [key]
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(OtherOriginError, match="RMA_AUDIT_ORIGIN says other"):
        read_keys(settings.model_copy(update={"audit_origin": "other"}))


def test_without_a_setting_the_local_stacks_key_is_taken(tmp_path: Path) -> None:
    """Where there is one; else there is none."""
    assert Settings(data_dir=tmp_path).audit_key_file is None
    make_key(tmp_path / "audit.key", None)
    assert Settings(data_dir=tmp_path).audit_key_file == tmp_path / "audit.key"
