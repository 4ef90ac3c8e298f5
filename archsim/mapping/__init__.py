"""Mapping: a network's layers on a chip's crossbars, tiles and chips."""

from archsim.mapping.mapper import map_network
from archsim.mapping.plan import MappedStage, Plan

__all__ = ["MappedStage", "Plan", "map_network"]
