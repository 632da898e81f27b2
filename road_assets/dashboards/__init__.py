"""Grafana's dashboards, made from the vocabulary: ``python -m road_assets.dashboards`` writes ``grafana/dashboards``.

Here: what is shown, by which query, in which words. Only ``road_assets.core`` is imported. What Grafana is told besides
(data sources, where dashboards lie) stands in ``grafana/provisioning``.
"""
