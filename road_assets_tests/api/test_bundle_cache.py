"""The last good bundle on disk."""

from pathlib import Path
from typing import Any

import pytest

from road_api.services.bundle_cache import KEPT_BUNDLES, POINTER_FILE, BundleCache
from road_api.services.model_store import ModelRef
from road_assets.core.bundle import GRAPH_FILE, BundleError


@pytest.fixture
def cache(tmp_path: Path) -> BundleCache:
    return BundleCache(tmp_path / "state" / "api")


def test_nothing_saved_is_nothing_loaded(cache: BundleCache) -> None:
    assert cache.load() is None


def test_what_was_saved_last_is_loaded(cache: BundleCache, make_bundle: Any) -> None:
    for version, bias in (("1", 0.0), ("2", 1.0)):
        cache.save(ModelRef(version, f"run-{version}"), make_bundle(bias))

    assert cache.load() == (ModelRef("2", "run-2"), make_bundle(1.0))


def test_a_damaged_copy_is_replaced_by_saving_it_again(cache: BundleCache, make_bundle: Any, tmp_path: Path) -> None:
    ref, bundle = ModelRef("1", "run"), make_bundle(0.0)
    cache.save(ref, bundle)
    (graph,) = tmp_path.rglob(GRAPH_FILE)
    graph.write_bytes(b"")

    cache.save(ref, bundle)

    assert cache.load() == (ref, bundle)


def test_old_bundles_go_and_the_current_one_stays(cache: BundleCache, make_bundle: Any, tmp_path: Path) -> None:
    bundles = [make_bundle(float(bias)) for bias in range(KEPT_BUNDLES + 3)]
    for number, bundle in enumerate(bundles):
        cache.save(ModelRef(str(number), "run"), bundle)
    cache.save(ModelRef("again", "run"), bundles[-2])

    assert cache.load() == (ModelRef("again", "run"), bundles[-2])
    left = {path.name for path in (tmp_path / "state" / "api").iterdir()}
    assert POINTER_FILE in left
    assert len(left) == KEPT_BUNDLES + 1


def test_a_failed_save_leaves_what_was_there(cache: BundleCache, make_bundle: Any, tmp_path: Path) -> None:
    cache.save(ModelRef("1", "run"), make_bundle(0.0))
    broken = {**make_bundle(1.0), "no/such/folder": b""}

    with pytest.raises(OSError, match="no/such/folder"):
        cache.save(ModelRef("2", "run"), broken)

    assert cache.load() == (ModelRef("1", "run"), make_bundle(0.0))
    assert len(list((tmp_path / "state" / "api").iterdir())) == 2, "no scratch folder is left"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"folder": "x"}', '{"folder": 1, "version": "1", "run_id": "r"}']
)
def test_a_pointer_that_cannot_be_read_is_reported(
    cache: BundleCache, make_bundle: Any, tmp_path: Path, content: str
) -> None:
    cache.save(ModelRef("1", "run"), make_bundle(0.0))
    (tmp_path / "state" / "api" / POINTER_FILE).write_text(content)

    with pytest.raises(BundleError, match="cannot be read"):
        cache.load()
