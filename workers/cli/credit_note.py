"""`rma credit-note`: a note as people read it, or as a PDF to be sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workers.cli.arguments import reading, unknown
from workers.cli.ask import Language
from workers.cli.errors import WrongUsageError
from workers.pictures.terminal import AsJson, console, print_json


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command(name="credit-note")(credit_note)


def credit_note(
    number: Annotated[str, typer.Argument(help="The note's number, such as CN-default-2026-000123.")],
    pdf: Annotated[Path | None, typer.Option(help="Write it to this file as a PDF instead of showing it.")] = None,
    lang: Annotated[Language, typer.Option(help="The language of the PDF.")] = Language.EN,
    as_json: AsJson = False,
) -> None:
    """Show a credit note: net, tax by code, gross, and the fees that were kept. Or draw it as a PDF.

    The seller's name and address are those of RMA_SELLERS_FILE.
    """
    from infra.sellers import seller_of
    from infra.settings import Settings
    from projections.refund_ledger.credit_notes import find_credit_note
    from workers.http.pages.notes import sheet_of
    from workers.http.pages.words import words
    from workers.pictures.credit_note_pdf import drawn
    from workers.pictures.credit_notes import picture

    seller_file = Settings().sellers_file
    with reading() as connection:
        note = find_credit_note(connection, number)
    if note is None:
        raise unknown(number, "no credit note")
    seller = seller_of(seller_file, note["series_id"])
    if pdf is not None:
        try:
            pdf.write_bytes(drawn(sheet_of(note, seller, words(lang.value), {})))
        except OSError as error:
            raise WrongUsageError(f"{pdf} cannot be written: {error.strerror}") from error
        console(stderr=True).print(f"written: {pdf}")
    elif as_json:
        print_json(note)
    else:
        console().print(picture(note, seller))
