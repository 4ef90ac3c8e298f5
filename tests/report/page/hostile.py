"""Names that are more than text to a careless reader, and runs that have them."""

from __future__ import annotations

from dataclasses import replace

from archsim.result import Result

HOSTILE = (
    "<script>window.broken = 1</script>",
    "</script><img src=x onerror='window.broken=2'>",
    "a\"b'c & <!-- --> ${x} {{ y }} %{z}",
    "größe 層 \u202ertl",
)
"""Names that end a tag, a string, a comment or a template where they are taken for more than text."""


def renamed(run: Result, names: tuple[str, ...]) -> Result:
    """A run with hostile names wherever a file can put one."""
    layer = {run.layers[place].name: name for place, name in enumerate(names)}
    part = {run.area[place].component: name for place, name in enumerate(names)}
    expanded = {**(run.hardware.expanded or {}), names[0]: {names[1]: names[2]}}
    return replace(
        run,
        hardware=replace(run.hardware, name=names[0], expanded=expanded, settings={names[1]: names[2]}),
        workload=replace(run.workload, name=names[1]),
        layers=tuple(replace(row, name=layer.get(row.name, row.name)) for row in run.layers),
        actions=tuple(
            replace(row, layer=layer.get(row.layer, row.layer), component=part.get(row.component, row.component))
            for row in run.actions
        ),
        area=tuple(replace(row, component=part.get(row.component, row.component)) for row in run.area),
        critical_path=tuple(replace(row, layer=layer.get(row.layer, row.layer)) for row in run.critical_path),
        notes=names,
        citations=tuple(
            replace(item, title=names[0], url="javascript:window.broken=3", doi=None) for item in run.citations
        ),
        bottleneck=replace(run.bottleneck, sentence=names[0], relief=names[1]),
        resource_busy_s={names[3]: 1e-6},
    )
