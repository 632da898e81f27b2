"""The bundle's ``explanation.npz``: trees with the shares of their training rows, as plain arrays.

It is read without unpickling; the same trees give the same bytes.
"""

import io
import threading
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from road_assets.core.explanation import Additive, Explainer
from road_assets.core.tree_nodes import Nodes

_HEAD: Final = "additive"
_MEMBERS, _MEMBER_COUNTS = "members", "member_counts"

_STORED_AS: Final = {
    "feature": np.uint8,
    "split": np.float64,
    "true_child": np.int32,
    "true_is_leaf": np.bool_,
    "false_child": np.int32,
    "false_is_leaf": np.bool_,
    "roots": np.int32,
    "leaf_weight": np.float64,
    "mode": np.uint8,
    "missing_is_true": np.bool_,
    "true_share": np.float64,
}
"""Every field of ``Nodes`` but the members."""

_READ_AS: Final = {
    **dict.fromkeys(_STORED_AS, np.int64),
    **dict.fromkeys(("split", "leaf_weight", "true_share"), np.float64),
    "mode": np.uint8,
}


def write_explanation(additive: Additive, trees: Sequence[Nodes]) -> bytes:
    """Make the file.

    Args:
        additive: how the model computes its probability.
        trees: of each of its ensembles.
    """
    arrays: dict[str, npt.NDArray[Any]] = {_HEAD: np.frombuffer(additive.model_dump_json().encode(), dtype=np.uint8)}
    for number, nodes in enumerate(trees):
        stored = {name: getattr(nodes, name).astype(kind) for name, kind in _STORED_AS.items()}
        stored[_MEMBERS] = np.array([code for codes in nodes.members for code in codes], dtype=np.int16)
        stored[_MEMBER_COUNTS] = np.array([len(codes) for codes in nodes.members], dtype=np.uint16)
        arrays |= {f"{number}.{name}": array for name, array in stored.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_explainer(content: bytes) -> Explainer:
    """Read the file.

    Raises:
        ValueError: it is damaged, or holds no trees.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            additive = Additive.model_validate_json(arrays[_HEAD].tobytes())
            trees = [_read_nodes(arrays, number) for number in range(len(additive.ensembles))]
    except Exception as error:  # the readers of zips and arrays raise classes of many kinds
        raise ValueError(f"{type(error).__name__}: {error}") from error
    return Explainer(additive, trees)


def _read_nodes(arrays: Any, number: int) -> Nodes:
    members = _split(arrays[f"{number}.{_MEMBERS}"].tolist(), arrays[f"{number}.{_MEMBER_COUNTS}"].tolist())
    read = {name: arrays[f"{number}.{name}"].astype(kind) for name, kind in _READ_AS.items()}
    return Nodes(**read, members=members)


def _split(codes: list[int], counts: list[int]) -> tuple[tuple[float, ...], ...]:
    ends = np.cumsum(counts).tolist()
    return tuple(tuple(map(float, codes[end - count : end])) for count, end in zip(counts, ends, strict=True))


class StoredExplainer:
    """Makes the explainer from its file at the first use: for a forest that takes a second and 100 MB."""

    def __init__(self, content: bytes) -> None:
        """Keep the bytes of the file."""
        self._content = content
        self._explainer: Explainer | None = None
        self._lock = threading.Lock()

    def get(self) -> Explainer:
        """The explainer; several threads may call this at once.

        Raises:
            ValueError: the file holds none.
        """
        with self._lock:
            if self._explainer is None:
                self._explainer = read_explainer(self._content)
            return self._explainer
