"""Bundles altered on purpose, for the tests of what a bundle refuses."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import onnx

from road_assets.core.bundle import ANSWERS_FILE, GRAPH_FILE, MANIFEST_FILE
from road_assets.core.model_input import known_questions

Files = dict[str, bytes]
QUESTIONS = known_questions(40, seed=1)


def seal(files: Files) -> Files:
    """Write the right hashes into the manifest, as somebody would who alters a bundle on purpose."""
    manifest = json.loads(files[MANIFEST_FILE])
    manifest["sha256"] = {name: hashlib.sha256(files[name]).hexdigest() for name in (GRAPH_FILE, ANSWERS_FILE)}
    return {**files, MANIFEST_FILE: json.dumps(manifest).encode()}


def with_known(files: Files, change: Callable[[dict[str, Any]], None]) -> Files:
    known = json.loads(files[ANSWERS_FILE])
    change(known)
    return seal({**files, ANSWERS_FILE: json.dumps(known).encode()})


def with_graph(files: Files, change: Callable[[onnx.ModelProto], None]) -> Files:
    model = onnx.load_from_string(files[GRAPH_FILE])
    change(model)
    return seal({**files, GRAPH_FILE: model.SerializeToString()})


def with_manifest(files: Files, **changes: Any) -> Files:
    return {**files, MANIFEST_FILE: json.dumps(json.loads(files[MANIFEST_FILE]) | changes).encode()}
