"""Mapping: a network's layers on a chip's crossbars, tiles and chips."""

from archsim.mapping.plan import MappedStage, Plan, map_network

__all__ = ["MappedStage", "Plan", "map_network"]
