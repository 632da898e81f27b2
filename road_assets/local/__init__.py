"""The whole platform on one machine, without Docker: starts its processes, watches them and stops them together.

Nothing here knows about accidents or models. On servers, Compose or Kubernetes do this work, with the same settings.
"""
