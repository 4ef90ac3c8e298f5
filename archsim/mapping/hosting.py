"""On whose tiles a digital stage works: those of the operand that would otherwise send it most.

Sums and products commute, so the order in which a file lists their operands must not matter. An operand's weight is
what it sends, windows x values. Where several send the same, as both branches of a residual sum do, the one produced
last in topological order or the one produced first: both are proposed, and judged like any layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archsim.mapping.stages import Stage

Hosts = Mapping[str, str]
"""Producer that each digital stage stands with, by name; none for a stage that reads the network's input."""


def host_choices(stages: Sequence[Stage]) -> tuple[Hosts, ...]:
    """Hosts with ties going to the latest producer, and to the earliest where that differs."""
    latest, earliest = (_hosts(stages, late) for late in (True, False))
    return (latest,) if latest == earliest else (latest, earliest)


def _hosts(stages: Sequence[Stage], late: bool) -> Hosts:
    number = {stage.name: place for place, stage in enumerate(stages)}
    found = {}
    for stage in stages:
        if stage.on_crossbars or stage.port:
            continue
        sent: dict[str, int] = {}
        for source in stage.sources:
            if source.stage is not None and not stages[number[source.stage]].port:
                windows = stages[number[source.stage]].windows
                sent[source.stage] = sent.get(source.stage, 0) + windows * source.values
        if sent:
            found[stage.name] = max(sent, key=lambda name: (sent[name], number[name] if late else -number[name]))
    return found
