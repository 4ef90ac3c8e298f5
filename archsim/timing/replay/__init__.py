"""A finished run played once more through its shared resources: who held what, from when on, after whom."""

from archsim.timing.replay.holds import Holds, replay
from archsim.timing.replay.requests import Requests, requests_of

__all__ = ["Holds", "Requests", "replay", "requests_of"]
