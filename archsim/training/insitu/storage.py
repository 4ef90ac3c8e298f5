"""What an update rule keeps beyond the layer's cells, for whoever prices memory, traffic and arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from archsim.training.insitu.settings import UpdateSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One kind of state. All numbers are per weight, and per update where they count something.

    Parameters
    ----------
    where : `digital` memory, or another analog `array`.
    size : bytes of digital memory.
    cells : of further arrays.
    reads, writes : of the digital value.
    rereads : reads of it in a second pass, after the layer's maximum is known; a buffer that holds the layer, or the
        maximum of the update before, saves them.
    multiplications, additions : arithmetic on it.
    array_reads : cells of further arrays read (in rows, `WriteCounts.rows_read`).
    """

    name: str
    where: Literal["digital", "array"]
    size: int = 0
    cells: int = 0
    reads: float = 0.0
    writes: float = 0.0
    rereads: float = 0.0
    multiplications: float = 0.0
    additions: float = 0.0
    array_reads: float = 0.0


def kept(settings: UpdateSettings) -> tuple[Kept, ...]:
    """State of a rule with these settings; empty for `sgd`. Pulses are counted by updates, not here."""
    size = 1 if settings.digital == "int8" else 4
    match settings.rule:
        case "momentum" | "momentum_rising" | "momentum_v21":
            return (
                Kept(
                    name="velocity",
                    where="digital",
                    size=size,
                    reads=1,
                    writes=1,
                    rereads=1,
                    multiplications=2,
                    additions=1,
                ),
            )
        case "accumulate" | "mixed_precision":
            return (
                Kept(name="residual", where="digital", size=size, reads=1, writes=1, multiplications=1, additions=1),
            )
        case "tiki_taka":
            share = 1 / settings.transfer_updates
            return (
                Kept(name="fast", where="array", cells=1, array_reads=share),
                Kept(
                    name="hidden",
                    where="digital",
                    size=2,
                    reads=share,
                    writes=share,
                    multiplications=share,
                    additions=share,
                ),
            )
        case _:
            return ()
