"""Diagram and tables of what Dagster runs: assets, checks, jobs, sensors and schedules."""

from collections import defaultdict
from collections.abc import Iterator

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from road_assets.docs.markdown import code, first_sentence, flowchart, table


def asset_diagram(definitions: dg.Definitions) -> str:
    """The asset graph as a flowchart: groups as boxes, checks as hexagons, what others write with rounded ends."""
    graph = definitions.resolve_asset_graph()
    return flowchart("LR", [*_group_lines(graph), *_edge_lines(graph)])


def asset_table(definitions: dg.Definitions) -> str:
    """What each asset is."""
    graph = definitions.resolve_asset_graph()
    rows = []
    for name in _names(graph):
        node = graph.get(dg.AssetKey(name))
        cut = "–" if node.partitions_def is None else _partitions(node.partitions_def)
        written = "others" if node.is_external else "runs"
        rows.append((f"`{name}`", cut, written, ", ".join(sorted(node.kinds)), first_sentence(node.description)))
    return table(("asset", "partition", "written by", "kinds", "what it is"), rows)


def check_table(definitions: dg.Definitions) -> str:
    """What each check asks, and whether a failure stops what is downstream."""
    graph = definitions.resolve_asset_graph()
    rows = []
    for key in sorted(graph.asset_check_keys):
        node = graph.get(key)
        stops = "yes" if node.blocking else "no"
        rows.append((f"`{key.name}`", f"`{key.asset_key.to_user_string()}`", stops, first_sentence(node.description)))
    return table(("check", "of", "stops the run", "what it asks"), rows)


def job_table(definitions: dg.Definitions) -> str:
    """The assets of each job, in the order they run."""
    order = _names(definitions.resolve_asset_graph())
    rows = []
    for job in _jobs(definitions):
        chosen = {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
        rows.append(
            (f"`{job.name}`", code(name for name in order if name in chosen) or "–", first_sentence(job.description))
        )
    return table(("job", "assets", "what it does"), rows)


def trigger_table(definitions: dg.Definitions) -> str:
    """What starts jobs by itself."""
    repository = definitions.get_repository_def()
    rows = [
        (f"`{schedule.name}`", f"`{schedule.cron_schedule}`, {schedule.execution_timezone}", f"`{schedule.job_name}`",
         first_sentence(schedule.description))
        for schedule in sorted(repository.schedule_defs, key=lambda known: known.name)
    ]  # fmt: skip
    rows += [
        (
            f"`{sensor.name}`",
            f"every {sensor.minimum_interval_seconds} s",
            code(target.job_name for target in sensor.targets) or "–",
            first_sentence(sensor.description),
        )
        for sensor in sorted(repository.sensor_defs, key=lambda known: known.name)
    ]
    return table(("schedule or sensor", "when", "requests", "why"), rows)


def _names(graph: AssetGraph) -> list[str]:
    """Names of all assets, each after what it depends on, and otherwise by the alphabet, so that nothing moves."""
    waiting = {key: set(graph.get(key).parent_keys) for key in graph.get_all_asset_keys()}
    found: list[dg.AssetKey] = []
    while waiting:
        ready = min((key for key, parents in waiting.items() if parents <= set(found)), key=dg.AssetKey.to_user_string)
        found.append(ready)
        del waiting[ready]
    return [key.to_user_string() for key in found]


def _group_lines(graph: AssetGraph) -> Iterator[str]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in _names(graph):
        groups[graph.get(dg.AssetKey(name)).group_name].append(name)
    for group, names in groups.items():
        yield f"subgraph {group}_group[{group}]"
        for name in names:
            node = graph.get(dg.AssetKey(name))
            yield f"    {name}({name})" if node.is_external else f"    {name}[{name}]"
            for key in sorted(node.check_keys):
                yield f"    {name} -.- {name}_{key.name}{{{{{key.name}}}}}"
        yield "end"


def _edge_lines(graph: AssetGraph) -> Iterator[str]:
    for name in _names(graph):
        for parent in sorted(key.to_user_string() for key in graph.get(dg.AssetKey(name)).parent_keys):
            yield f"{parent} --> {name}"


def _partitions(partitions: dg.PartitionsDefinition[str]) -> str:
    if isinstance(partitions, dg.DailyPartitionsDefinition):
        return "day"
    return "year" if isinstance(partitions, dg.TimeWindowPartitionsDefinition) else "other"


def _jobs(definitions: dg.Definitions) -> list[dg.JobDefinition]:
    jobs = definitions.get_repository_def().get_all_jobs()
    return sorted((job for job in jobs if not job.name.startswith("__")), key=lambda job: job.name)
