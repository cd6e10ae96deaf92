"""The command line run in this process, as the shell would run it."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from workers.cli.app import app


def invoke(*arguments: str, stdin: str | None = None) -> Result:
    """Run ``rma`` with these arguments and return what it printed and its exit code."""
    return CliRunner().invoke(app, list(arguments), input=stdin)
