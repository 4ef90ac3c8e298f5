"""What the page of runs says in words and tables."""

from __future__ import annotations

from dataclasses import replace

from archsim.accounting import Programming, energy_by
from archsim.report.comparison import Comparison, side_by_side
from archsim.report.page import tables
from archsim.report.page.runs import lede, run_labels, runs_page, stream_lines, title, unlayered_line
from archsim.report.page.text import shown
from archsim.result import Result, Stream

Runs = tuple[Result, ...]


def cells(table: tables.Table) -> dict[str, list[tuple[str, str | None]]]:
    return {row.name: [(cell.text, cell.beside) for cell in row.cells] for row in table.rows}


def test_title_and_sentences_name_what_is_compared(runs: Runs) -> None:
    found = side_by_side([runs[0], runs[2]])
    assert title(found) == "lenet5-mnist and resnet8-cifar10 on isaac-8bit and puma"
    assert run_labels(found)[1].startswith("B · puma / resnet8-cifar10")
    assert run_labels(side_by_side(runs[:1])) == ["isaac-8bit"]
    times = f"{runs[2].totals.latency_s / runs[0].totals.latency_s:.2f}×"
    assert times in lede(found)[0]


def test_totals_have_their_ratios(pair: Comparison) -> None:
    rows = cells(tables.totals_table(pair, ["a", "b"]))
    latencies = [run.totals.latency_s for run in pair.runs]
    assert rows["latency"] == [(shown(latencies[0], "s"), None), (shown(latencies[1], "s"), "1.00×")]
    area = pair.runs[1].totals.area_m2 / pair.runs[0].totals.area_m2
    assert rows["area"][1][1] == f"{area:.2f}×"
    assert "interval between images" in rows
    single = cells(tables.totals_table(side_by_side(pair.runs[:1]), ["a"]))
    assert single["latency"] == [(shown(latencies[0], "s"), None)]


def test_energy_and_area_tables_end_in_their_sums(runs: Runs) -> None:
    found = side_by_side([runs[0], runs[2]])
    names = list(found.energy_by_component())
    energy = tables.energy_table(found, ["a", "b"], names).rows
    assert [row.name for row in energy] == [*names, "all components"]
    assert [cell.text for cell in energy[-1].cells] == [shown(run.totals.energy_j, "J") for run in found.runs]
    assert cells(tables.energy_table(found, ["a", "b"], names))["imem"] == [
        ("–", None),
        (shown(energy_by(runs[2].actions, "component")["imem"], "J"), ""),
    ]
    assert "mux1" not in cells(tables.area_table(found, ["a", "b"]))
    area = tables.area_table(found, ["a", "b"]).rows[-1]
    assert [cell.text for cell in area.cells] == [shown(run.totals.area_m2, "m2") for run in found.runs]


def test_configurations_are_told_apart(pair: Comparison) -> None:
    assert cells(tables.differs_table(pair, ["a", "b"])) == {"ima.adc.bits": [("8", None), ("5", None)]}
    equal = cells(tables.equal_table(pair))
    assert equal["ima.crossbar.rows"] == [("128", None)]
    assert set(equal) == set(pair.equal)
    setup = cells(tables.setup_table(pair, ["a", "b"]))
    assert setup["set from outside"] == [("–", None), ("ima.adc.bits = 5", None)]
    assert setup["crossbars"][0][0] == "128 × 128, 2-bit cells"
    bare = replace(pair.runs[0], hardware=replace(pair.runs[0].hardware, expanded=None))
    assert cells(tables.setup_table(side_by_side([bare]), ["a"]))["crossbars"] == [("–", None)]


def test_layers_have_a_line_each(runs: Runs) -> None:
    for run in runs:
        table = tables.layer_table(run, "a")
        assert [row.layer for row in table.rows] == [row.name for row in run.layers]
        assert all(len(row.cells) == len(table.heads) - 1 for row in table.rows)
        assert ("SNR" in table.heads) == (run.function is not None)


def test_critical_path_ends_in_what_is_left(runs: Runs) -> None:
    rows = tables.path_table(runs[2], "a").rows
    assert len(rows) == tables.LONGEST_PATH + 1
    assert rows[-1].name == f"{len(runs[2].critical_path) - tables.LONGEST_PATH} shorter parts"


def test_streams_are_told_as_they_are(runs: Runs) -> None:
    assert stream_lines(runs[2], "a") == []
    whole = replace(runs[0], stream=Stream(fill_s=1e-6, interval_s=2e-6, drain_s=3e-6, simulated_images=3))
    (line,) = stream_lines(whole, "a")
    assert line.startswith("a: one image every 2\u202fµs after 1\u202fµs of filling, and 3\u202fµs of draining; 3 of 3")
    other = Stream(fill_s=None, interval_s=2e-6, drain_s=None, simulated_images=8, repeats=False, spread=0.01)
    assert "the mean over the last half" in stream_lines(replace(whole, stream=other), "a")[0]


def test_energy_of_no_layer_is_told(runs: Runs) -> None:
    assert "most of it link" in unlayered_line(runs[0])
    without = tuple(row for row in runs[0].actions if row.layer != "chip")
    assert unlayered_line(replace(runs[0], actions=without)) == ""


def test_long_comparisons_say_less_at_the_head(runs: Runs) -> None:
    few, many = runs_page(side_by_side(runs)), runs_page(side_by_side([*runs, *runs]))
    assert few.count('class="lede"') == 2
    assert many.count('class="lede"') == 0
    assert few.count('class="verdict"') == 3
    assert many.index('class="verdict"') > many.index('id="time"')


def test_sources_are_linked_only_to_the_web(runs: Runs) -> None:
    first = runs[0].citations[0]
    odd = replace(first, key="odd", title="Odd work", doi=None, url="file:///etc/passwd", year=None)  # type: ignore[arg-type]
    page = runs_page(side_by_side([replace(runs[0], citations=(first, odd))]))
    assert f"https://doi.org/{first.doi}" in page
    assert "Odd work" in page
    assert "passwd" not in page
    assert "None" not in page.partition("Works these numbers rest on")[2].partition("</ol>")[0]


def test_programming_is_told(runs: Runs) -> None:
    made = Programming(cells=1000, pulses=10.0, energy_j=1e-6, time_s=1e-3, levels="measured", source="")
    page = runs_page(side_by_side([replace(runs[0], programming=made)]))
    assert "Programming, once: 1,000 cells, 1\u202fµJ, 1\u202fms" in page
