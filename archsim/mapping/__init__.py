"""Mapping: the ways to lay a network's layers on a chip's crossbars, tiles and chips."""

from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.proposals import Proposal, Proposals

__all__ = ["MappedStage", "Plan", "Proposal", "Proposals"]
