"""Compiled loops of the bit-plane engine: plain arrays in, plain arrays out."""
