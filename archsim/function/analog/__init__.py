"""The analog engine: real-valued cells, every bit plane through the converter, read noise."""

from archsim.function.analog.engine import analog_engine, programmed_groups

__all__ = ["analog_engine", "programmed_groups"]
