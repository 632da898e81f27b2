"""Shapley values by their definition, over all subsets, from scikit-learn's own trees: slow, nothing of ours in it."""

from collections.abc import Callable, Iterable
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt

Answer = Callable[[frozenset[int]], float]
"""What a tree answers when only these columns are known."""


def shapley_values(answer: Answer, used: Iterable[int], columns: int) -> npt.NDArray[np.float64]:
    """Mean of what each column adds over all orders in which the columns can come in; shape (columns,)."""
    players = sorted(set(used))
    values = np.zeros(columns)
    for player in players:
        others = [other for other in players if other != player]
        for size in range(len(others) + 1):
            weight = factorial(size) * factorial(len(others) - size) / factorial(len(players))
            for known in map(frozenset, combinations(others, size)):
                values[player] += weight * (answer(known | {player}) - answer(known))
    return values


def forest_values(pipeline: Any, row: npt.NDArray[np.float32]) -> tuple[float, npt.NDArray[np.float64]]:
    """Base and values of a forest behind imputation and scaling, in shares of trees.

    Args:
        pipeline: fitted by ``fit_forest``.
        row: shape (1, 13), NaN where unknown.
    """
    scaled = pipeline[:-1].transform(row)[0].astype(np.float32)
    forest = pipeline[-1]
    base, values = 0.0, np.zeros(row.shape[1])
    for estimator in forest.estimators_:
        tree = estimator.tree_
        shares = tree.value[:, 0, 1] / tree.value[:, 0, :].sum(axis=1)
        rows = tree.weighted_n_node_samples

        def answer(
            known: frozenset[int], node: int = 0, tree: Any = tree, shares: Any = shares, rows: Any = rows
        ) -> float:
            left, right = tree.children_left[node], tree.children_right[node]
            if left < 0:
                return float(shares[node])
            if tree.feature[node] in known:
                goes_left = scaled[tree.feature[node]] <= tree.threshold[node]
                return answer(known, left if goes_left else right)
            whole = rows[left] + rows[right]
            return float(rows[left] / whole * answer(known, left) + rows[right] / whole * answer(known, right))

        base += answer(frozenset()) / len(forest.estimators_)
        used = tree.feature[tree.children_left >= 0].tolist()
        values += shapley_values(answer, used, row.shape[1]) / len(forest.estimators_)
    return base, values


def boosting_values(trees: Any, row: npt.NDArray[np.float32]) -> tuple[float, npt.NDArray[np.float64]]:
    """Base and values of gradient boosting with categories, in log-odds without calibration.

    Args:
        trees: a fitted ``HistGradientBoostingClassifier``.
        row: shape (1, columns), NaN where unknown.
    """
    inside = trees._preprocess_X(row, reset=False)[0]  # noqa: SLF001 - categories first, their codes numbered
    categorical = np.asarray(trees.is_categorical_)
    original = np.concatenate([np.flatnonzero(categorical), np.flatnonzero(~categorical)])
    base = float(np.asarray(trees._baseline_prediction).item())  # noqa: SLF001
    values = np.zeros(row.shape[1])
    for (predictor,) in trees._predictors:  # noqa: SLF001
        nodes, bitsets = predictor.nodes, predictor.raw_left_cat_bitsets

        def goes_left(node: Any, bitsets: Any = bitsets) -> bool:
            value = inside[node["feature_idx"]]
            if np.isnan(value):
                return bool(node["missing_go_to_left"])
            if node["is_categorical"]:
                words = bitsets[node["bitset_idx"]]
                return bool(int(words[int(value) // 32]) >> int(value) % 32 & 1)
            return bool(value <= node["num_threshold"])

        def answer(known: frozenset[int], place: int = 0, nodes: Any = nodes, goes_left: Any = goes_left) -> float:
            node = nodes[place]
            if node["is_leaf"]:
                return float(node["value"])
            left, right = int(node["left"]), int(node["right"])
            if original[node["feature_idx"]] in known:
                return answer(known, left if goes_left(node) else right)
            rows = int(nodes[left]["count"]), int(nodes[right]["count"])
            return (rows[0] * answer(known, left) + rows[1] * answer(known, right)) / sum(rows)

        base += answer(frozenset())
        inner = nodes[nodes["is_leaf"] == 0]
        values += shapley_values(answer, original[inner["feature_idx"]].tolist(), row.shape[1])
    return base, values
