"""Work in threads of its own beside a test, told to stop when a block ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread


@contextmanager
def beside(*works: Callable[[Event], object]) -> Iterator[None]:
    """Do each work while the block lasts, until the event it is given is set; what one raises is raised here."""
    stop, raised = Event(), list[BaseException]()

    def run(work: Callable[[Event], object]) -> None:
        try:
            work(stop)
        except BaseException as error:
            raised.append(error)

    threads = [Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if raised:
        raise raised[0]
