"""Row passes over the layers of a quantized network, as a chip stores and drives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.config.suggest import did_you_mean
from archsim.errors import InputError, Problem
from archsim.function.crossbars.encodings import RowGroup, encode, row_groups
from archsim.function.crossbars.openings.engine import conversion_noise
from archsim.function.crossbars.select import Machine
from archsim.function.inference.evaluate import ranges_of
from archsim.function.precision.offline import network_pictures, plan_settings, quantized_for
from archsim.function.quantization.network import MatrixLayer, QuantizedNetwork
from archsim.function.rows.file import RowFile
from archsim.function.rows.inputs import layer_inputs
from archsim.mapping.plan import Plan
from archsim.mapping.rows import Openings, RowPlan, bit_planes, expected_errors, identity, rename, reorder
from archsim.mapping.rows.plan import NOT_STORED
from archsim.workload import Dataset, Graph, workload_hash

Array = NDArray[Any]
Progress = Callable[[int, int], None]

PASSES = ("rename", "complement", "dead", "reorder")
"""`rename`: equal rows share a place; `complement`: a row and its negative too; `dead`: rows whose inputs were 0 on all
pictures are not stored; `reorder`: rows that are active together stand together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRequest:
    """Passes to make, for all layers of one convolution group or for those named; `evaluations` and `seed` are of the
    order search."""

    passes: tuple[str, ...] = ("rename",)
    layers: tuple[str, ...] = ()
    evaluations: int = 4000
    seed: int = 0


def row_file(plan: Plan, graph: Graph, data: Dataset, request: RowRequest, progress: Progress | None = None) -> RowFile:
    """Row plans of a plan's network (with weights), found on pictures and kept with what they depend on.

    Raises
    ------
    InputError
        As `plan_rows`, and for a network without weights.
    """
    if graph.weights == "none":
        raise InputError("has no weights; expected an ONNX file", f"workload {graph.name}")
    network = quantized_for(plan, graph, ranges_of(graph, data), data)
    plans = plan_rows(network, Machine.of(plan), network_pictures(network, data), request, progress)
    settings = {**plan_settings(plan), "passes": list(request.passes), "data": data.name, "pictures": len(data)}
    return RowFile(workload=graph.name, network=workload_hash(graph), settings=settings, plans=plans)


def plan_rows(
    network: QuantizedNetwork,
    machine: Machine,
    pictures: Array,
    request: RowRequest,
    progress: Progress | None = None,
) -> Mapping[str, RowPlan]:
    """Row plans by layer name, of the layers in which anything changes.

    Raises
    ------
    InputError
        Passes or layers that do not exist, or an order for a machine on which it changes nothing.
    """
    _check(network, machine, request)
    names = request.layers or [layer.name for layer in network.matrices if layer.geometry.groups == 1]
    layers = [layer for layer in network.matrices if layer.name in names]
    driven = layer_inputs(network, pictures, layers)
    found = {}
    for done, layer in enumerate(layers, start=1):
        found[layer.name] = _plan(layer, driven[layer.name], machine, request)
        if progress is not None:
            progress(done, len(layers))
    return {name: plan for name, plan in found.items() if not _is_identity(plan)}


def _plan(layer: MatrixLayer, inputs: Array, machine: Machine, request: RowRequest) -> RowPlan:
    weight, passes = layer.weight[0], request.passes
    plan = identity(weight).plan
    if set(passes) - {"reorder"}:
        dead = inputs.max(axis=0, initial=0) == 0 if "dead" in passes else None
        plan = rename(weight, complement="complement" in passes, dead=dead).plan
    return _ordered(layer, plan, inputs, machine, request) if "reorder" in passes else plan


def _ordered(layer: MatrixLayer, plan: RowPlan, inputs: Array, machine: Machine, request: RowRequest) -> RowPlan:
    """The plan with the rows of each array in the order that costs least; rows stay in their array."""
    planes = _driven_planes(plan, bit_planes(inputs, machine.slicing.input_bits))
    parts = []
    for group in row_groups(layer, machine.slicing, plan):
        place = slice(group.start, group.stop)
        found = reorder(
            planes[:, :, place],
            _lines(group, machine),
            openings_of(machine),
            evaluations=request.evaluations,
            seed=request.seed,
        )
        parts.append(group.start + found.order)
    return replace(plan, order=np.concatenate(parts))


def _driven_planes(plan: RowPlan, planes: Array) -> Array:
    """Planes [bits, windows, logical rows] as they drive physical rows, by physical index: a shared one is active where
    any of its rows is."""
    found = np.zeros((*planes.shape[:2], plan.physical_rows), np.uint8)
    for row in np.flatnonzero(plan.physical != NOT_STORED):
        found[:, :, plan.physical[row]] |= planes[:, :, row]
    return found


def _lines(group: RowGroup, machine: Machine) -> NDArray[np.uint8]:
    """Cell levels [rows, converted columns] of a row group."""
    encoded = encode(group.weight, machine.slicing, ends=group.ends)
    lines = encoded.cells.transpose(1, 0, 2).reshape(len(group.weight), -1)
    return np.ascontiguousarray(np.concatenate([lines, encoded.unit_cells], axis=1) if encoded.analog_unit else lines)


def openings_of(machine: Machine) -> Openings:
    """How the machine opens rows and what a conversion errs by under its read noise. Without noise an opening counts 1
    beside what converters clip, so that fewer windows are opened."""
    rows, top = machine.slicing.opened_rows, 2**machine.transfer.bits - 1
    noise = conversion_noise(machine.noise_law, machine.read_noise, rows).astype(np.float64)
    errors = expected_errors(rows, machine.slicing.largest_sum, top, noise)
    return Openings(rows_at_once=rows, errors=errors, opening=0.0 if machine.read_noise else 1.0)


def _is_identity(plan: RowPlan) -> bool:
    every = np.arange(plan.logical_rows)
    return np.array_equal(plan.physical, every) and np.array_equal(plan.order, every) and bool((plan.sign == 1).all())


def _check(network: QuantizedNetwork, machine: Machine, request: RowRequest) -> None:
    problems = [
        Problem(f"--pass {name}", f"is unknown; expected {' | '.join(PASSES)}{did_you_mean(name, PASSES)}")
        for name in request.passes
        if name not in PASSES
    ]
    known = {layer.name: layer for layer in network.matrices}
    for name in request.layers:
        if name not in known:
            problems.append(Problem(f"--layer {name}", f"is no layer on crossbars{did_you_mean(name, list(known))}"))
        elif known[name].geometry.groups > 1:
            groups = known[name].geometry.groups
            problems.append(Problem(f"--layer {name}", f"has {groups} convolution groups; expected a layer of one"))
    if "reorder" in request.passes:
        problems += _order_problems(network, machine)
    if problems:
        raise InputError(problems)


def _order_problems(network: QuantizedNetwork, machine: Machine) -> list[Problem]:
    """Why an order of rows cannot be searched for."""
    slicing, where = machine.slicing, "--pass reorder"
    if not slicing.windowed or slicing.activation == "compacting":
        what = "changes nothing where rows are not opened in windows of neighbours; expected a chip with "
        return [Problem(where, f"{what}ima.crossbar.row_activation (policy windowed, or dense and a noise law)")]
    problems = []
    if slicing.dac_bits != 1:
        problems.append(Problem(where, f"expects ima.dac.bits: 1, and this chip has {slicing.dac_bits}"))
    if any(layer.levels is not None for layer in network.matrices):
        problems.append(Problem(where, "expects cells of whole levels, and this chip has weight_levels"))
    return problems
