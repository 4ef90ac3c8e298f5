"""Real runs and sweeps to draw, pages of them on disk, and a browser where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import archsim
from archsim.report.comparison import Comparison, side_by_side
from archsim.report.page import sweep_page
from archsim.result import Result
from archsim.sweeps import Sweep
from tests.report.page.hostile import HOSTILE, renamed

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 180_000
"""Milliseconds that anything in the browser may take, on a machine that is busy with other things."""


@pytest.fixture(scope="session")
def runs() -> tuple[Result, ...]:
    """A net with computed pictures on two chips, and one of other size on the first."""
    small, chip = archsim.load_workload("lenet5-mnist"), archsim.load_hardware("isaac-8bit")
    plans = [archsim.map_network(small, hardware) for hardware in (chip, chip.replace({"ima.adc.bits": 5}))]
    found = [archsim.simulate(plan, images=3, inputs="digits", limit=6, engine="kernel") for plan in plans]
    other = archsim.map_network(archsim.load_workload("resnet8-cifar10"), archsim.load_hardware("puma"))
    return (*found, archsim.simulate(other, engine="kernel"))


@pytest.fixture(scope="session")
def pair(runs: tuple[Result, ...]) -> Comparison:
    return side_by_side(runs[:2])


@pytest.fixture(scope="session")
def hostile(runs: tuple[Result, ...]) -> Comparison:
    return side_by_side([renamed(runs[0], HOSTILE), renamed(runs[2], HOSTILE[1:] + HOSTILE[:1])])


@pytest.fixture(scope="session")
def sweep() -> Sweep:
    """A small space with points that fail."""
    axes: dict[str, list[object]] = {
        "ima.adc.bits": [5, 6, 8, 99],
        "ima.cell.bits": [1, 2, 4],
        "mapping.replication": ["none", "balanced"],
    }
    return replace(archsim.sweep("isaac-8bit", "lenet5", axes, workers=0, images="steady"), name="adc and cells")


def two_networks(sweep: Sweep) -> Sweep:
    """The sweep, and all of it once more on a network that takes ten times as long."""
    longer = tuple(
        {**row, "workload": "longer", "point": row["point"] + 100, "latency_s": 10 * row["latency_s"]}
        for row in sweep.done
    )
    return replace(sweep, axes=("workload", *sweep.axes), rows=(*sweep.rows, *longer), points=len(sweep.rows) * 2)


@pytest.fixture(scope="session")
def pages(
    tmp_path_factory: pytest.TempPathFactory,
    pair: Comparison,
    runs: tuple[Result, ...],
    hostile: Comparison,
    sweep: Sweep,
) -> dict[str, Path]:
    """Pages on disk by name."""
    folder = tmp_path_factory.mktemp("pages")
    made = {"pair": pair, "one": side_by_side(runs[:1]), "three": side_by_side(runs), "hostile": hostile}
    found = {name: comparison.html(folder / f"{name}.html") for name, comparison in made.items()}
    found["sweep"] = folder / "sweep.html"
    rated = tuple({**row, "ima.adc.rate": f"{1 + row['point'] / 10:.1f} GS/s"} for row in sweep.rows)
    spread = replace(sweep, axes=(*sweep.axes, "ima.adc.rate"), rows=rated)
    found["sweep"].write_text(sweep_page(spread), encoding="utf-8")
    found["networks"] = folder / "networks.html"
    found["networks"].write_text(sweep_page(two_networks(sweep)), encoding="utf-8")
    row = {**sweep.rows[0], HOSTILE[0]: HOSTILE[1]}
    rows = tuple(
        {**row, HOSTILE[0]: name, "point": place, "latency_s": 1.0 + place, "energy_per_image_j": 1 / (1.0 + place)}
        for place, name in enumerate(HOSTILE)
    )
    bad = {**rows[0], "point": 9, "error": HOSTILE[1]}
    changed = replace(sweep, name=HOSTILE[0], description=HOSTILE[1], axes=(HOSTILE[0],), rows=(*rows, bad), points=5)
    found["hostile-sweep"] = folder / "hostile-sweep.html"
    found["hostile-sweep"].write_text(sweep_page(changed), encoding="utf-8")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium, driven by playwright."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra: test)")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser on PATH ({', '.join(BROWSERS)})")
    with driver.sync_playwright() as started:
        window = started.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"], timeout=PATIENCE)
        yield window
        window.close()


class Visit:
    """A page in the browser, and what it complained of or asked for."""

    def __init__(self, page: Any, path: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready=yes]", timeout=PATIENCE)

    def figure(self, chart: str) -> dict[str, Any]:
        """Data and layout that Plotly drew."""
        script = "plot => ({data: plot.data, layout: plot.layout})"
        found: dict[str, Any] = self.page.eval_on_selector(f"[data-chart='{chart}']", script)
        return found


@pytest.fixture(scope="session")
def visit(browser: Any, pages: dict[str, Path]) -> Iterator[Callable[..., Visit]]:
    """Open a page by name, once. Tests leave it as they found it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)

    @cache
    def opened(name: str) -> Visit:
        return Visit(context.new_page(), pages[name])

    yield opened
    context.close()
