"""What rules keep: sizes by type, traffic by period."""

from __future__ import annotations

import pytest

from archsim.training.insitu import UpdateSettings, kept
from archsim.training.insitu.settings import RULE_NAMES


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_every_rule_declares_what_it_keeps(rule: str) -> None:
    parts = kept(UpdateSettings(rule=rule))
    assert (parts == ()) == (rule == "sgd")
    for part in parts:
        assert (part.size > 0) == (part.where == "digital") == (part.cells == 0)
        assert (part.where == "array") or part.reads == part.writes > 0


def test_traffic_of_momentum_and_of_a_transfer() -> None:
    (velocity,) = kept(UpdateSettings(rule="momentum", digital="int8"))
    assert (velocity.size, velocity.reads, velocity.writes) == (1, 1, 1)  # 16 bits a weight and update
    fast, hidden = kept(UpdateSettings(rule="tiki_taka", transfer_updates=5))
    assert (fast.cells, fast.array_reads) == (1, 0.2)
    assert (hidden.size, hidden.reads, hidden.writes) == (2, 0.2, 0.2)
