"""The dashboard of the containers: processor, memory, network and disk, as cAdvisor sees them."""

from typing import Final

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
        panels=[_count(), _restarts(), *_use(), *_network(), *_disk(), _ages()],
        since="now-1h",
    )


def _count() -> Panel:
    return stat(
        "Conteneurs",
        "Containers seen within the last minute.",
        [promql(f"count(time() - container_last_seen{{{_NAMED}}} < 60)")],
        width=4,
        height=8,
    )


def _restarts() -> Panel:
    return lines(
        "Redémarrages",
        "How often each container was started anew, in the hour before.",
        [promql(f"sum by (name) (changes(container_start_time_seconds{{{_NAMED}}}[1h]))", "{{name}}")],
        levels=((GREEN, 0), (ORANGE, 1), (RED, 3)),
        marked=True,
        width=20,
        look={"min": 0, "decimals": 0},
    )


def _rate(metric: str, more: str = "") -> str:
    return f"sum by (name) (rate({metric}{{{','.join(filter(None, (_NAMED, more)))}}}[$__rate_interval]))"


def _use() -> list[Panel]:
    used, limit = "container_memory_working_set_bytes", "container_spec_memory_limit_bytes"
    return [
        lines(
            "Processeur",
            "Processor time per second, where 100 % is one core.",
            [promql(_rate("container_cpu_usage_seconds_total"), "{{name}}")],
            unit="percentunit",
            stacked=True,
            look={"min": 0},
        ),
        lines(
            "Mémoire",
            "Memory in use, without what the kernel can take back at once.",
            [promql(f"sum by (name) ({used}{{{_NAMED}}})", "{{name}}")],
            unit="bytes",
            stacked=True,
            look={"min": 0},
        ),
        lines(
            "Mémoire, part de la limite",
            "Memory in use as a share of what the container may use; containers without a limit are left out.",
            [promql(f"max by (name) ({used}{{{_NAMED}}} / ({limit}{{{_NAMED}}} > 0))", "{{name}}")],
            unit="percentunit",
            levels=_FULL,
            marked=True,
            look={"min": 0, "max": 1},
        ),
    ]


def _network() -> list[Panel]:
    return [
        lines(
            f"Réseau, {word}",
            f"Bytes per second {direction} by each container.",
            [promql(_rate(f"container_network_{metric}_bytes_total"), "{{name}}")],
            unit="Bps",
            width=12,
            look={"min": 0},
        )
        for metric, word, direction in (("receive", "réception", "received"), ("transmit", "émission", "sent"))
    ]


def _disk() -> list[Panel]:
    return [
        lines(
            "Disque, écriture",
            "Bytes per second written by each container.",
            [promql(_rate("container_fs_writes_bytes_total"), "{{name}}")],
            unit="Bps",
            look={"min": 0},
        ),
        lines(
            "Disque, lecture",
            "Bytes per second read by each container.",
            [promql(_rate("container_fs_reads_bytes_total"), "{{name}}")],
            unit="Bps",
            look={"min": 0},
        ),
        lines(
            "Disque, occupation",
            "Bytes that each container has written to its own layer; named volumes are not in it.",
            [promql(f"sum by (name) (container_fs_usage_bytes{{{_NAMED}}})", "{{name}}")],
            unit="bytes",
            stacked=True,
            look={"min": 0},
        ),
    ]


def _ages() -> Panel:
    return table(
        "En marche depuis",
        "How long each container has been running, with its image.",
        [promql(f"time() - max by (name, image) (container_start_time_seconds{{{_NAMED}}})", now=True, table=True)],
        width=24,
        unit="s",
        transformations=[
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "renameByName": {"name": "Conteneur", "image": "Image", "Value": "Durée"},
                },
            }
        ],
    )
