"""The verb train-cost: what a batch of in-situ training takes."""

from __future__ import annotations

import click

from archsim.cli.group import cli
from archsim.cli.options import json_option, overrides, set_option, wide_option


@cli.command("train-cost")
@click.argument("hw")
@click.argument("net")
@click.option("--dataflow", metavar="NAME", help="Short for --set training.dataflow.name=NAME: optimised, naive, ...")
@click.option(
    "--rule", metavar="NAME", help="Short for --set training.update.rule=NAME: sgd, momentum, accumulate, ..."
)
@click.option("--batch", type=click.IntRange(min=1), help="Short for --set training.batch=BATCH: images of an update.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "simpy", "kernel"]),
    default="kernel",
    show_default=True,
    help="Timing engine.",
)
@set_option
@wide_option
@json_option
def train_cost(
    hw: str,
    net: str,
    dataflow: str | None,
    rule: str | None,
    batch: int | None,
    engine: str,
    settings: tuple[str, ...],
    wide: bool,
    as_json: bool,
) -> None:
    """Cost of training a network in situ, by phase: time, energy, storage. HW needs a training block (insitu-32nm)."""
    from archsim.compiling import announced
    from archsim.config import load_hardware
    from archsim.training.costs import Clock, training_cost
    from archsim.workload import load_workload

    short = {"training.dataflow.name": dataflow, "training.update.rule": rule, "training.batch": batch}
    changes = {path: value for path, value in short.items() if value is not None} | overrides(settings)
    hardware = load_hardware(hw, changes)
    with announced(lambda: click.echo("compiling the timing kernels, once", err=True)):
        cost = training_cost(load_workload(net), hardware, clock=Clock(engine))
    if as_json:
        click.echo(cost.to_json(), nl=False)
    else:
        from archsim.report.tables import console
        from archsim.report.trainingcost import cost_report

        console(wide=wide).print(cost_report(cost))
