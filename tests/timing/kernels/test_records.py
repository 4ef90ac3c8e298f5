"""Compiled kernels follow their sources."""

from __future__ import annotations

from pathlib import Path

from archsim.timing.kernels import records
from archsim.timing.kernels.records import sources_field


def test_a_changed_source_file_changes_the_kernels_argument_type(tmp_path: Path) -> None:
    files = [tmp_path / "a.py", tmp_path / "b.py"]
    for file in files:
        file.write_text("x = 1\n")
    before = sources_field(files)
    assert sources_field(files) == before
    files[1].write_text("x = 2\n")
    assert sources_field(files) != before


def test_the_clock_carries_the_digest_of_all_kernel_sources() -> None:
    folder = Path(records.__file__).parent
    files = [*sorted(folder.glob("*.py")), folder.parent / "machine.py"]
    assert {"arbitration.py", "events.py", "heap.py", "state.py"} <= {file.name for file in files}
    assert sources_field(files) in (records.CLOCK.names or ())
