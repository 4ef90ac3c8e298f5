"""Tables and charts of the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from archsim.studies.charts import Chart, Series
from archsim.studies.claims import Claim, Table
from archsim.studies.weinstock2023.judge import label
from archsim.studies.weinstock2023.layers import LayerRow
from archsim.studies.weinstock2023.nets import Net
from archsim.studies.weinstock2023.orders import OrderRow
from archsim.studies.weinstock2023.plan import LOSSES
from archsim.studies.weinstock2023.shared import SharedRow
from archsim.training import OutputTrial


def shown_table(claims: Sequence[Claim]) -> Table:
    """Figures that are not held to their bands."""
    rows = [{"id": item.id, "paper": item.paper, "measured": item.measured, "note": item.note} for item in claims]
    columns = (("id", "figure", ""), ("paper", "paper", ".2f"), ("measured", "measured", ".2f"))
    return Table(title="figures of short trainings, not held to bands", rows=tuple(rows), columns=columns)


def search_table(trials: Mapping[str, Sequence[OutputTrial]]) -> Table:
    """The output scale's search."""
    rows = [{"loss": LOSSES[loss], **asdict(trial)} for loss, found in trials.items() for trial in found]
    columns = (("loss", "loss", ""), ("shift", "scale 2^-k, k", "d"), ("accuracy", "held-out accuracy", ".1%"))
    return Table(
        title="output scale: short trainings, judged on held-out training digits", rows=tuple(rows), columns=columns
    )


def nets_table(nets: Sequence[Net], rows: Sequence[SharedRow]) -> Table:
    """Every network: accuracy and distinct rows."""
    distinct = {(row.net, row.seed): row.rows for row in rows if row.stored == "renamed, exact"}
    found = [
        {
            "net": label(net),
            "seed": net.seed,
            "shift": net.shift,
            "accuracy": net.accuracy,
            "distinct": distinct[label(net), net.seed],
            "live": int((net.train.mean(axis=0) > 0).sum()),
            "positive": float((net.signs > 0).mean()),
        }
        for net in nets
    ]
    columns = (
        ("net", "training", ""), ("seed", "seed", "d"), ("shift", "k", "d"), ("accuracy", "accuracy", ".2%"),
        ("distinct", "distinct rows of 84", "d"), ("live", "live inputs", "d"), ("positive", "share of +1", ".2f"),
    )  # fmt: skip
    return Table(title="networks of 1-bit weights and 2-bit activations", rows=tuple(found), columns=columns)


def shared_table(rows: Sequence[SharedRow]) -> Table:
    """Ways of storing the last layer."""
    columns = (
        ("net", "training", ""), ("seed", "seed", "d"), ("stored", "stored", ""), ("rows", "rows", "d"),
        ("accuracy", "accuracy", ".2%"), ("conflicts", "conflicts", ".1f"), ("openings", "openings", ".2f"),
        ("additions", "additions", ".1f"), ("added_bits", "bits", "d"), ("table_bits", "table bits", "d"),
        ("area_saved", "area saved", ".1%"), ("area_saved_with_table", "with table", ".1%"),
    )  # fmt: skip
    return Table(title="rows of the 84 x 10 layer", rows=tuple(row.to_dict() for row in rows), columns=columns)


def order_table(rows: Sequence[OrderRow]) -> Table:
    """Row orders under noise."""
    columns = (
        ("policy", "opening", ""), ("law", "noise", ""), ("seed", "seed", "d"), ("sigma", "sigma", ".2f"),
        ("clean", "no noise", ".2%"), ("median", "median order", ".2%"), ("orders_spread", "sd orders", ".2%"),
        ("draws_spread", "sd draws", ".2%"), ("by_activity", "by activity", ".2%"),
        ("reordered", "reordered", ".2%"), ("gain", "gain", "+.2f"), ("openings_dense", "openings dense", ".1f"),
        ("openings_random", "random", ".1f"), ("openings_reordered", "reordered", ".1f"),
    )  # fmt: skip
    return Table(
        title="row order of the 84 x 10 layer under noise", rows=tuple(row.to_dict() for row in rows), columns=columns
    )


def layer_table(rows: Sequence[LayerRow]) -> Table:
    """Both passes on every layer."""
    columns = (
        ("network", "network", ""), ("layer", "layer", ""), ("rows", "rows", "d"), ("columns", "columns", "d"),
        ("distinct", "distinct", "d"), ("complement", "with complements", "d"),
        ("disagreement", "weights changed at 55 % of rows", ".1%"), ("as_it_stands", "error as it stands", ".2f"),
        ("reordered", "reordered", ".2f"),
    )  # fmt: skip
    title = "both passes on all layers (256-row arrays; errors over the median of random orders)"
    return Table(title=title, rows=tuple(row.to_dict() for row in rows), columns=columns)


def rows_chart(rows: Sequence[SharedRow]) -> Chart:
    """Accuracy against rows stored."""
    series = []
    for name in dict.fromkeys(row.net for row in rows):
        chosen = [row for row in rows if row.net == name]
        kept = sorted({(row.rows, row.accuracy) for row in chosen})
        series.append(Series(name=name, x=[x for x, _ in kept], y=[100 * y for _, y in kept], joined=False))
    return Chart(
        name="rows",
        title="Last layer: accuracy against rows stored",
        x="rows of 84",
        y="accuracy [%]",
        series=tuple(series),
    )


def order_chart(rows: Sequence[OrderRow]) -> Chart:
    """Gain of the order found in each case, seed by seed, with the spread of random orders."""
    cases = list(dict.fromkeys((row.policy, row.law) for row in rows))
    series = []
    for policy, law in cases:
        chosen = [row for row in rows if (row.policy, row.law) == (policy, law)]
        gains = np.array([row.gain for row in chosen])
        spread = np.array([100 * row.orders_spread for row in chosen])
        series.append(
            Series(
                name=f"{policy}, {law}",
                x=[row.seed for row in chosen],
                y=gains.tolist(),
                low=(gains - spread).tolist(),
                high=(gains + spread).tolist(),
                joined=False,
            )
        )
    return Chart(
        name="orders", title="Row order: points over the median of random orders", x="seed", y="gain [points]",
        series=tuple(series),
    )  # fmt: skip
