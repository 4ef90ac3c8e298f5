"""Compiled loops of the analog engine: vectors of 16 or 32 columns, counter-based normal noise, table look-up."""
