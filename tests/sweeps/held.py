"""`archsim` as a process that cannot finish a sweep before a test has stopped it, however late the test gets to it."""

from __future__ import annotations

import sys

_CODE = """
import signal, sys, time
from archsim.cli import main
from archsim.sweeps import PointStore

most, write = int(sys.argv.pop(1)), PointStore.write

def held(store, outcome):
    while len(store.keys()) >= most:
        time.sleep(0.01)
    write(store, outcome)

PointStore.write = held
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


def held_command(*words: str, most: int) -> list[str]:
    """`archsim` with words, that waits for its end before it would write point number `most` + 1 of a folder. Ctrl-C
    works as from a terminal; what a shell starts in the background inherits that it is ignored."""
    return [sys.executable, "-c", _CODE, str(most), *words]
