"""Plant every defect, or those named, and print what found each; exit code 1 where one was found by nobody."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from infra.logs import configure
from infra.stack.local import down, up
from tests.controls.planted import DEFECTS
from tests.controls.trying import TRIES, find


def main(names: list[str]) -> int:
    """Return the exit code."""
    configure("console", "error")
    folder = Path(tempfile.mkdtemp(prefix="rma-controls-"))
    missed = 0
    try:
        where = up(folder / "stack") if any(TRIES[name].test for name in names) else None
        print("| defect | planted | tried by | found by |\n|---|---|---|---|", flush=True)
        for name in names:
            found = find(name, folder / "chaos", where, lambda text: print(text, file=sys.stderr, flush=True))
            missed += not found
            what = " ".join((DEFECTS[name].__doc__ or "").split())
            by = "; ".join(found) or "**nobody**"
            print(f"| `{name}` | {what} | {TRIES[name]} | {by} |", flush=True)
            for check, first in found.items():
                print(f"{name}: {check}: {first}"[:500], file=sys.stderr, flush=True)
            shutil.rmtree(folder / "chaos", ignore_errors=True)
    finally:
        down(folder / "stack")
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(TRIES)))
