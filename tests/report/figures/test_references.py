from __future__ import annotations

from dataclasses import replace

from archsim.report.figures.grid import table_of
from archsim.report.figures.references import references_of
from archsim.report.figures.sources import Source
from archsim.result import Result


def swept(hardware: str) -> Source:
    row = {"hardware": hardware, "workload": "w", "seed": 0, "images": 1, "error": "", "latency_s": 1.0}
    return Source(folder="sweep", table=table_of("sweep", (), [row]))


def test_works_of_runs_and_sweeps_stand_there_once(run: Result) -> None:
    other = replace(run, citations=tuple(replace(item, used_by=("elsewhere",)) for item in run.citations))
    found = references_of([Source(folder="a", run=run), Source(folder="b", run=other), swept("isaac-8bit")])
    assert found.keys == tuple(item.key for item in run.citations)
    assert found.text.count("@inproceedings{Shafiee2016,") == 1
    assert found.text.count("@software{archsim,") == 1
    assert ", elsewhere\n@inproceedings{Shafiee2016," in found.text
    assert "@misc{network-lenet5-mnist," in found.text


def test_a_hardware_file_that_has_gone_is_named() -> None:
    found = references_of([swept("gone.yaml")])
    assert found.keys == ()
    first, *rest = found.text.splitlines()
    assert first == "% the hardware file gone.yaml of a sweep is not here: its works are missing"
    assert "@software{archsim," in rest
