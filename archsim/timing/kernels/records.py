"""Record types of the event kernel's tables: what it knows and remembers of each stage, lane, edge, resource and
packet."""

from __future__ import annotations

import numpy as np


def _record(*names: str) -> np.dtype[np.void]:
    return np.dtype([(name, np.int64) for name in names], align=True)


STAGE = _record(
    # fixed
    "windows", "total", "replicas", "first_lane", "first_window", "read", "read_period", "input_registers",
    "in_flight", "post_time", "units", "output_registers", "write_time", "write_hold", "output_slots", "crossbar_time",
    "crossbar_period", "in_low", "in_high", "out_low", "out_high", "gather_low", "gather_high",
    # how many leading windows are ready to be read (and that window's place and image), have been read, may be sent
    "ready", "ready_place", "ready_image", "read_leading", "room",
    # first window of the next image that nobody has begun
    "horizon",
)  # fmt: skip
LANE = _record(
    # fixed
    "stage", "lane", "read_resource", "write_resource", "unit",
    # next window of each step, and how many the step has finished
    "read_window", "crossbar_window", "post_window", "work_window", "write_window", "send_window",
    "read_count", "crossbar_count", "work_count", "write_count", "send_count",
    # steps under way (1 or 0), units the work has been granted, packets still at their first hop, whether the lane is
    # in the list of lanes to look at
    "reading", "computing", "working", "writing", "sending", "units_taken", "packets", "listed",
)  # fmt: skip
EDGE = _record(
    # fixed; `need`, `last` and `arrive` are where the edge's entries start; `gathers` says that it leads from a stage
    # to itself
    "source", "target", "capacity", "need", "last", "arrive", "source_windows", "target_windows", "total", "gathers",
    # leading windows that have arrived; leading windows that are done with, and that window's place and image
    "received", "released", "released_place", "released_image",
)  # fmt: skip
RESOURCE = _record("free_at", "busy", "head", "tail", "contested", "woken")
"""A resource is free from `free_at` on. `head` and `tail` end the list of requests; `woken` says that an event will
come when it is free."""
REQUEST = _record("time", "order", "window", "minor", "before", "behind")
"""A waiting request: its place in the total order (request time, stage and kind and lane, window, edge and hop) and
its neighbours in the list."""
PACKET = _record("lane", "edge", "window", "hop", "first_hop", "end_hop")
"""A packet under way: `hop` is the one it holds or asks for; for an unused slot, the next unused one."""
HOP = _record("resource", "hold", "latency")
"""A hop of a route, or (`unit` of a lane onwards) a unit that a lane's windows take; latency is then its time."""
CLOCK = _record(
    "now",
    "heap",
    "listed",
    "listed_first",
    "contested",
    "unused_packet",
    "events",
    "images_begun",
    "stop_at_image",
    "stopped",
    "overflow",
)
"""The clock and the sizes of the lists; one record. `stop_at_image` asks the kernel to return after the tick in which
an image begins."""
