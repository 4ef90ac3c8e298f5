"""Naming a deadlock: who waits for whom when nothing can move and work is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archsim.errors import DeadlockError
from archsim.timing.machine import STEPS, Ints, Machine, Stamps


@dataclass(frozen=True, slots=True)
class Wait:
    """One blocked step: `step` of window `window` of stage `stage` waits, as `reason` says, for `on` = (stage, step,
    window)."""

    stage: int
    step: str
    window: int
    reason: str
    on: tuple[int, str, int]


def require_finished(machine: Machine, stamps: Stamps) -> None:
    """Raise `DeadlockError` naming the wait-for cycle when a window is unfinished."""
    left = int((stamps.send < 0).sum())
    if left == 0:
        return
    cycle = find_cycle(machine, stamps)
    names = machine.stage_names
    steps = [f"{wait.step} of {names[wait.stage]} window {wait.window} waits for {wait.reason}" for wait in cycle]
    raise DeadlockError(
        f"deadlock: {left} of {len(stamps.send)} windows cannot finish; the cycle is: "
        + "; ".join(steps)
        + ". Larger buffers (mapping.buffer_slack_rows) on the edges named would break it"
    )


def find_cycle(machine: Machine, stamps: Stamps) -> list[Wait]:
    """A cycle of the wait-for graph, starting from the first unfinished step of the last stage that is not done."""
    state = _State(machine, stamps)
    unfinished = [s for s in range(machine.stages) if (state.ends["send"][s] < 0).any()]
    stage = unfinished[-1]
    node = (stage, "send", int(np.argmax(state.ends["send"][stage] < 0)))
    path: list[Wait] = []
    seen: dict[tuple[int, str, int], int] = {}
    while node not in seen:
        seen[node] = len(path)
        wait = state.blocker(*node)
        path.append(wait)
        node = wait.on
    return path[seen[node] :]


class _State:
    """Stamps by stage, with the guard of each step spelled out."""

    def __init__(self, machine: Machine, stamps: Stamps) -> None:
        self.machine = machine
        bounds = machine.stage_offset
        self.ends: dict[str, list[Ints]] = {
            step: [getattr(stamps, step)[bounds[s] : bounds[s + 1]] for s in range(machine.stages)] for step in STEPS
        }
        edges = machine.edge_offset
        self.arrive = [stamps.arrive[edges[e] : edges[e + 1]] for e in range(machine.edges)]

    def blocker(self, stage: int, step: str, window: int) -> Wait:
        """What an unfinished step waits for: the first guard that does not hold."""
        place = STEPS.index(step)
        before = STEPS[place - 1] if place else None
        previous = self._previous(stage, window, 1)
        if previous >= 0 and self.ends[step][stage][previous] < 0:
            return self._on(stage, step, window, "its lane's previous window", (stage, step, previous))
        if before is not None and self.ends[before][stage][window] < 0:
            return self._on(stage, step, window, f"its own {before}", (stage, before, window))
        return getattr(self, f"_{step}")(stage, window)  # type: ignore[no-any-return]

    def _previous(self, stage: int, window: int, steps: int) -> int:
        return int(self.machine.previous(stage, np.array([window]), steps)[0])

    def _on(self, stage: int, step: str, window: int, reason: str, on: tuple[int, str, int]) -> Wait:
        return Wait(stage, step, window, reason, on)

    def _read(self, stage: int, window: int) -> Wait:
        earlier = self._previous(stage, window, int(self.machine.input_registers[stage]))
        if earlier >= 0 and self.ends["crossbar"][stage][earlier] < 0:
            return self._on(stage, "read", window, "an input register", (stage, "crossbar", earlier))
        for e in self.machine.in_edges(stage):
            needed = int(self.machine.needs(e)[window])
            missing = np.flatnonzero(self.arrive[e][:needed] < 0)
            if len(missing):
                source = int(self.machine.edge_source[e])
                reason = f"input window {missing[0]} of {self.machine.stage_names[source]}"
                return self._on(stage, "read", window, reason, (source, "send", int(missing[0])))
        raise AssertionError(f"read of window {window} of stage {stage} is unfinished but waits for nothing")

    def _crossbar(self, stage: int, window: int) -> Wait:
        earlier = self._previous(stage, window, int(self.machine.in_flight[stage]))
        return self._on(stage, "crossbar", window, "room behind its crossbars", (stage, "work", earlier))

    def _work(self, stage: int, window: int) -> Wait:
        earlier = self._previous(stage, window, int(self.machine.output_registers[stage]))
        return self._on(stage, "work", window, "an output register", (stage, "write", earlier))

    def _write(self, stage: int, window: int) -> Wait:
        earlier = self._previous(stage, window, int(self.machine.output_slots[stage]))
        return self._on(stage, "write", window, "an output slot", (stage, "send", earlier))

    def _send(self, stage: int, window: int) -> Wait:
        for e in self.machine.out_edges(stage):
            over = window - int(self.machine.capacity[e])
            if over < 0:
                continue
            target = int(self.machine.edge_target[e])
            reader = int(self.machine.lasts(e)[over])
            unread = np.flatnonzero(self.ends["read"][target][: reader + 1] < 0)
            if len(unread):
                reason = (
                    f"room in the buffer of {self.machine.stage_names[target]} "
                    f"({int(self.machine.capacity[e])} windows, "
                    f"held until it has read window {reader})"
                )
                return self._on(stage, "send", window, reason, (target, "read", int(unread[0])))
        raise AssertionError(f"send of window {window} of stage {stage} is unfinished but waits for nothing")
