"""Generated files are written where they differ from what stands there, and named."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def write_changed(files: Mapping[str, str], folder: Path, shown: str) -> None:
    """Write files (text by path under ``folder``) that changed, and print their names, each after ``shown``."""
    for name, text in files.items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{shown}/{name}\n")
