"""Weinstock, Tan, Li and Yu (ORSS 2023): integer training, row rename and row reorder for a 40 nm RRAM chip.

Of the paper its abstract is known: LeNet-5 of 1-bit weights and 2-bit activations reaches 96.66 % on MNIST, the area of
the last fully connected layer falls by 45.24 % (38 of its 84 rows), noise of the last layer costs 5.6 % less accuracy.
The algorithms, the number of rows opened at once (7) and the converter (3 bits) are reconstructions. What the study
shows beside the figures: ordinary training leaves nearly all rows distinct, so something must make them alike (here a
penalty on the sum of the last layer's signs, whose strength is a fit); and an order of rows helps where every opening
of a window costs noise of its own, and only there.
"""

from __future__ import annotations

from archsim.studies.claims import Findings
from archsim.studies.request import Request
from archsim.studies.weinstock2023.judge import (
    accuracy_claims,
    exact_claims,
    label,
    noiseless_claims,
    order_claims,
    rows_claims,
)
from archsim.studies.weinstock2023.layers import layer_rows
from archsim.studies.weinstock2023.machine import HARDWARE
from archsim.studies.weinstock2023.nets import trained_nets
from archsim.studies.weinstock2023.orders import noiseless, order_rows
from archsim.studies.weinstock2023.plan import FULL, QUICK
from archsim.studies.weinstock2023.shared import shared_rows
from archsim.studies.weinstock2023.tables import (
    layer_table,
    nets_table,
    order_chart,
    order_table,
    rows_chart,
    search_table,
    shared_table,
    shown_table,
)

__all__ = ["study"]


def study(request: Request) -> Findings:
    """Trains every network it judges; shipped digits only."""
    plan = QUICK if request.quick else FULL
    nets, trials = trained_nets(plan, request)
    shared = [row for net in nets for row in shared_rows(net, label(net))]
    plain = [net for net in nets if net.loss == "cross_entropy" and not net.strength]
    orders = []
    for net in plain:
        request.told(f"row orders, seed {net.seed}")
        orders += list(order_rows(net, plan))
    still = [noiseless(net, [row.search.order for row in orders if row.seed == net.seed]) for net in plain]
    request.told("both passes on all layers")
    layers = list(layer_rows(plain[0], plan))
    claims = [*exact_claims(nets), *noiseless_claims(still)]
    notes = [
        f"areas and look-up energies from {HARDWARE}: cells, row drivers, and input registers for the table",
        "ResNet-8's signs are those of its shipped weights, untrained: a mapping exercise without accuracy",
    ]
    judged = [*accuracy_claims(nets), *rows_claims(nets, shared), *order_claims(orders)]
    if request.quick:
        notes.append("quick form: short trainings on few digits; accuracies and gains are shown, and not held to bands")
    claims += [] if request.quick else judged
    return Findings(
        claims=tuple(claims),
        tables=(
            *([shown_table(judged)] if request.quick else []),
            search_table(trials),
            nets_table(nets, shared),
            shared_table(shared),
            order_table(orders),
            layer_table(layers),
        ),
        charts=(rows_chart(shared), order_chart(orders)),
        notes=tuple(notes),
    )
