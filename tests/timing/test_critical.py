"""The critical path: it covers the run, and on small machines it is known by hand."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.timing.critical import Segment, critical_path
from archsim.timing.machine import Machine
from archsim.timing.replay import replay
from archsim.timing.simpy_engine import run_simpy

from .machines import chain
from .random_machines import random_machine


def path_of(machine: Machine) -> list[Segment]:
    stamps = run_simpy(machine)
    return critical_path(machine, stamps, replay(machine, stamps))


def spans(path: list[Segment]) -> list[tuple[int, str, int, int]]:
    """(stage, activity, start, end) from first to last."""
    return [(piece.stage, piece.activity, piece.start, piece.end) for piece in reversed(path)]


@given(seed=st.integers(0, 100_000))
@settings(deadline=None, max_examples=60)
def test_path_covers_the_run_without_gap_or_overlap(seed: int) -> None:
    machine = random_machine(seed, most_windows=25)
    stamps = run_simpy(machine)
    if (stamps.send < 0).any():
        return
    path = critical_path(machine, stamps, replay(machine, stamps))
    assert path[0].end == stamps.write.max()
    assert path[-1].start == 0
    assert path[-1].joints[-1].cause == "run"
    for later, sooner in pairwise(path):
        assert later.start == sooner.end
        assert sooner.start < sooner.end


def test_one_window_passes_every_step() -> None:
    path = path_of(chain([1, 1], hops=((5, 2), (5, 3))))
    assert spans(path) == [
        (0, "read", 0, 1), (0, "crossbar", 1, 17), (0, "post", 17, 21), (0, "write", 21, 22),
        (0, "transfer", 22, 24), (0, "transfer", 24, 29),
        (1, "read", 29, 30), (1, "crossbar", 30, 46), (1, "post", 46, 50), (1, "write", 50, 51),
    ]  # fmt: skip


def test_busy_crossbars_are_followed_from_window_to_window() -> None:
    path = path_of(chain([5]))
    assert spans(path)[1:6] == [(0, "crossbar", 1 + 16 * w, 17 + 16 * w) for w in range(5)]
    causes = [joint.cause for piece in path for joint in piece.joints]
    assert causes == ["step", "step", "lane", "lane", "lane", "lane", "step", "run"]


def test_queue_for_a_bus_is_followed_to_the_one_that_had_not_waited() -> None:
    """Four lanes read on one bus at once: the last one's read waits for the three others, which are one run."""
    path = path_of(chain([4], replicas=[4], read=10, crossbar=5, write=1, post=0, shared=True))
    assert spans(path)[:2] == [(0, "read", 0, 30), (0, "read", 30, 40)]
    assert [piece.queued for piece in reversed(path)][:2] == [True, True]


def test_freed_room_leads_to_the_consumer() -> None:
    """With room for one window, a send waits for the read of the window before it."""
    path = path_of(chain([4, 4], capacity=1, crossbar=2, post=0, hops=((1, 20), (1, 1))))
    causes = [joint.cause for piece in path for joint in piece.joints]
    assert causes.count("credit") == 3
    credit = next(piece for piece in path if piece.joints and piece.joints[-1].cause == "credit")
    assert (credit.stage, credit.activity) == (0, "transfer")
