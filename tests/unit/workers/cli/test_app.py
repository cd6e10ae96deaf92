"""What the command line answers to wrong usage and to services that are not there; how it reads and writes values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from kafka.errors import KafkaTimeoutError, UnknownTopicOrPartitionError
from typer.testing import CliRunner

from domain.errors import UnknownReturnError
from domain.identity import CROCKFORD, has_check_symbol, rma_number
from infra.services import StackNotRunningError
from projections.tracking.case_file import is_misread, normal_number
from workers.cli.app import app
from workers.cli.errors import WrongUsageError
from workers.cli.exit_codes import SAID_NO, UNREACHABLE, WRONG_USAGE, explain
from workers.pictures.terminal import bar, money
from workers.policies.published import UnknownVersionError, version_named

SOME_UUID = "00000000-0000-4000-8000-000000000001"


def run(arguments: Sequence[str], data_dir: Path, **environment: str) -> tuple[int, str]:
    """Run the command line in this process without any service; return its exit code and all it printed."""
    services = {"RMA_POSTGRES_DSN": None, "RMA_KAFKA_BOOTSTRAP": None}
    result = CliRunner().invoke(app, arguments, env={**services, "RMA_DATA_DIR": str(data_dir), **environment})
    return result.exit_code, result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["show"],
        ["show", SOME_UUID, "--nonsense"],
        ["reasons", "--articles", "0"],
        ["work", "projector", "nonsense"],
        ["work", "all", "--without", "nonsense"],
        ["send", "there-is-no-such-file.jsonl"],
        ["import", "online-retail", "there-is-no-such-file.csv"],
        ["dead", "redrive"],
        ["dead", "redrive", "0:1", "--all"],
        ["gateway", "--plan", "{"],
        ["reconcile", "any.csv", "--since", "2026-03-02T00:00:00Z", "--until", "2026-03-01T00:00:00Z"],
        ["reconcile", "any.csv", "--since", "yesterday"],
        ["differences", "resolve", SOME_UUID, "--how", "forgotten", "--note", "n", "--as", "agent:ann"],
        ["differences", "resolve", SOME_UUID, "--how", "written_off", "--note", "n", "--as", "ann"],
        ["review", "decide", SOME_UUID, "--line", "1", "--approve", "--as", "robot:ann"],
        ["policy", "publish", "any.json", "--from", "2026-01-01T00:00:00Z", "--as", "ann"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], tmp_path: Path) -> None:
    """Whoever calls a command wrongly gets exit code 2 and a sentence, whether or not services run."""
    code, said = run(arguments, tmp_path)

    assert code == WRONG_USAGE, said
    assert said.strip()


@pytest.mark.parametrize(
    "arguments",
    [
        ["init"],
        ["show", SOME_UUID],
        ["ledger"],
        ["ledger", "O-1"],
        ["reasons"],
        ["status", "--json"],
        ["dead", "list"],
        ["send", "-"],
        ["work", "commands"],
        ["work", "relay"],
        ["work", "projector", "tracking"],
    ],
    ids=" ".join,
)
def test_no_service_is_exit_code_3(arguments: list[str], tmp_path: Path) -> None:
    """Without services a command ends with exit code 3, and says how to start them."""
    code, said = run(arguments, tmp_path)

    assert code == UNREACHABLE, said
    assert "rma up" in said


def test_a_database_that_does_not_answer_is_exit_code_3(tmp_path: Path) -> None:
    """A wrong address is told apart from a wrong request, and named by its variable."""
    code, said = run(
        ["ledger"],
        tmp_path,
        RMA_POSTGRES_DSN="postgresql://nobody@127.0.0.1:1/none?connect_timeout=2",
        RMA_KAFKA_BOOTSTRAP="127.0.0.1:1",
    )

    assert code == UNREACHABLE, said
    assert "RMA_POSTGRES_DSN" in said


def test_an_environment_that_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    """A setting of the wrong kind is named by its variable."""
    code, said = run(["init"], tmp_path, RMA_PARTITIONS="many")

    assert code == WRONG_USAGE
    assert "RMA_PARTITIONS" in said


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnknownReturnError("R-1", order_id="O-1"), SAID_NO),
        (WrongUsageError("not so"), WRONG_USAGE),
        (StackNotRunningError(".rma"), UNREACHABLE),
        (psycopg.OperationalError("gone"), UNREACHABLE),
        (psycopg.errors.UndefinedTable("no such view"), SAID_NO),
        (KafkaTimeoutError("gone"), UNREACHABLE),
        (UnknownTopicOrPartitionError("rma.commands"), SAID_NO),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_kind_of_error_has_its_exit_code(error: Exception, code: int) -> None:
    """What the system refuses, what was asked wrongly and what is away end differently."""
    explained = explain(error)

    assert explained is not None
    assert explained[1] == code


def test_a_policy_that_is_not_there_is_said_shortly() -> None:
    """However many there are, a few are named; what is no version at all is told apart from an unknown policy."""
    known: dict[str, Any] = {f"policy-{number:03}": None for number in range(300)}
    with pytest.raises(
        UnknownVersionError, match=r"no policy winter; there are: policy-000, .* and 295 more, see: rma policy"
    ):
        version_named(known, "winter@1", "standard")
    with pytest.raises(UnknownVersionError, match="newst is no version; a version looks like 3 or standard@3"):
        version_named(known, "newst", "standard")


def test_a_misbehaviour_that_is_no_plan_is_said_in_one_line(tmp_path: Path) -> None:
    _, said = run(["gateway", "--plan", '{"rates": {"explode": 1}}'], tmp_path)
    assert said.count("\n") == 1
    assert "https://" not in said


def test_a_defect_is_not_explained_away() -> None:
    """An error that nobody foresaw keeps its traceback."""
    assert explain(KeyError("oops")) is None


@pytest.mark.parametrize("typed", ["{}", "{} ", "rma {}", "RMA-{}"])
def test_a_number_is_read_as_people_type_it(typed: str) -> None:
    """Case, dashes and the prefix do not matter when a number is typed."""
    number = rma_number(UUID(SOME_UUID))
    bare = number.removeprefix("RMA-").replace("-", "").lower()

    assert normal_number(typed.format(bare)) == number


def test_letters_taken_for_digits_are_read_as_digits() -> None:
    """O, I and L are no symbols of the number: they are the 0 and 1 that somebody misread."""
    assert normal_number("OIL0-0000-0000-0") == "RMA-0110-0000-0000-0"


def test_a_misread_number_is_told_by_its_check_symbol() -> None:
    """A symbol misread, or two neighbours swapped, make the number impossible, or one of the first rule."""
    number = rma_number(UUID(SOME_UUID))
    symbols = number.removeprefix("RMA-").replace("-", "")
    wrong = [
        symbols[:place] + other + symbols[place + 1 :]
        for place, symbol in enumerate(symbols[:-1])
        for other in CROCKFORD
        if other != symbol
    ]
    for place in range(len(symbols) - 2):
        first, second = symbols[place], symbols[place + 1]
        if first != second:
            wrong.append(symbols[:place] + second + first + symbols[place + 2 :])

    by_the_first_rule = [one for one in wrong if has_check_symbol(f"RMA-{one}")]

    assert not is_misread(number)
    assert all(is_misread(one) for one in wrong if one not in by_the_first_rule)
    assert len(by_the_first_rule) < len(wrong) // 20
    assert not is_misread("O-1001")


def test_what_has_not_thirteen_symbols_is_no_number() -> None:
    """Something of another length is no number at all."""
    assert normal_number("RMA-1234") is None


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (123_456, "EUR", "1,234.56 EUR"),
        (-5, "USD", "−0.05 USD"),
        (500, "JPY", "500 JPY"),
        (1_234, "KWD", "1.234 KWD"),
        (0, "EUR", "0.00 EUR"),
    ],
)
def test_money_is_written_with_its_currencys_digits(minor: int, currency: str, text: str) -> None:
    """Minor units become the digits after the point that ISO 4217 gives the currency."""
    assert money(minor, currency) == text


def test_a_bar_is_never_empty_for_what_is_not_zero() -> None:
    """The largest fills the width, the smallest still shows, nothing shows nothing."""
    assert bar(10, 10, width=4) == "████"
    assert bar(1, 1_000_000, width=4) == "▏"
    assert bar(0, 10, width=4) == ""
