"""Try for a while, tell what came, and keep what is new; exit code 1 where something crashed or hung."""

from __future__ import annotations

import argparse
import sys

from tests.fuzz import keeping
from tests.fuzz.targets import TARGETS, FuzzError
from tests.fuzz.trying import known, tried


def main() -> int:
    """Return the exit code."""
    asked = argparse.ArgumentParser(description="Spoil what comes from outside, and see that nothing breaks.")
    asked.add_argument("--seconds", type=float, default=60, help="for each of envelope, command, policy")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--target", choices=TARGETS, action="append")
    given = asked.parse_args()
    for target in given.target or TARGETS:
        before = len(known(target).kept)
        try:
            found = tried(target, given.seed, seconds=given.seconds)
        except FuzzError as broke:
            print(f"{target}: {broke}", file=sys.stderr)
            return 1
        keeping.write(target, list(found.kept.values()))
        came = ", ".join(f"{number:,} {what}" for what, number in sorted(found.came.items()))
        print(f"{target}: {came}; {len(found.kept):,} outcomes are kept, {len(found.kept) - before:,} of them new")
    return 0


if __name__ == "__main__":
    sys.exit(main())
