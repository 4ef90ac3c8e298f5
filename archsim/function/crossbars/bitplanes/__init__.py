"""The bit-plane engine: every input digit of every bit slice through the converter, by AND and popcount."""

from archsim.function.crossbars.bitplanes.engine import bitplane_engine

__all__ = ["bitplane_engine"]
