"""Who gets which point, and what becomes of points whose worker is lost."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest

from archsim.errors import DeadlockError, InputError, SimulationError
from archsim.sweeps import Point, crew, run_points
from archsim.sweeps.crew import Lane
from archsim.sweeps.dealing import Dealer, Task, group_of, run_tasks
from archsim.sweeps.point import Outcome
from archsim.sweeps.running import run_chunk

Answer = Callable[[Task, int], Outcome]


def task(place: int, **settings: str) -> Task:
    point = Point(hardware="isaac-8bit", workload="lenet5-mnist", input="digits", settings=settings)
    return Task(place=place, point=point, key=f"key{place}")


def tasks(count: int) -> list[Task]:
    return [
        Task(place=i, point=Point(hardware="isaac-8bit", workload="lenet5", seed=i), key=f"key{i}")
        for i in range(count)
    ]


class Scripted(Executor):
    """Answers a chunk by `answer(point number, how often it was asked)`: raises what that returns as an exception."""

    def __init__(self, answer: Callable[[int, int], BaseException | None]) -> None:
        self.answer, self.chunks, self.asked = answer, [], dict[int, int]()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        assert (fn, kwargs) == (run_chunk, {})
        points, keys = args[0], args[1]
        self.chunks.append([point.seed for point in points])
        future: Future[Any] = Future()
        errors = []
        for point in points:
            self.asked[point.seed] = self.asked.get(point.seed, 0) + 1
            errors.append(self.answer(point.seed, self.asked[point.seed]))
        error = next((error for error in errors if error is not None), None)
        if error is None:
            future.set_result([Outcome(key=key) for key in keys])
        else:
            future.set_exception(error)
        return future


def lane(executor: Executor, *, chunk: int = 4, lasting: bool = True) -> Lane:
    return Lane(executor=executor, chunk=chunk, ahead=2, lasting=lasting)


def test_groups_stay_together_and_idle_lanes_take_new_ones_first() -> None:
    dealer = Dealer([task(i, **{"ima.adc.bits": str(i % 2), "tile.bus.wires": str(i)}) for i in range(8)])
    first, even = dealer.deal(None, 2)
    second, odd = dealer.deal(None, 2)
    assert [[t.place for t in part] for part in (even, odd)] == [[0, 2], [1, 3]]
    assert [t.place for t in dealer.deal(first, 5)[1]] == [4, 6]
    assert [t.place for t in dealer.deal(first, 1)[1]] == [5], "a lane without work helps another"
    assert dealer.deal(second, 9)[1][0].place == 7
    assert dealer.deal(second, 9) == (None, ())


@pytest.mark.parametrize(
    ("pictures", "together", "apart"),
    [
        ("digits", ["tile.edram.size", "ima.adc.cost.area", "chip.links.bandwidth"], ["ima.adc.bits", "ima.cell.bits"]),
        (
            None,
            ["ima.adc.bits", "ima.adc.cost.area", "tile.bus.wires"],
            ["tile.edram.size", "ima.cell.bits", "ima.count"],
        ),
    ],
)
def test_what_a_group_has_in_common(pictures: str | None, together: list[str], apart: list[str]) -> None:
    def grouped(path: str) -> Hashable:
        point = Point(hardware="isaac-8bit", workload="lenet5-mnist", input=pictures, settings={path: "1"})
        return group_of(Task(place=0, point=point, key=""))

    assert len({grouped(path) for path in together}) == 1
    assert len({grouped(path) for path in [*together, *apart]}) == 1 + len(apart)


def test_a_lost_chunk_goes_back_point_by_point_and_one_lost_twice_is_a_row() -> None:
    executor = Scripted(lambda seed, _: BrokenExecutor("gone") if seed == 2 else None)
    found = {t.place: outcome for t, outcome in run_tasks(tasks(10), (lane(executor),))}
    assert executor.chunks[:2] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert sorted(found) == list(range(10))
    assert [place for place, outcome in found.items() if outcome.error] == [2]
    assert found[2].error == "BrokenExecutor: gone (given up after 2 tries)"
    assert not found[2].final
    assert max(executor.asked.values()) == 2


def test_a_point_lost_once_is_run_again() -> None:
    executor = Scripted(lambda seed, times: MemoryError("full") if seed == 1 and times == 1 else None)
    found = {t.place: outcome for t, outcome in run_tasks(tasks(3), (lane(executor, chunk=1),))}
    assert [outcome.error for outcome in found.values()] == ["", "", ""]


def test_an_executor_that_is_broken_for_good_ends_the_sweep() -> None:
    executor = Scripted(lambda *_: BrokenExecutor("pool"))
    with pytest.raises(SimulationError, match=r"BrokenExecutor: pool.*run the sweep again to go on"):
        list(run_tasks(tasks(3), (lane(executor, lasting=False),)))


def test_any_executor_and_points_of_one_key() -> None:
    points = [Point(hardware="isaac-8bit", workload="lenet5", settings={"ima.adc.bits": b}) for b in ("6", "8", "9")]
    points.append(Point(hardware="isaac-8bit", workload="lenet5"))
    with ThreadPoolExecutor(2) as pool, crew(executor=pool) as lanes:
        rows = {id(point): row for point, row in run_points(points, lanes)}
        assert pool.submit(int).result() == 0, "a given executor stays open"
    same = [rows[id(point)] for point in (points[1], points[3])]
    assert same[0]["key"] == same[1]["key"]
    assert same[0]["energy_j"] == same[1]["energy_j"] > rows[id(points[0])]["energy_j"]
    assert list(rows[id(points[0])])[:5] == ["hardware", "workload", "ima.adc.bits", "seed", "images"]


def test_failures_of_every_kind_are_rows() -> None:
    points = {
        "InputError": Point(hardware="isaac-8bit", workload="lenet5", settings={"ima.adc.bits": "many"}),
        "": Point(hardware="isaac-8bit", workload="lenet5"),
        "DeadlockError": Point(hardware="isaac-8bit", workload="lenet5", images=2),
        "ZeroDivisionError": Point(hardware="isaac-8bit", workload="lenet5", images=3),
        "MemoryError": Point(hardware="isaac-8bit", workload="lenet5", images=4),
    }
    with crew(workers=0) as lanes, pytest.MonkeyPatch.context() as patch:
        from archsim.sweeps import running

        real = running.simulate

        def broken(plan: Any, **options: Any) -> Any:
            if options["images"] == 2:
                raise DeadlockError("conv1 waits for conv2, conv2 for conv1")
            if options["images"] == 4:
                raise MemoryError
            return real(plan, **options) if options["images"] == 1 else 1 // 0

        patch.setattr(running, "simulate", broken)
        rows = {row["error_type"]: row for _, row in run_points(points.values(), lanes)}
    assert "--set ima.adc.bits" in rows["InputError"]["error"]
    assert rows["ZeroDivisionError"]["error"].startswith("ZeroDivisionError: integer division or modulo by zero")
    assert rows["DeadlockError"]["error"] == "conv1 waits for conv2, conv2 for conv1"
    assert rows["MemoryError"]["error"].startswith("MemoryError")
    assert rows[""]["energy_j"] > 0
    assert "energy_j" not in rows["InputError"]


def test_workers_of_another_version_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from archsim.sweeps import dealing

    monkeypatch.setattr(dealing, "__version__", "0.0.0")
    with crew(workers=0) as lanes, pytest.raises(InputError, match=r"the sweep was started with 0\.0\.0"):
        list(run_points([Point(hardware="isaac-8bit", workload="lenet5")], lanes))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workers": 1, "dask": "tcp://127.0.0.1:1"}, "workers and dask exclude each other"),
        ({"workers": -1}, "expected 0 or more"),
        ({"dask": "nonsense"}, "is no address of a Dask scheduler"),
    ],
)
def test_crews_that_cannot_be(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said), crew(**options):
        pass
