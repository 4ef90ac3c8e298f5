"""Which worker gets which point next, and what happens when one is lost."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass

from archsim import __version__
from archsim.errors import InputError, SimulationError
from archsim.sweeps.crew import Crew, Lane
from archsim.sweeps.point import Outcome, Point
from archsim.sweeps.running import run_chunk

_TRIES = 2
_PRICES = frozenset(("cost", "static", "actions", "energy", "always_on", "source", "notes", "recalled"))
"""Parts of paths that change neither what a chip computes nor when."""
_NOT_COMPUTED = ("tile", "chip", "pipeline", "mapping", "technology", "name", "description", "bibliography")
_NOT_TIMED = (
    "ima.adc", "ima.cell.on_resistance", "ima.cell.off_resistance", "ima.cell.read_voltage", "ima.cell.read_pulse",
    "ima.sample_hold", "ima.shift_add", "ima.input_register", "ima.output_register", "ima.dac.charge", "tile.bus",
    "device", "weight_levels", "technology", "name", "description", "bibliography",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A point to run and its key; `place` is the caller's number for it."""

    place: int
    point: Point
    key: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Handed:
    lane: Lane
    group: Hashable
    tasks: tuple[Task, ...]


class Dealer:
    """Tasks not handed out yet, in groups that may have something expensive in common.

    A lane goes on with its group; without one it takes the first that nobody has begun, then half of the longest.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._groups: dict[Hashable, deque[Task]] = {}
        self._begun: set[Hashable] = set()
        for task in tasks:
            self._groups.setdefault(group_of(task), deque()).append(task)

    def deal(self, preferred: Hashable, most: int) -> tuple[Hashable, tuple[Task, ...]]:
        """The next tasks of one group, at most so many; none when nothing is left."""
        if not self._groups:
            return None, ()
        group = preferred if preferred in self._groups else self._next_group()
        self._begun.add(group)
        tasks = self._groups[group]
        found = tuple(tasks.popleft() for _ in range(min(most, len(tasks))))
        if not tasks:
            del self._groups[group]
        return group, found

    def put_back(self, tasks: Sequence[Task]) -> None:
        """Tasks that were lost, each as a group of its own and next in turn."""
        returned: dict[Hashable, deque[Task]] = {("again", task.place): deque([task]) for task in tasks}
        self._groups = returned | self._groups

    def _next_group(self) -> Hashable:
        for group in self._groups:
            if group not in self._begun:
                return group
        return max(self._groups, key=lambda group: len(self._groups[group]))


def group_of(task: Task) -> Hashable:
    """What tasks have in common that may compute the same pictures on the same arrays or, without pictures, take the
    same time.

    A guess that only decides who runs what when: `archsim.simulation.Reuse` finds out what really is the same.
    """
    point = task.point
    apart = _NOT_TIMED if point.input is None else _NOT_COMPUTED
    settings = sorted((path, repr(value)) for path, value in point.settings.items() if _counts(path, apart))
    chip = point.hardware if isinstance(point.hardware, str) else point.hardware.hash
    net = point.workload if isinstance(point.workload, str) else id(point.workload)
    if point.input is None:
        return chip, net, point.images, point.engine, tuple(settings)
    return chip, net, point.input, point.limit, point.calibrate, point.judge, point.seed, tuple(settings)


def _counts(path: str, apart: tuple[str, ...]) -> bool:
    return _PRICES.isdisjoint(path.split(".")) and not f"{path}.".startswith(tuple(f"{part}." for part in apart))


def run_tasks(tasks: Iterable[Task], lanes: Crew, *, keep_results: bool = False) -> Iterator[tuple[Task, Outcome]]:
    """Run tasks; yields each with its outcome as it finishes, in no particular order.

    A task that is lost twice with the process that had it gets an outcome of the kind the process died of.

    Raises
    ------
    InputError
        Workers with another version of archsim.
    SimulationError
        An executor that takes no more tasks. What was yielded by then is done.
    """
    dealer, lost = Dealer(tasks), Counter[int]()
    pending: dict[Future[list[Outcome]], _Handed] = {}
    groups: dict[Lane, Hashable] = {}
    try:
        while True:
            for lane in lanes:
                _fill(lane, dealer, pending, groups, keep_results)
            if not pending:
                return
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield from _settled(future, pending.pop(future), dealer, lost)
    finally:
        for future in pending:
            future.cancel()


def _fill(
    lane: Lane,
    dealer: Dealer,
    pending: dict[Future[list[Outcome]], _Handed],
    groups: dict[Lane, Hashable],
    keep_results: bool,
) -> None:
    """Hand a lane tasks until it has as many as it takes."""
    held = sum(handed.lane is lane for handed in pending.values())
    while held < lane.ahead:
        group, tasks = dealer.deal(groups.get(lane), lane.chunk)
        if not tasks:
            return
        groups[lane] = group
        points, keys = [task.point for task in tasks], [task.key for task in tasks]
        try:
            future = lane.executor.submit(run_chunk, points, keys, keep_results, __version__)
        except (BrokenExecutor, RuntimeError) as error:
            raise _gone(error) from error
        pending[future] = _Handed(lane=lane, group=group, tasks=tasks)
        held += 1


def _settled(
    future: Future[list[Outcome]], handed: _Handed, dealer: Dealer, lost: Counter[int]
) -> Iterator[tuple[Task, Outcome]]:
    """Outcomes of a task that ended; points whose process was lost go back, those lost too often are given up."""
    try:
        error = future.exception()
    except CancelledError as cancelled:
        raise _gone(cancelled) from cancelled
    if error is None:
        yield from zip(handed.tasks, future.result(), strict=True)
        return
    if isinstance(error, InputError) or not isinstance(error, Exception):
        raise error
    if isinstance(error, BrokenExecutor) and not handed.lane.lasting:
        raise _gone(error) from error
    again = []
    for task in handed.tasks:
        lost[task.place] += 1
        if lost[task.place] < _TRIES:
            again.append(task)
            continue
        kind = type(error).__name__
        text = f"{kind}: {error} (given up after {_TRIES} tries)"
        yield task, Outcome(key=task.key, error=text, error_type=kind)
    dealer.put_back(again)


def _gone(error: BaseException) -> SimulationError:
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, CancelledError):
        text = "its tasks were cancelled, as when a cluster goes away"
    return SimulationError(f"the executor takes no more points ({text}); run the sweep again to go on")
