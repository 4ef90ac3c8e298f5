"""Values as text and as columns."""

from __future__ import annotations

import numpy as np
import pytest

from archsim.sweeps.values import as_text, column, shown


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("100 ns", "100 ns"),
        (6, "6"),
        (0.5, "0.5"),
        (1e-9, "1e-09"),
        (True, "true"),
        (np.int64(7), "7"),
        (np.float64(0.25), "0.25"),
        (np.bool_(False), "false"),
        ([1, 2.5], ["1", "2.5"]),
        ({"kind": "ideal", "bits": 4}, {"kind": "ideal", "bits": "4"}),
    ],
)
def test_values_become_what_a_file_holds(given: object, text: object) -> None:
    assert as_text(given) == text


def test_what_no_file_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="is a object; expected text, a number"):
        as_text(object())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["6", "8", "10"], [6, 8, 10]),
        (["6", "0.5"], [6.0, 0.5]),
        (["1e-3", "2"], [0.001, 2.0]),
        (["true", "false"], [True, False]),
        (["true", "1"], ["true", "1"]),
        (["100 ns", "8"], ["100 ns", "8"]),
        (["010", "8"], ["010", "8"]),
        ([{"a": "1"}, "x"], ['{"a": "1"}', "x"]),
    ],
)
def test_a_column_has_one_type(values: list[object], expected: list[object]) -> None:
    found = column(values)  # type: ignore[arg-type]
    typed = [found[shown(value)] for value in values]  # type: ignore[arg-type]
    assert typed == expected
    assert len(set(map(type, typed))) == 1


def test_values_that_a_point_leaves_alone_do_not_count() -> None:
    assert column([None, "3", None]) == {"3": 3}
