from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import archsim
from archsim.errors import InputError
from archsim.report.figures import Request, draw_figures
from archsim.result import Result

MAIN = "from archsim.cli import main; main()"


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def saved(run: Result, tmp_path: Path) -> str:
    return str(run.save(tmp_path / "run"))


def test_files_of_a_run(run: Result, saved: str, tmp_path: Path) -> None:
    """PDF of a column's width with embedded TrueType fonts, tables with the run's numbers, captions, references; and
    the command gives the same bytes in another process."""
    paths = draw_figures([saved], tmp_path / "out")
    found = files(tmp_path / "out")
    assert {path.name for path in paths} == {name for name in found if name.endswith(".pdf")}
    assert {f"{path.stem}.csv" for path in paths} <= found.keys()
    for path in paths:
        content = found[path.name]
        (box,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", content)
        assert float(box[0]) == pytest.approx(3.5 * 72)
        assert b"/FontFile2" in content
        assert b"/Type3" not in content
        assert b"CreationDate" not in content
    rows = list(csv.DictReader(found["energy-by-layer.csv"].decode().splitlines()))
    layer = run.layers[0]
    energies = [float(row["energy_j"]) for row in rows if row["layer"] == layer.name]
    assert sum(energies) == pytest.approx(layer.energy_j, rel=1e-12)
    assert b"@inproceedings{Shafiee2016," in found["references.bib"]
    command = [sys.executable, "-c", MAIN, "figures", saved, "-o", str(tmp_path / "again")]
    done = subprocess.run(command, env={"PYTHONHASHSEED": "7"}, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / "again" / path.name) for path in paths]
    assert files(tmp_path / "again") == found


def test_svg_has_outlines_and_captions_are_escaped(hostile: Result, tmp_path: Path) -> None:
    folder = hostile.save(tmp_path / "hostile")
    draw_figures([str(folder)], tmp_path / "out", Request(form="svg", style="acm", double=True))
    found = files(tmp_path / "out")
    svg = found["timeline.svg"].decode()
    assert "<text" not in svg
    assert f'width="{7 * 72}pt"' in svg
    tex = found["captions.tex"].decode()
    assert (
        "\\$x\\_1\\$ 100\\% \\textless{}b\\textgreater{}\\&\\textless{}/b\\textgreater{} \\textbackslash{}frac" in tex
    )
    assert tex.count("\\begin{figure*}") == tex.count("\\end{figure*}") == 7
    assert "archsim~\\cite{archsim}" in tex


def test_a_sweep_and_a_study(tmp_path: Path) -> None:
    archsim.sweep("isaac-8bit", "lenet5", {"ima.adc.bits": [6, 8]}, output=tmp_path / "sweep", workers=0)
    series = {"name": "s", "x": [1, 2], "y": [3, 4], "low": None, "high": None, "joined": True}
    chart = {"name": "c", "title": "T", "x": "X", "y": "Y", "series": [series], "log_x": False, "log_y": False}
    (tmp_path / "study.json").write_text(json.dumps({"study": "study", "charts": [chart]}))
    sources = [str(tmp_path / "sweep"), str(tmp_path / "study.json")]
    paths = draw_figures(sources, tmp_path / "out", Request(metrics=("area_m2", "energy_j")))
    assert {path.stem for path in paths} == {
        "area_m2-over-ima-adc-bits",
        "energy_j-over-ima-adc-bits",
        "pareto-area_m2-energy_j",
        "study-c",
    }
    assert "@inproceedings{Shafiee2016," in (tmp_path / "out" / "references.bib").read_text()
    table = (tmp_path / "out" / "study-c.csv").read_text()
    assert table == "series,x,y,low,high\ns,1,3,,\ns,2,4,,\n"
    assert (tmp_path / "out" / "captions.txt").read_text().endswith("study-c\nT.\n")


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text('{"study": "x"}')
    sources = [str(tmp_path / "nothing"), str(tmp_path / "no.json")]
    with pytest.raises(InputError) as raised:
        draw_figures(sources, tmp_path, Request(style="nature", form="png"))
    said = [str(problem) for problem in raised.value.problems]
    assert said[0].startswith("--style: 'nature' is no style")
    assert said[1] == "--format: 'png' is no format; expected pdf | svg"
    assert "is neither a run" in said[2]
    assert "has no charts" in said[3]


def test_a_folder_that_cannot_be_written(saved: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        draw_figures([saved], tmp_path / "file")


def test_without_the_extra(saved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsim.report.figures.style.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'archsim\[figures\]'"):
        draw_figures([saved], tmp_path / "out")


@pytest.mark.parametrize(("option", "form"), [("--where", "PATH=VALUE"), ("--label", "NAME=TEXT")])
def test_options_of_two_parts_are_checked(option: str, form: str) -> None:
    from click.testing import CliRunner

    from archsim.cli.drawing import figures

    result = CliRunner().invoke(figures, ["run", "-o", "out", option, "ima.adc.bits"])
    assert isinstance(result.exception, InputError)
    assert str(result.exception) == f"{option} ima.adc.bits: expected {form}"
