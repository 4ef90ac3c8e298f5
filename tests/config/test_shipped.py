"""Shipped files are found by name from anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsim.config import shipped as module
from archsim.config.shipped import find, names, shipped
from archsim.errors import InputError

YAML = (".yaml", ".yml")


def test_names_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert {"isaac-ce", "isaac-8bit", "puma"} <= set(names("hwconfigs", YAML))
    assert find("hwconfigs", "isaac-ce", YAML) == shipped("hwconfigs") / "isaac-ce.yaml"
    mine = tmp_path / "mine.yaml"
    mine.write_text("a: 1\n")
    assert find("hwconfigs", "mine.yaml", YAML) == Path("mine.yaml")
    assert find("hwconfigs", mine, YAML) == mine
    assert find("hwconfigs", tmp_path, YAML) == tmp_path


@pytest.mark.parametrize("name", ["isac-ce", "ISAAC_CE", "isaac-ce.yml", "./isaac-ce.yaml"])
def test_near_misses_are_suggested(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="did you mean 'isaac-ce'"):
        find("hwconfigs", name, YAML)


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 5000, "nowhere/x.yaml", "\n", "🦀"])
def test_hostile_names_are_one_problem(name: str) -> None:
    with pytest.raises(InputError) as caught:
        find("hwconfigs", name, YAML)
    assert len(caught.value.problems) == 1
    assert len(str(caught.value)) < 800  # of a name of 5,000 characters


def test_sidecars_are_no_workloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("net1.1.onnx", "net1.1.inputs.yaml", "other.yaml"):
        (tmp_path / name).touch()
    monkeypatch.setattr(module, "shipped", lambda _: tmp_path)
    assert names("workloads", (".onnx", ".yaml")) == ("net1.1", "other")
    assert find("workloads", "net1.1", (".onnx", ".yaml")).name == "net1.1.onnx"


def test_a_wheel_carries_them_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "archsim"
    monkeypatch.setattr(module, "_PACKAGE", package)
    with pytest.raises(InputError, match="no shipped hwconfigs"):
        shipped("hwconfigs")
    (tmp_path / "hwconfigs").mkdir()
    assert shipped("hwconfigs") == tmp_path / "hwconfigs"
    (package / "_shipped" / "hwconfigs").mkdir(parents=True)
    assert shipped("hwconfigs") == package / "_shipped" / "hwconfigs"
