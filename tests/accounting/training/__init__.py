"""Counts of training."""
