"""The command group that all verbs join."""

from __future__ import annotations

import click

from archsim import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="archsim")
def cli() -> None:
    """Cycle-level simulation of ISAAC-style analog in-memory CNN accelerators.

    HW and NET are shipped names (`archsim list`) or paths of YAML and ONNX files.
    """
