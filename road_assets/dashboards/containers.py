"""The dashboard of the containers: processor, memory, network and disk, as cAdvisor sees them."""

from typing import Any, Final

from road_assets.dashboards.board import Dashboard
from road_assets.dashboards.panels import GREEN, ORANGE, RED, Levels, Panel, lines, stat, table
from road_assets.dashboards.sources import promql

_NAMED: Final = 'name!=""'
"""cAdvisor also exports control groups that are no containers; they have no name."""

_FULL: Final[Levels] = ((GREEN, 0), (ORANGE, 0.8), (RED, 0.95))


def dashboard() -> Dashboard:
    """Put the dashboard together."""
    return Dashboard(
        uid="road-containers",
        title="Conteneurs",
        description="Processor, memory, network and disk of every container.",
        panels=[_count(), _restarts(), *_use(), *_disk(), *_network(), _ages()],
        since="now-1h",
    )


def _count() -> Panel:
    return stat(
        "Conteneurs",
        "Containers seen within the last minute.",
        [promql(f"count(time() - container_last_seen{{{_NAMED}}} < 60)")],
        width=4,
        height=10,
    )


def _of_each(title: str, description: str, expression: str, **more: Any) -> Panel:
    """A curve for each container, named at the right: a dozen names below would leave no room for the curves."""
    look = {"min": 0, **more.pop("look", {})}
    wanted = {"width": 12, "height": 10, "look": look, **more}
    return lines(title, description, [promql(expression, "{{name}}")], legend_at="right", **wanted)


def _restarts() -> Panel:
    return _of_each(
        "Redémarrages",
        "How often each container was started anew, in the hour before.",
        f"sum by (name) (changes(container_start_time_seconds{{{_NAMED}}}[1h]))",
        levels=((GREEN, 0), (ORANGE, 1), (RED, 3)),
        marked=True,
        at_least=4,
        width=20,
        look={"decimals": 0},
    )


def _rate(metric: str) -> str:
    return f"sum by (name) (rate({metric}{{{_NAMED}}}[$__rate_interval]))"


def _use() -> list[Panel]:
    used, limit = "container_memory_working_set_bytes", "container_spec_memory_limit_bytes"
    return [
        _of_each(
            "Processeur",
            "Processor time per second, where 100 % is one core.",
            _rate("container_cpu_usage_seconds_total"),
            unit="percentunit",
            stacked=True,
        ),
        _of_each(
            "Mémoire",
            "Memory in use, without what the kernel can take back at once.",
            f"sum by (name) ({used}{{{_NAMED}}})",
            unit="bytes",
            stacked=True,
        ),
        _of_each(
            "Mémoire, part de la limite",
            "Memory in use as a share of what the container may use; containers without a limit are left out.",
            f"max by (name) ({used}{{{_NAMED}}} / ({limit}{{{_NAMED}}} > 0))",
            unit="percentunit",
            levels=_FULL,
            marked=True,
            look={"max": 1},
        ),
    ]


def _disk() -> list[Panel]:
    return [
        _of_each(
            "Disque, occupation",
            "Bytes that each container has written to its own layer; named volumes are not in it.",
            f"sum by (name) (container_fs_usage_bytes{{{_NAMED}}})",
            unit="bytes",
            stacked=True,
        ),
        *(
            _of_each(
                f"Disque, {word}",
                f"Bytes per second {done} by each container.",
                _rate(f"container_fs_{metric}_bytes_total"),
                unit="Bps",
            )
            for metric, word, done in (("writes", "écriture", "written"), ("reads", "lecture", "read"))
        ),
    ]


def _network() -> list[Panel]:
    return [
        _of_each(
            f"Réseau, {word}",
            f"Bytes per second {done} by each container.",
            _rate(f"container_network_{metric}_bytes_total"),
            unit="Bps",
        )
        for metric, word, done in (("receive", "réception", "received"), ("transmit", "émission", "sent"))
    ]


def _ages() -> Panel:
    return table(
        "En marche depuis",
        "How long each container has been running, with its image.",
        [promql(f"time() - max by (name, image) (container_start_time_seconds{{{_NAMED}}})", now=True, table=True)],
        width=24,
        height=12,
        unit="dtdhms",
        transformations=[
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "indexByName": {"name": 0, "image": 1},
                    "renameByName": {"name": "Conteneur", "image": "Image", "Value": "Durée"},
                },
            }
        ],
    )
