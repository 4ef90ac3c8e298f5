"""Compiled loops of in-situ updates: plain arrays in and out, no state; each has a NumPy oracle in the tests.

A layer's weights are a contiguous matrix, cell c being number c in row-major order. Random numbers are counted, not
drawn one after the other: cell c takes number c of the streams of its update, so that no result depends on threads or
on how rows are shared out. A row goes through two stages in a buffer of pulses: a rule asks for pulses (`requests`),
the device answers (`writes`); `updates` joins them. Positive pulses potentiate.
"""
