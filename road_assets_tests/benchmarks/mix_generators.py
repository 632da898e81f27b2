"""Three ways to generate accident users, measured in one run on the real rows of January to June 2024.

Run: ``ROAD_RELEASES_DIR=... python -m road_assets_tests.benchmarks.mix_generators``

Baselines, written here as they are commonly described:

- *columns alone*: each column drawn from its own distribution, as often done; the associations are lost.
- *Chow-Liu tree*: each column drawn given the one it shares most information with (Chow and Liu, 1968).

``detection`` is 0.5 where a classifier cannot tell generated from unseen real rows; ``natural`` is the share of unseen
real rows that equal a source row, which copies should not exceed.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree
from sklearn.metrics import mutual_info_score

from road_assets.core.mix_quality import Generate, Halves, chain_generator, halve, measure_mix
from road_assets.core.mixing import CHAIN_COLUMNS, CodeMatrix, labelled_codes
from road_assets.core.vocabulary import DATA_OFFICIAL
from road_assets.resources.releases.store import ReleaseStore

SEED = 1
LAST_MONTH = 6


def columns_alone(source: CodeMatrix, rows: int) -> CodeMatrix:
    """Draw each column from its own distribution."""
    rng = np.random.default_rng(SEED)
    return np.column_stack([rng.choice(source[:, column], rows) for column in range(source.shape[1])])


def chow_liu_tree(source: CodeMatrix, rows: int) -> CodeMatrix:
    """Draw each column given its parent in the tree of greatest mutual information."""
    rng, width = np.random.default_rng(SEED), source.shape[1]
    information = np.array(
        [[mutual_info_score(source[:, one], source[:, other]) for other in range(width)] for one in range(width)]
    )
    tree = minimum_spanning_tree(-np.triu(information, 1))
    order, parents = breadth_first_order(tree, 0, directed=False)
    generated = np.empty((rows, width), dtype=np.int8)
    generated[:, 0] = rng.choice(source[:, 0], rows)
    for column in order[1:]:
        generated[:, column] = _given(source[:, parents[column]], source[:, column], generated[:, parents[column]], rng)
    return generated


def _given(
    parent: npt.NDArray[np.int8], child: npt.NDArray[np.int8], drawn: npt.NDArray[np.int8], rng: np.random.Generator
) -> npt.NDArray[np.int8]:
    values = np.empty(len(drawn), dtype=np.int8)
    for code in np.unique(drawn):
        here = drawn == code
        values[here] = rng.choice(child[parent == code], here.sum())
    return values


def main() -> int:
    """Measure and print the table."""
    named = os.environ.get("ROAD_RELEASES_DIR")
    if not named:
        print("name the official files of 2024: ROAD_RELEASES_DIR=/path/to/2024", file=sys.stderr)
        return 2
    store = ReleaseStore(Path(named), Path(named))
    frame = store.load_release(store.find_release()).frame
    rows = labelled_codes(frame[frame["day"].dt.month <= LAST_MONTH].assign(data_source=DATA_OFFICIAL))
    halves = halve(rows[list(CHAIN_COLUMNS)].to_numpy(dtype="int8"), rows["num_acc"].to_numpy(dtype=object), seed=SEED)
    print(f"{len(halves.source)} real rows to learn from, as many unseen ones to compare with\n")
    generators: dict[str, Generate] = {
        "columns alone": columns_alone,
        "Chow-Liu tree": chow_liu_tree,
        "chain of trees": chain_generator(SEED),
    }
    figures = ("marginals", "assoc.", "detection", "learning", "copies", "natural", "seconds")
    print(f"{'generator':16} " + " ".join(f"{figure:>9}" for figure in figures))
    for name, generate in generators.items():
        _print(name, halves, generate)
    return 0


def _print(name: str, halves: Halves, generate: Generate) -> None:
    took: list[float] = []
    found = measure_mix(halves, _timed(generate, took), seed=SEED)
    print(
        f"{name:16} {found.marginal_distance:9.4f} {found.association_error:9.4f} {found.detection_auc:9.3f} "
        f"{found.learning_ratio:9.3f} {found.copied_share:9.3f} {found.natural_copied_share:9.3f} {took[0]:9.1f}"
    )


def _timed(generate: Callable[[CodeMatrix, int], CodeMatrix], took: list[float]) -> Generate:
    def timed(source: CodeMatrix, rows: int) -> CodeMatrix:
        started = time.perf_counter()
        generated = generate(source, rows)
        took.append(time.perf_counter() - started)
        return generated

    return timed


if __name__ == "__main__":
    sys.exit(main())
