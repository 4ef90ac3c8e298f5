"""Kernels that Numba keeps on disk."""

from __future__ import annotations

import ast
from pathlib import Path

import archsim


def test_no_kernel_is_a_generator() -> None:
    """Numba keeps a generator apart from the kernels that inline it: where one of the two files is gone, as
    after a killed first run, every later run fails with a KeyError."""
    found = []
    for path in Path(archsim.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            decorators = " ".join(map(ast.unparse, node.decorator_list)) if isinstance(node, ast.FunctionDef) else ""
            if not any(name in decorators for name in ("kernel", "loop", "inlined", "njit")):
                continue
            if any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(node)):
                found.append(f"{path.name}:{node.lineno} {node.name}")
    assert found == []
