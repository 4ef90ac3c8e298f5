"""The analog engine: real-valued cells, every digit through the converter, read noise."""

from archsim.function.crossbars.analog.engine import analog_engine

__all__ = ["analog_engine"]
