"""Pages as a reader meets them: in a real browser, without a network, on a desk, on a phone and on paper."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import fsum
from pathlib import Path

import pytest

from archsim.accounting import energy_by
from archsim.report.page.runs import common_axes
from archsim.report.page.text import axis_unit, shown
from archsim.result import Result
from archsim.sweeps import Sweep
from tests.report.page.conftest import Visit
from tests.report.page.hostile import HOSTILE

Open = Callable[..., Visit]
DRAWN = "() => [...document.querySelectorAll('[data-chart]')].map(p => [p.dataset.chart, p.data ? p.data.length : 0])"


@pytest.fixture(scope="module")
def desk(visit: Open) -> Visit:
    return visit("three")


@pytest.mark.parametrize("name", ["three", "hostile", "sweep", "hostile-sweep"])
def test_loads_in_silence_and_asks_for_nothing(visit: Open, pages: dict[str, Path], name: str) -> None:
    seen = visit(name)
    assert seen.complaints == []
    assert seen.requests == [pages[name].as_uri()]
    drawn = dict(seen.page.evaluate(DRAWN))
    assert len(drawn) >= 2
    assert all(drawn.values()), drawn


def test_drawn_energies_and_times_are_those_of_the_runs(desk: Visit, runs: tuple[Result, ...]) -> None:
    size = axis_unit([run.totals.energy_j for run in runs], "J")[0]
    data = desk.figure("energy")["data"]
    axes = common_axes(runs)
    for place, run in enumerate(runs):
        parts = {t["name"]: dict(zip(t["y"], t["x"], strict=True)).get(place, 0.0) * size for t in data}
        wanted = {name: value for name, value in energy_by(run.actions, "component").items() if value}
        assert {name: value for name, value in parts.items() if value} == pytest.approx(wanted, rel=1e-9)
        layers = desk.figure(f"energy-layers-{place}")["data"]
        total = fsum(value for trace in layers for value in trace["x"]) * axes["energy"].size
        assert total == pytest.approx(fsum(row.energy_j for row in run.layers), rel=1e-9)
        (bar,) = desk.figure(f"timeline-{place}")["data"]
        ends = [(start + length) * axes["timeline"].size for start, length in zip(bar["base"], bar["x"], strict=True)]
        assert ends == pytest.approx([row.end_s for row in run.layers])
        (area,) = desk.figure(f"area-{place}")["data"]
        assert fsum(area["values"]) * 1e-6 == pytest.approx(run.totals.area_m2)


def test_layers_stand_in_order_with_their_names(desk: Visit, runs: tuple[Result, ...]) -> None:
    texts = desk.page.eval_on_selector_all("#figure-timeline-0 .ytick text", "all => all.map(e => e.textContent)")
    assert texts == [row.name for row in runs[0].layers]


def test_pointing_at_a_bar_tells_its_figures(desk: Visit, runs: tuple[Result, ...]) -> None:
    page = desk.page
    bar = page.locator("#figure-energy-layers-0 .bars .point path").first
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#figure-energy-layers-0 .hoverlayer .hovertext")
    text = page.text_content("#figure-energy-layers-0 .hoverlayer")
    component = desk.figure("energy-layers-0")["data"][0]["name"]
    layer = runs[0].layers[0].name
    assert re.search(rf"{layer}\s*{component}: [0-9.]+\u202f[µnp]J", text), text


def test_a_filter_narrows_charts_and_tables(visit: Open, runs: tuple[Result, ...]) -> None:
    seen = visit("three")
    names = [row.name for row in runs[0].layers] + [row.name for row in runs[2].layers]
    wanted = names[1]
    seen.page.fill("#layers", f"{wanted.upper()}, nothing")
    seen.page.wait_for_function("() => document.getElementById('matching').textContent !== ''")
    kept = [name for name in dict.fromkeys(names) if wanted.lower() in name.lower()]
    assert seen.page.text_content("#matching") == f"{len(kept)} of {len(set(names))} layers"
    for chart in ("energy-layers-0", "timeline-0", "time-layers-0"):
        ticks = seen.page.eval_on_selector_all(f"#figure-{chart} .ytick text", "all => all.map(e => e.textContent)")
        assert ticks == [name for name in kept if name in [row.name for row in runs[0].layers]], chart
        for trace in seen.figure(chart)["data"]:
            assert set(trace["meta"]["rows"]) <= {1}
            assert {hover[0] for hover in trace["customdata"]} <= set(kept)
            assert set(trace["y"]) <= {0}
    marks = [hover[0] for trace in seen.figure("roofline")["data"][1:] for hover in trace["customdata"]]
    assert set(marks) <= set(kept)
    shown = seen.page.eval_on_selector_all(
        "tr[data-layer]", "all => all.filter(e => e.offsetParent !== null).map(e => e.dataset.layer)"
    )
    assert set(shown) == set(kept)
    seen.page.fill("#layers", "")
    seen.page.wait_for_function("() => document.getElementById('matching').textContent === ''")
    assert len(seen.figure("timeline-0")["data"][0]["y"]) == len(runs[0].layers)
    assert seen.complaints == []


def test_a_legend_entry_hides_its_series(visit: Open) -> None:
    seen = visit("three")
    before = [trace["name"] for trace in seen.figure("energy-layers-1")["data"]]
    series = before[-2]
    button = seen.page.locator(f"#energy .key button[data-series='{series}']")
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert [trace["name"] for trace in seen.figure("energy-layers-1")["data"]] == [n for n in before if n != series]
    button.click()
    assert [trace["name"] for trace in seen.figure("energy-layers-1")["data"]] == before


def test_hostile_names_stay_text(visit: Open) -> None:
    seen = visit("hostile")
    page = seen.page
    assert page.evaluate("() => window.broken") is None
    assert page.text_content("h1") == f"{HOSTILE[1]} and {HOSTILE[2]} on {HOSTILE[0]} and {HOSTILE[1]}"
    assert page.title() == f"{page.text_content('h1')} – archsim"
    assert page.eval_on_selector_all("main img, main script", "all => all.length") == 0
    assert page.eval_on_selector_all("a[href^='javascript']", "all => all.length") == 0
    names = page.eval_on_selector_all("#by-layer tbody th", "all => all.map(e => e.textContent)")
    assert set(HOSTILE) <= set(names)
    ticks = page.eval_on_selector_all("#figure-timeline-0 .ytick text", "all => all.map(e => e.textContent)")
    assert HOSTILE[3] in ticks
    assert any("<script>" in tick for tick in ticks)
    hover = seen.figure("timeline-0")["data"][0]["customdata"][0][0]
    assert hover == "&lt;script&gt;window.broken = 1&lt;/script&gt;"
    bar = page.locator("#figure-timeline-0 .bars .point path").first
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#figure-timeline-0 .hoverlayer .hovertext")
    assert HOSTILE[0] in page.text_content("#figure-timeline-0 .hoverlayer")


@pytest.mark.parametrize("name", ["hostile", "sweep"])
def test_a_phone_needs_no_sideways_scrolling(visit: Open, name: str) -> None:
    page = visit(name).page
    page.set_viewport_size({"width": 360, "height": 740})
    narrow = "() => [...document.querySelectorAll('.plot svg.main-svg')].every(e => e.clientWidth <= 360)"
    page.wait_for_function(narrow)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    wide = page.eval_on_selector_all(
        ".plot", "all => all.filter(e => e.getBoundingClientRect().right > 360).map(e => e.dataset.chart)"
    )
    assert wide == []
    assert page.eval_on_selector_all(".plot svg.main-svg", "all => Math.min(...all.map(e => e.clientWidth))") > 200
    page.set_viewport_size({"width": 1280, "height": 900})
    page.wait_for_function(narrow.replace("every", "some").replace("<=", ">"))


def test_paper_shows_everything(visit: Open) -> None:
    seen = visit("three")
    page = seen.page
    assert page.locator("#equal dl").first.is_hidden()
    page.emulate_media(media="print")
    page.wait_for_function("() => document.getElementById('equal').open")
    assert page.locator("#equal dl").first.is_visible()
    assert not page.locator(".bar").is_visible()
    widths = page.eval_on_selector_all(".plot svg.main-svg", "all => all.map(e => e.clientWidth)")
    assert max(widths) <= 660
    page.emulate_media(media="screen")
    page.wait_for_function("() => !document.getElementById('equal').open")
    assert seen.complaints == []


def front(seen: Visit) -> list[int]:
    points: list[int] = seen.page.eval_on_selector_all("#front tbody th", "all => all.map(e => Number(e.textContent))")
    return points


def test_trade_offs_follow_the_chosen_figures(visit: Open, sweep: Sweep) -> None:
    seen = visit("sweep")
    page = seen.page
    page.select_option("#choose-x", "energy_per_image_j")
    page.select_option("#choose-y", "latency_s")
    assert sorted(front(seen)) == [row["point"] for row in sweep.front(["energy_per_image_j", "latency_s"])]
    # what the script writes is what the page was written with
    first = next(row for row in sweep.done if row["point"] == front(seen)[0])
    cells = page.eval_on_selector_all("#front tbody tr:first-child td", "all => all.map(e => e.textContent)")
    assert cells[-2:] == [shown(first["energy_per_image_j"], "J", 4), shown(first["latency_s"], "s", 4)]
    assert len(page.query_selector_all("#pareto-key i")) == 3
    page.select_option("#choose-x", "area_m2")
    page.select_option("#choose-y", "ops_per_j")
    page.select_option("#choose-colour", "ima.cell.bits")
    expected = sweep.front(["area_m2", "max:ops_per_j"])
    assert sorted(front(seen)) == [row["point"] for row in expected]
    line, *marks = seen.figure("pareto")["data"]
    assert [value * 1e-6 for value in line["x"]] == pytest.approx(sorted(row["area_m2"] for row in expected))
    assert [trace["name"] for trace in marks] == ["1", "2", "4"]
    drawn = sorted(value * 1e-6 for trace in marks for value in trace["x"])
    assert drawn == pytest.approx(sorted(row["area_m2"] for row in sweep.done))
    assert page.text_content("#front caption") == "Front: area and efficiency"
    page.check("#choose-log")
    assert seen.figure("pareto")["layout"]["xaxis"]["type"] == "log"
    page.uncheck("#choose-log")
    assert seen.complaints == []


def test_networks_have_fronts_of_their_own(visit: Open, sweep: Sweep) -> None:
    seen = visit("networks")
    page, own = seen.page, [row["point"] for row in sweep.front(["energy_per_image_j", "latency_s"])]
    page.select_option("#choose-x", "energy_per_image_j")
    page.select_option("#choose-y", "latency_s")
    assert sorted(front(seen)) == sorted([*own, *(point + 100 for point in own)])
    line = seen.figure("pareto")["data"][0]
    assert line["x"].count(None) == 1
    page.select_option("#choose-work", "longer")
    assert sorted(front(seen)) == [point + 100 for point in own]
    marks = seen.figure("pareto")["data"][1:]
    assert sum(len(trace["x"]) for trace in marks) == len(sweep.done)
    page.select_option("#choose-work", "")
    assert seen.complaints == []


def test_many_values_share_a_ramp(visit: Open, sweep: Sweep) -> None:
    seen = visit("sweep")
    before = seen.page.input_value("#choose-colour")
    seen.page.select_option("#choose-colour", "ima.adc.rate")
    _, marks = seen.figure("pareto")["data"]
    assert len(set(marks["marker"]["color"])) == len(sweep.done)
    ends = seen.page.eval_on_selector_all("#pareto-key bdi", "all => all.map(e => e.textContent)")
    rates = [f"{1 + row['point'] / 10:.1f} GS/s" for row in sweep.done]
    assert ends == [rates[0], rates[-1]]
    seen.page.select_option("#choose-axis", "ima.adc.rate")
    along = seen.figure("along")
    assert along["layout"]["xaxis"]["title"]["text"] == "ima.adc.rate [GS/s]"
    assert along["data"][1]["x"] == pytest.approx([float(rate.split()[0]) for rate in rates])
    seen.page.select_option("#choose-colour", before)


def test_a_figure_along_an_axis_has_its_medians(visit: Open, sweep: Sweep) -> None:
    seen = visit("sweep")
    seen.page.select_option("#choose-metric", "latency_s")
    seen.page.select_option("#choose-axis", "mapping.replication")
    line, marks = seen.figure("along")["data"]
    assert len(marks["x"]) == len(sweep.done)
    assert seen.figure("along")["layout"]["xaxis"]["ticktext"] == ["none", "balanced"]
    for place, policy in enumerate(("none", "balanced")):
        times = sorted(row["latency_s"] for row in sweep.done if row["mapping.replication"] == policy)
        middle = (times[(len(times) - 1) // 2] + times[len(times) // 2]) / 2
        assert line["y"][place] == pytest.approx(middle / axis_unit([row["latency_s"] for row in sweep.done], "s")[0])


def test_a_mark_tells_its_settings(visit: Open, sweep: Sweep) -> None:
    page = visit("sweep").page
    mark = page.locator("#figure-pareto .scatterlayer .point").last
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#figure-pareto .hoverlayer .hovertext")
    text = page.text_content("#figure-pareto .hoverlayer")
    assert re.search(r"point \d+ima\.adc\.bits = \dima\.cell\.bits = \d", text), text


def test_hostile_sweeps_stay_text(visit: Open) -> None:
    seen = visit("hostile-sweep")
    page = seen.page
    assert page.evaluate("() => window.broken") is None
    assert page.text_content("h1") == HOSTILE[0]
    assert HOSTILE[0] in page.text_content("#front thead")
    assert HOSTILE[1] in page.text_content("#failed tbody")
    assert page.eval_on_selector_all("#pareto-key bdi", "all => all.map(e => e.textContent)") == list(HOSTILE)
    page.select_option("#choose-x", "latency_s")
    assert HOSTILE[0] in page.text_content("#front thead")
