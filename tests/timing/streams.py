"""Spliced streams against full simulation on shipped networks.

    python -m tests.timing.streams --images 12 [NET...]

compares all of them from the repository's root; the suite takes the small ones.
"""

from __future__ import annotations

import argparse
from dataclasses import fields, replace

from archsim.config import load_hardware
from archsim.mapper import map_network
from archsim.timing.compile import compile_machine
from archsim.timing.kernel_engine import run_kernel
from archsim.timing.machine import Machine, Stamps
from archsim.timing.stream import Stream, simulate_stream, splice, stream_timing
from archsim.timing.summary import Timing, summarize
from archsim.workload import load_workload, workload_names

SLACK = {"mapping.buffer_slack_rows": 1}
"""Small buffers: what is under way repeats itself sooner."""
OF_THE_STREAM = {"interval_s", "fill_s", "drain_s", "events", "simulated_images"}


def compiled(net: str, hardware: str = "isaac-ce") -> Machine:
    return compile_machine(map_network(load_workload(net), load_hardware(hardware, SLACK)))


def compare(machine: Machine) -> tuple[Stream, list[str]]:
    """The stream of a machine and what differs from its full simulation: stamps by kind, fields of `Timing`."""
    full = run_kernel(machine)
    stream = simulate_stream(machine, run_kernel, is_kernel=True)
    if (full.send < 0).any():
        return stream, [] if (stream.stamps.send < 0).any() else ["the full run deadlocks"]
    stamps = splice(stream, machine.images).differences(full)
    return stream, [*(f"{kind} stamps" for kind in stamps), *differing(machine, stream, full)]


def differing(machine: Machine, stream: Stream, full: Stamps) -> list[str]:
    """Fields of `Timing` that differ, beyond those that only a recurrence defines."""
    one, other = stream_timing(stream, "kernel"), summarize(machine, full, "kernel")
    names = [item.name for item in fields(Timing) if item.name not in OF_THE_STREAM]
    return [name for name in names if getattr(one, name) != getattr(other, name)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nets", nargs="*", default=workload_names())
    parser.add_argument("--images", type=int, default=12)
    options = parser.parse_args()
    failed = False
    for net in options.nets:
        stream, different = compare(replace(compiled(net), images=options.images))
        period = stream.recurrence.images if stream.recurrence else None
        what = ", ".join(different) or "equal"
        print(f"{net}: period {period} images, {stream.short.images} of {options.images} simulated: {what}", flush=True)
        failed |= bool(different)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
