"""Figures of a generator: real rows must pass them, and each way of being wrong must show in its own figure."""

import numpy as np
import pytest

from road_assets.core.mix_quality import Halves, MixQuality, chain_generator, halve, measure_mix
from road_assets.core.mixing import CHAIN_COLUMNS, CodeMatrix
from road_assets_tests.core.core_frames import draw_matrix

ROWS = 1500


@pytest.fixture(scope="module")
def halves() -> Halves:
    codes = draw_matrix(2 * ROWS, seed=1)
    codes[:, CHAIN_COLUMNS.index("surf")] = codes[:, CHAIN_COLUMNS.index("atm")]  # wet when it rains
    accidents = np.array([f"{number // 2}" for number in range(len(codes))], dtype=object)
    return halve(codes, accidents, seed=1)


def _columns_alone(source: CodeMatrix, rows: int) -> CodeMatrix:
    rng = np.random.default_rng(0)
    return np.column_stack([rng.choice(source[:, column], rows) for column in range(source.shape[1])])


def _copies(source: CodeMatrix, rows: int) -> CodeMatrix:
    return source[np.random.default_rng(0).integers(0, len(source), rows)]


def test_halves_share_no_row_and_leave_out_what_is_too_much() -> None:
    codes = np.arange(100 * len(CHAIN_COLUMNS)).reshape(100, -1).astype(np.int64)
    parts = halve(codes.astype(np.int8), np.arange(100).astype(object), seed=3, most_rows=20)
    assert len(parts.source) == len(parts.unseen) == len(parts.unseen_accidents) == 20
    seen = {row.tobytes() for row in parts.source}
    assert not seen & {row.tobytes() for row in parts.unseen}


def test_the_same_seed_divides_alike() -> None:
    codes, accidents = draw_matrix(50, seed=2), np.arange(50).astype(object)
    assert (halve(codes, accidents, seed=5).source == halve(codes, accidents, seed=5).source).all()


@pytest.fixture(scope="module")
def chain(halves: Halves) -> MixQuality:
    return measure_mix(halves, chain_generator(1), seed=1)


@pytest.fixture(scope="module")
def alone(halves: Halves) -> MixQuality:
    return measure_mix(halves, _columns_alone, seed=1)


def test_the_chain_keeps_what_single_columns_lose(chain: MixQuality, alone: MixQuality) -> None:
    assert chain.association_error < alone.association_error
    assert chain.learning_ratio > max(0.9, alone.learning_ratio + 0.1)
    assert chain.detection_auc < alone.detection_auc - 0.2


def test_columns_sampled_alone_have_good_marginals_all_the_same(alone: MixQuality) -> None:
    assert alone.marginal_distance < 0.05


def test_figures_have_names_and_are_plain_numbers(chain: MixQuality) -> None:
    figures = chain.as_figures()
    assert figures["rows"] == ROWS
    assert all(type(value) is float for value in figures.values())


def test_copied_people_show_beside_what_is_natural(halves: Halves) -> None:
    found = measure_mix(halves, _copies, seed=1)
    assert found.copied_share == 1.0
    assert found.natural_copied_share < 0.2


def test_a_column_that_became_constant_shows_in_the_marginals(halves: Halves) -> None:
    def constant(source: CodeMatrix, rows: int) -> CodeMatrix:
        generated = _copies(source, rows)
        generated[:, 1:] = 1
        return generated

    assert measure_mix(halves, constant, seed=1).marginal_distance > 0.3


def test_rows_with_one_outcome_cannot_be_measured(halves: Halves) -> None:
    mild = Halves(halves.source[halves.source[:, 0] == 0], halves.unseen, halves.unseen_accidents)
    with pytest.raises(ValueError, match="both outcomes"):
        measure_mix(mild, chain_generator(1), seed=1)
