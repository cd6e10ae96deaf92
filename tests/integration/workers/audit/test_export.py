"""A bundle is checked without this system, by a program that comes apart from it and by code that is not ours."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from infra.proofs.signed_note import SigningKey
from infra.records import rfc3339
from projections.refund_ledger.fold import RefundLedger
from tests.support.audited import audited, key_of
from tests.support.command_line import invoke
from tests.support.pipeline import Pipeline, environment
from workers.audit.exporting import VERIFIER
from workers.cli.exit_codes import DONE, SAID_NO, WRONG_USAGE
from workers.operating.initialising import initialise

GO_READER: Final = Path(__file__).parents[3] / "readers" / "go"
TIMEOUT_S: Final = 300
SPOILED_BYTES: Final = 12
Check = Callable[[str, Path], subprocess.CompletedProcess[str]]


def run(*arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(argument) for argument in arguments]
    return subprocess.run(  # noqa: S603 - our own words
        command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


def by_python(key: str, bundle: Path) -> subprocess.CompletedProcess[str]:
    """Run the verifier as an auditor would: alone, with nothing of ours to import."""
    return run(sys.executable, "-I", "-S", VERIFIER, bundle, "--key", key)


@pytest.fixture(scope="session")
def by_go(tmp_path_factory: pytest.TempPathFactory) -> Check:
    """Build the check in Go; where Go, or its modules, cannot be had the test says so in the summary."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed: bundles and proofs were not checked by foreign code")
    fetched = run("go", "mod", "download", folder=GO_READER)
    if fetched.returncode:
        pytest.skip(f"Go's modules cannot be fetched, nothing was checked by foreign code: {fetched.stderr[-200:]}")
    program = tmp_path_factory.mktemp("go") / "check"
    built = run("go", "build", "-mod=readonly", "-o", program, ".", folder=GO_READER)
    assert built.returncode == 0, built.stderr
    return lambda key, file: run(program, key, file)


@pytest.fixture
def system(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A log that was signed, with its ledger; the command line works on it."""
    for name, value in environment(pipeline.settings).items():
        monkeypatch.setenv(name, value)
    initialise(pipeline.settings)
    audited(pipeline, parts=2)
    events = pipeline.log.connection.execute("SELECT count(*) FROM rma_log.events").fetchall()[0][0]
    pipeline.project(RefundLedger(), records=events)
    return pipeline


def exported(out: Path, since: datetime, until: datetime) -> Path:
    result = invoke("audit", "export", "--since", rfc3339(since), "--until", rfc3339(until), "--out", str(out))
    assert result.exit_code == DONE, result.output
    return out


def spoil(file: Path, chance: random.Random) -> None:
    raw = bytearray(file.read_bytes())
    raw[chance.randrange(len(raw))] ^= chance.randint(1, 255)
    file.write_bytes(raw)


def test_a_bundle_is_verified_and_one_changed_byte_is_found(system: Pipeline, tmp_path: Path, by_go: Check) -> None:
    """By the program that comes with it and by Go alike; so are proofs of an event and of consistency."""
    [signing] = key_of(system.settings)
    key, now = str(signing.verifier), datetime.now(UTC)
    bundle = exported(tmp_path / "bundle", now - timedelta(days=1), now + timedelta(days=1))
    first = system.log.read(0, 1)[0]
    part = exported(tmp_path / "part", first.recorded_at + timedelta(microseconds=1), now + timedelta(days=1))
    note, proof, grown = (tmp_path / name for name in ("kept.note", "proof.json", "grown.json"))
    note.write_text(invoke("audit", "checkpoint").stdout)
    invoke("audit", "prove", "5", "--out", str(proof))
    invoke("audit", "consistency", str(note), "--out", str(grown))

    for check, files in ((by_python, (bundle, part)), (by_go, (bundle, part, proof, grown))):
        for file in files:
            told = check(key, file)
            assert (told.returncode, told.stderr) == (0, ""), told.stdout
            other = check(str(SigningKey.generate(signing.name).verifier), file)
            assert other.returncode == 1, other.stdout
    assert json.loads((part / "manifest.json").read_text())["first_position"] > 1
    _spoiled_are_found(bundle, key, (by_python, by_go))


def _spoiled_are_found(bundle: Path, key: str, checks: tuple[Check, ...]) -> None:
    """Change one byte at a time, of whichever file; then with a manifest that fits it again."""
    chance = random.Random(13)  # noqa: S311 - the same each time
    files = [file for file in sorted(bundle.rglob("*")) if file.is_file() and file.name != "manifest.json"]
    for number in range(SPOILED_BYTES):
        copy = bundle.parent / f"spoiled-{number}"
        shutil.copytree(bundle, copy)
        file = copy / chance.choice(files).relative_to(bundle)
        spoil(file, chance)
        for check in checks:
            told = check(key, copy)
            assert (told.returncode, "NOT VERIFIED" in told.stdout) == (1, True), (file, told.stdout, told.stderr)
    copy = bundle.parent / "forged"
    shutil.copytree(bundle, copy)
    events = copy / "events.ndjson"
    events.write_text(events.read_text().replace('"ce_actor": "', '"ce_actor": "x', 1))
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"]["events.ndjson"] = hashlib.sha256(events.read_bytes()).hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    for check in checks:
        told = check(key, copy)
        assert (told.returncode, "NOT VERIFIED" in told.stdout) == (1, True), told.stdout


def test_what_cannot_be_exported_is_said(system: Pipeline, tmp_path: Path) -> None:
    """A folder in use, a time in which nothing was recorded, or the wrong way round: nothing is written."""
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    wrong = [
        (("--since", "2020-01-01T00:00:00Z", "--until", "2030-01-01T00:00:00Z"), "taken", WRONG_USAGE, "not empty"),
        (
            ("--since", "2020-01-01T00:00:00Z", "--until", "2021-01-01T00:00:00Z"),
            "new",
            SAID_NO,
            "nothing was recorded",
        ),
        (("--since", "2030-01-01T00:00:00Z", "--until", "2020-01-01T00:00:00Z"), "new", WRONG_USAGE, "must be before"),
    ]
    for times, folder, code, why in wrong:
        result = invoke("audit", "export", *times, "--out", str(tmp_path / folder))
        assert (result.exit_code, why in result.stderr) == (code, True), result.output
    assert not (tmp_path / "new").exists()
