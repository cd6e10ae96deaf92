"""What is installed is what was looked at: every file of every dependency is pinned by its hash."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
SHA256 = re.compile(r"^sha256:[0-9a-f]{64}$")


def test_every_package_is_pinned_with_its_hashes() -> None:
    """Each comes from the index, and each of its files has a SHA-256; only this project itself is taken as it lies."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    assert len(packages) > 100
    taken_as_it_lies = [package["name"] for package in packages if "registry" not in package["source"]]
    assert taken_as_it_lies == ["rma"]

    for package in packages:
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
        assert files or package["name"] == "rma", package["name"]
        assert all(SHA256.match(file["hash"]) for file in files), package["name"]


def test_every_jar_is_pinned_with_its_hash() -> None:
    """So is what the local stack fetches from another place."""
    lines = [line for line in (ROOT / "infra/stack/kafka_jars.lock").read_text().splitlines() if line[:1] not in "#"]
    assert len(lines) > 10
    assert all(re.search(r"\b[0-9a-f]{64}\b", line) for line in lines), lines[:3]


def test_every_package_of_npm_is_pinned_with_its_hash() -> None:
    """So is what reads the contract in its tests."""
    packages = json.loads((ROOT / "tests/readers/package-lock.json").read_text())["packages"]
    assert all(found["integrity"].startswith("sha512-") for name, found in packages.items() if name)


def test_installing_keeps_to_the_lock() -> None:
    """No way of installing that we show or run works out versions anew."""
    for file in ("Makefile", "Dockerfile"):
        text = (ROOT / file).read_text()
        assert all("--frozen" in line or "--locked" in line for line in text.splitlines() if "uv sync" in line), file
