"""Which of the proposals is taken, and with how much slack in its buffers.

Each proposal has a bound that it cannot beat: at first the time of its crossbars, then, once it is laid out, that of
its busiest resource. Proposals are looked at in the order of their bounds and timed as long as the next bound leaves
anything to win (branch and bound; Land and Doig, Econometrica 28, 1960). As long as timings last the one taken is
within `TOLERANCE` of the best of all, mostly after one or two: a design that is limited by its crossbars shows it at
once. Where `_Search.effort` runs out, it is the best of those timed.

Where the first row of slack does not do, layouts are timed with the most, then the best of them with less, then all
that may still be better with less. The least slack that is as good is taken.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import replace
from math import inf

from archsim.components import Chip, build_chip
from archsim.config import Hardware
from archsim.errors import InputError
from archsim.keeping import Keep
from archsim.mapper.judge import OBJECTIVES, bound_ps
from archsim.mapping.load import mean_link_ps, network_load
from archsim.mapping.plan import Plan
from archsim.mapping.proposals import Proposal, Proposals
from archsim.mapping.rows.plan import RowPlan
from archsim.mapping.view import mapping_view
from archsim.workload.graph import Graph

TOLERANCE = 0.015
"""What a proposal may be worse than the best of all: less is not worth a timing."""
ENOUGH = 0.01
"""What less slack may cost."""
SLACK_ROWS = (1, 2, 4, 8, 16)
"""What `mapping.buffer_slack_rows: auto` chooses from; more is not always better, as it changes who meets whom."""
INSIDE = (4, 2, 8)
LEAST_TIMINGS, MOST_TIMINGS, TIMED_WINDOWS = 8, 40, 80_000
"""How many timings a choice may take: of small networks as many as have so many windows in all."""


def map_network(
    graph: Graph, hardware: Hardware, rows: Mapping[str, RowPlan] | None = None, *, reuse: Keep | None = None
) -> Plan:
    """Map a network on a chip: the proposal that does best by `mapping.objective`.

    Parameters
    ----------
    rows : by layer name, where its rows stand and which share a place (`archsim.mapping.rows`); others stand in the
        order of the unrolled inputs.
    reuse : keeps the mapping for chips that differ in nothing that mapping and the choice read
        (`archsim.simulation.Reuse`); the plan is the same with and without.

    Raises `InputError` when the network does not fit and the hardware file says so (`overflow`, `buffer_overflow`), and
    for row plans that do not fit their layers.
    """
    chip = build_chip(hardware)
    if reuse is None:
        return map_on(graph, chip, rows)
    # made from nothing but what it is kept by
    view, bare = mapping_view(chip), graph.with_parameters({}, "none")
    found = reuse("mapping", (view, bare, rows), lambda: map_on(bare, view, rows))
    return replace(found, graph=graph, chip=chip)


def map_on(graph: Graph, chip: Chip, rows: Mapping[str, RowPlan] | None = None) -> Plan:
    """The same on a chip as built, such as one whose arrays are read in the other direction
    (`archsim.components.training`)."""
    search = _Search(Proposals(graph, chip, rows))
    fixed = chip.buffer_slack_rows
    if search.effort == 0:
        return search.plan(search.unjudged(), SLACK_ROWS[0] if fixed is None else fixed)
    if fixed is not None:
        search.look(fixed, search.effort)
        return search.plan(*search.chosen())
    search.look(SLACK_ROWS[0], 1)
    if not search.settled():
        search.look(SLACK_ROWS[-1], search.effort - len(SLACK_ROWS))
        best = search.chosen()[0]
        for slack in INSIDE[: max(0, search.effort - len(search.values))]:
            search.value(best, slack)
        for slack in (*INSIDE, SLACK_ROWS[0]):
            search.look(slack, search.effort)
    return search.plan(*search.chosen())


class _Search:
    """Bounds and timings of proposals, each worked out once."""

    def __init__(self, proposals: Proposals) -> None:
        self.proposals = proposals
        self.plan = proposals.plan
        self.judge = OBJECTIVES[proposals.chip.objective]
        self.values: dict[tuple[Proposal, int], float] = {}
        self.loads: dict[Proposal, tuple[float, float]] = {}
        self.bounds: dict[Proposal, float] = {}
        windows = sum(stage.windows for stage in proposals.stages)
        usual = min(MOST_TIMINGS, max(LEAST_TIMINGS, TIMED_WINDOWS // windows))
        self.effort = usual if proposals.chip.timings is None else proposals.chip.timings

    def load(self, proposal: Proposal) -> tuple[float, float]:
        """Load of the busiest link or port, and mean load of the links, of a proposal that is laid out."""
        if proposal not in self.loads:
            load = network_load(self.proposals.laid(proposal))
            self.loads[proposal] = float(load.busiest_ps()), mean_link_ps(load)
        return self.loads[proposal]

    def bound(self, proposal: Proposal) -> float:
        """What a proposal cannot be below, as far as it is known."""
        busiest = self.loads.get(proposal, (0.0, 0.0))[0]
        return max(float(proposal.work_ps), busiest, self.bounds.get(proposal, 0.0))

    def sharpen(self, proposal: Proposal) -> bool:
        """Learn more of a proposal's bound: of its network, then of the whole machine. Whether there was more."""
        if proposal not in self.loads:
            self.load(proposal)
        elif proposal not in self.bounds:
            self.bounds[proposal] = bound_ps(self.proposals.laid(proposal))
        else:
            return False
        return True

    def value(self, proposal: Proposal, slack: int) -> float:
        """What a proposal is worth with so much slack."""
        if (proposal, slack) not in self.values:
            best = min(self.values.values(), default=inf)
            try:
                self.values[proposal, slack] = self.judge(self.plan(proposal, slack), best, self.bound(proposal))
            except InputError:  # its buffers fit nowhere; another's may
                self.values[proposal, slack] = inf
        return self.values[proposal, slack]

    def look(self, slack: int, most: int) -> None:
        """Time proposals with so much slack as long as one may be better than all so far, and at most so many timings
        are done in all."""
        order = {proposal: number for number, proposal in enumerate(self.proposals.all)}
        widest = min(proposal.work_ps for proposal in order)
        for proposal in order:
            if proposal.work_ps == widest:
                self.load(proposal)

        def entry(proposal: Proposal) -> tuple[float, int, Proposal]:
            # of equal bounds, less traffic first
            return self.bound(proposal) + self.loads.get(proposal, (0.0, 0.0))[1], order[proposal], proposal

        queue = [entry(proposal) for proposal in order if (proposal, slack) not in self.values]
        heapq.heapify(queue)
        while queue and len(self.values) < most:
            _, _, proposal = heapq.heappop(queue)
            if self.bound(proposal) * (1 + TOLERANCE) >= min(self.values.values(), default=inf):
                continue
            if self.sharpen(proposal):
                heapq.heappush(queue, entry(proposal))
            else:
                self.value(proposal, slack)

    def unjudged(self) -> Proposal:
        """The proposal of least bound and traffic of those whose crossbars are fastest."""
        widest = min(proposal.work_ps for proposal in self.proposals.all)
        fastest = [proposal for proposal in self.proposals.all if proposal.work_ps == widest]
        return min(fastest, key=lambda one: max(self.load(one)[0], float(one.work_ps)) + self.load(one)[1])

    def settled(self) -> bool:
        """Whether no proposal can be better by more than the tolerance than the best so far."""
        least = min(self.bound(proposal) for proposal in self.proposals.all)
        return min(self.values.values()) <= least * (1 + TOLERANCE)

    def chosen(self) -> tuple[Proposal, int]:
        """Of all that are as good as the best, the one with the least slack, and of those the best."""
        limit = min(self.values.values()) * (1 + ENOUGH)
        good = [
            (slack, value, place) for place, ((_, slack), value) in enumerate(self.values.items()) if value <= limit
        ]
        return list(self.values)[min(good)[2]]
