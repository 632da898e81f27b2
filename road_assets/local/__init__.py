"""The whole platform on one machine, without Docker: its processes, started, watched and stopped together.

Nothing here knows about accidents or models. On servers, Compose or Kubernetes do this work, with the same settings.
"""
