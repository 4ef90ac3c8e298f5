"""The mapper: of the ways to map a network, the one that does best."""

from archsim.mapper.choose import map_network, map_on

__all__ = ["map_network", "map_on"]
