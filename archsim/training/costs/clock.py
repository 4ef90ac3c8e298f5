"""Timing phases, each distinct machine once."""

from __future__ import annotations

import hashlib
from dataclasses import fields

import numpy as np

from archsim.errors import InputError, Problem
from archsim.mapping.plan import Plan
from archsim.timing import ENGINE_NAMES, Machine, Timing, run_timing
from archsim.timing.compile import compile_machine


class Clock:
    """Times plans with one engine and remembers the machines it has timed: energies, data flows and update rules often
    change nothing that timing sees. Raises `InputError` for an unknown engine."""

    def __init__(self, engine: str = "kernel") -> None:
        if engine not in ENGINE_NAMES:
            raise InputError([Problem("engine", f"is '{engine}'; expected {' | '.join(ENGINE_NAMES)}")])
        self.engine = engine
        self._known: dict[str, Timing] = {}

    def timing(self, plan: Plan, images: int) -> Timing:
        """Times of `images` images through a plan."""
        key = _digest(compile_machine(plan, images))
        if key not in self._known:
            self._known[key] = run_timing(plan, images, engine=self.engine)
        return self._known[key]


def _digest(machine: Machine) -> str:
    """Everything a machine consists of."""
    found = hashlib.sha256()
    for item in fields(machine):
        value = getattr(machine, item.name)
        content = value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()
        found.update(f"{item.name}:{len(content)}:".encode())
        found.update(content)
    return found.hexdigest()
