"""Compiled loops of the timing engines. Plain arrays and records in, stamps out."""
