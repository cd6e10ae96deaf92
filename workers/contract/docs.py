"""The files of ``docs/contracts/``, written from the models themselves: ``python -m workers.contract.docs``."""

from __future__ import annotations

from workers.contract import asyncapi
from workers.contract.command_pages import command_pages
from workers.contract.event_pages import event_pages
from workers.contract.examples import PAGES
from workers.contract.index import index
from workers.contract.kafka import kafka_page
from workers.contract.markdown import GENERATED
from workers.contract.schemas import schema_files
from workers.contract.views import views_page
from workers.contract.vocabulary import vocabulary_page
from workers.contract.writing import write_changed


def pages() -> dict[str, str]:
    """Return every generated page by its file name; the same models give the same bytes."""
    found = command_pages() | event_pages()
    return found | {
        "README.md": index(found),
        "kafka.md": kafka_page(),
        "views.md": views_page(GENERATED),
        "vocabulary.md": vocabulary_page(),
    }


def files() -> dict[str, str]:
    """Return every generated file, for people and for machines, by its path under ``docs/contracts``."""
    return pages() | schema_files() | {asyncapi.FILE: asyncapi.asyncapi_file()}


def main() -> None:
    """Write the files; print the names of those that changed."""
    write_changed(files(), PAGES, "docs/contracts")


if __name__ == "__main__":
    main()
