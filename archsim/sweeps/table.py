"""The table of a sweep: assembled from its files, and read back."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from archsim.errors import InputError
from archsim.sweeps.store import PLAN, POINTS, TABLES, PointStore

Row = dict[str, Any]
_LAST = ("notes", "key")
_BATCH = 10_000


def table_rows(folder: Path) -> Iterator[Row]:
    """Rows of all finished points in study order: coordinates, error, metrics, notes, key."""
    store = PointStore(folder / POINTS)
    try:
        with (folder / PLAN).open(encoding="utf-8") as plan:
            for line in plan:
                row = json.loads(line)
                outcome = store.read(row.pop("key"))
                if outcome is not None:
                    yield {**row, **outcome.to_dict()}
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(folder / PLAN)) from None
    except (ValueError, KeyError, AttributeError):
        raise InputError("is no list of points that a sweep left, or a damaged one", str(folder / PLAN)) from None


def columns_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, type]:
    """Columns of all rows in the order in which they come up, `notes` and `key` last, with the type that holds their
    values."""
    found: dict[str, type] = {}
    for row in rows:
        for name, value in row.items():
            found[name] = _common(found.get(name), value)
    return {name: kind for name, kind in found.items() if name not in _LAST} | {
        name: found[name] for name in _LAST if name in found
    }


def _common(known: type | None, value: Any) -> type:
    """A type for what was there so far (NoneType: nothing yet) and one more value."""
    kind = str if isinstance(value, list) else type(value)
    if value is None or known is kind:
        return known or type(None)
    if known is None or known is type(None):
        return kind
    return float if {known, kind} == {int, float} else str


def cell(value: Any) -> Any:
    """A value as it stands in a table: lists, such as notes, as one text; absent ones empty."""
    if isinstance(value, list):
        return " | ".join(value)
    return "" if value is None else value


def write_tables(folder: Path) -> tuple[Path, ...]:
    """Write the rows as table.csv and, where pyarrow is installed, table.parquet; returns what was written.

    Rows are read from the points' files as they are written, so the table may be larger than memory.
    """
    columns = columns_of(table_rows(folder))
    paths = [folder / TABLES[0]]
    _whole(paths[0], lambda draft: _write_csv(draft, columns, table_rows(folder)))
    if find_spec("pyarrow") is None:
        return tuple(paths)
    paths.append(folder / TABLES[1])
    _whole(paths[1], lambda draft: _write_parquet(draft, columns, table_rows(folder)))
    return tuple(paths)


def _whole(path: Path, write: Callable[[Path], None]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(draft)
        draft.replace(path)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", str(path)) from None
    finally:
        draft.unlink(missing_ok=True)


def _write_csv(path: Path, columns: Mapping[str, type], rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(columns), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)


def _write_parquet(path: Path, columns: Mapping[str, type], rows: Iterable[Row]) -> None:
    pa: Any = import_module("pyarrow")
    writer_of: Any = import_module("pyarrow.parquet").ParquetWriter

    kinds = {int: pa.int64(), float: pa.float64(), bool: pa.bool_(), str: pa.string(), type(None): pa.float64()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])

    def typed(name: str, value: Any) -> Any:
        return value if value is None else columns[name](cell(value))

    with writer_of(path, schema) as writer:
        for batch in _batches(rows):
            arrays = [
                pa.array([typed(name, row.get(name)) for row in batch], kind)
                for name, kind in zip(columns, schema.types, strict=True)
            ]
            writer.write_table(pa.table(arrays, schema))


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
