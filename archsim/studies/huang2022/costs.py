"""What training the full VGG-8 costs: counts, efficiency, data flows and momentum, under three sets of constants.

Efficiency depends on converters before anything else, so every figure is given for each set; the paper's figures stand
beside them. No constant was chosen to meet one. The bands of the claims are those of an independent count of the same
reconstruction, made before this code; of its naive variants, b moves what DNN+NeuroSim V2.1's off-chip memory was seen
to move and is the reference.
"""

from __future__ import annotations

from archsim.studies.charts import Chart, Series
from archsim.studies.claims import Claim, Findings
from archsim.studies.huang2022.bench import REFERENCE, SETS, Bench
from archsim.studies.huang2022.costtables import (
    beside_table,
    phase_table,
    rule_table,
    savings,
    savings_table,
    sensitivity_table,
    storage_table,
    variant_table,
)
from archsim.studies.request import Request

MOMENTUM_24: dict[str, object] = {"training.update.gradient_read": "true"}
"""An 8-bit velocity read and written, and the batch's 8-bit gradient read: 24 bits a weight."""
MOMENTUM_16: dict[str, object] = {"training.update.state_bits": 16}
BATCHES = (100, 200, 400, 800)

COUNTS = {
    "macs": (615_917_568, "products of a forward pass"),
    "weights": (12_973_440, "weights"),
    "ops": (3_688_427_520, "operations of training on one image"),
    "forward-conversions": (39_322_240, "conversions of the forward phase, an image"),
    "error-conversions": (38_281_216, "conversions of the error phase, an image"),
    "gradient-conversions": (61_826_924_544, "conversions of the gradient phase, a batch of 200, images stacked"),
    "gradient-conversions-unstacked": (190_906_368_000, "the same, each image by itself"),
    "layer-inputs": (290_816 * 8, "bits of layer inputs written off the chip, an image"),
}
EFFICIENCY = {"saberi": 9.0, "published-adc": 19.0, "neurosim-implied": 24.0}
RATIO = {"saberi": (4.5, 7.0), "published-adc": (7.0, 12.0), "neurosim-implied": (8.0, 15.0)}
MOMENTUM = {"saberi": (0.01, 0.02), "published-adc": (0.02, 0.04), "neurosim-implied": (0.025, 0.045)}


def findings(request: Request) -> Findings:
    """The part of the study; the quick form leaves out the sensitivity of the reference and the rules' table."""
    bench = Bench()
    request.told("training cost of VGG-8, three sets of constants")
    claims = [*count_claims(bench)]
    for constants in SETS:
        claims += set_claims(bench, constants)
    tables = [
        beside_table(bench, MOMENTUM_24, MOMENTUM_16),
        variant_table(bench),
        savings_table(bench),
        phase_table(bench),
        storage_table(bench),
    ]
    if not request.quick:
        request.told("sensitivity of the training cost")
        tables += [sensitivity_table(bench), rule_table(bench)]
    notes = (
        "training cost: naive and optimised data flow are reconstructions; the paper says neither what they move nor "
        "which converters it has",
        "training cost: constant set neurosim-implied comes from the authors' own tool, so that it lands near their "
        "figure is no independent evidence",
        "the accuracy of the full VGG-8 is not computed here; training it in situ takes hours",
    )
    return Findings(claims=tuple(claims), tables=tuple(tables), charts=(batch_chart(bench),), notes=notes)


def count_claims(bench: Bench) -> list[Claim]:
    """Exact whole numbers: what is counted does not depend on constants."""
    cost = bench.cost(REFERENCE)
    alone = bench.cost(REFERENCE, {"training.dataflow.stack_images": "false"})
    batch = cost.batch
    measured = {
        "macs": cost.phases[0].macs / batch,
        "weights": cost.weights,
        "ops": cost.ops / batch,
        "forward-conversions": cost.count("forward", "adc", "convert") / batch,
        "error-conversions": cost.count("error", "transposed_adc", "convert") / batch,
        "gradient-conversions": cost.count("gradient", "gradient_adc", "convert"),
        "gradient-conversions-unstacked": alone.count("gradient", "gradient_adc", "convert"),
        "layer-inputs": cost.count("forward", "dram", "bit") / batch,
    }
    return [
        Claim(
            id=f"count-{name}",
            paper=None,
            measured=measured[name],
            low=expected,
            high=expected,
            status="derived",
            note=f"{words}, exact",
        )
        for name, (expected, words) in COUNTS.items()
    ]


def set_claims(bench: Bench, constants: str) -> list[Claim]:
    """Efficiency, gain of the data flow, share of momentum, and its fall with the batch."""
    about = EFFICIENCY[constants]
    low, high = RATIO[constants]
    least, most = MOMENTUM[constants]
    shares = [bench.cost(constants, {"training.batch": batch}).rule_share * batch for batch in BATCHES]
    steps = savings(bench, constants)

    def claim(name: str, measured: float, bounds: tuple[float, float], note: str) -> Claim:
        return Claim(
            id=f"{name}-{constants}",
            paper=None,
            measured=measured,
            low=bounds[0],
            high=bounds[1],
            status="inferred",
            note=f"{constants}: {note}",
        )

    return [
        claim(
            "efficiency",
            bench.cost(constants).ops_per_j / 1e12,
            (0.75 * about, 1.25 * about),
            f"training efficiency [TOPS/W], about {about:g}",
        ),
        claim("dataflow", bench.ratio(constants, "naive_b"), (low, high), "energy of naive_b over optimised"),
        claim(
            "momentum",
            bench.cost(constants, MOMENTUM_24).rule_share,
            (least, most),
            "share of momentum in the energy, 24 bits of traffic a weight and batch",
        ),
        claim(
            "momentum-batch",
            max(shares) / min(shares) - 1,
            (0.0, 0.15),
            "how much (share of momentum x batch) varies for batches of 100 to 800",
        ),
        claim(
            "steps",
            min(step.saved_j for step in steps) * 1e6,
            (1e-9, float(sum(step.saved_j for step in steps)) * 1e6),
            "least energy [uJ an image] that one step from naive_c to optimised saves",
        ),
    ]


def batch_chart(bench: Bench) -> Chart:
    """Share of momentum against the batch."""
    series = tuple(
        Series(
            name=constants,
            x=tuple(float(batch) for batch in BATCHES),
            y=tuple(bench.cost(constants, {"training.batch": batch}).rule_share for batch in BATCHES),
            joined=True,
        )
        for constants in SETS
    )
    return Chart(
        name="momentum-batch",
        title="Share of momentum in the training energy of VGG-8",
        x="images in a batch",
        y="share of energy",
        series=series,
        log_x=True,
        log_y=True,
    )
