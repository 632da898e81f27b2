"""The page about the architecture is what the code says now."""

from pathlib import Path

from road_assets.docs.__main__ import PAGE
from road_assets.docs.architecture import architecture
from road_assets.docs.markdown import first_sentence, table
from road_assets.docs.packages import import_diagram
from road_assets.local.postgres import EmbeddedPostgres


def test_the_page_is_what_the_code_writes(postgres: EmbeddedPostgres) -> None:
    assert PAGE.read_text(encoding="utf-8") == architecture(postgres.url("road")), "run make docs"


def test_a_cell_may_hold_any_text() -> None:
    assert table(("name", "said"), [("a|b", "two\nlines")]).splitlines()[-1] == "| a\\|b | two lines |"


def test_of_a_description_the_first_sentence_is_told() -> None:
    assert first_sentence("One row\nper user. Rows that break a rule are set aside.") == "One row per user"
    assert first_sentence(None) == ""


def test_an_import_of_another_package_is_an_arrow_and_one_of_its_own_is_none(tmp_path: Path) -> None:
    for package in ("road_api", "road_assets", "road_assets/core", "road_assets/assets"):
        (tmp_path / package).mkdir(parents=True, exist_ok=True)
        (tmp_path / package / "__init__.py").write_text("")
    (tmp_path / "road_assets/core/rules.py").write_text("import json\n")
    (tmp_path / "road_assets/assets/raw.py").write_text("from road_assets.core import rules\n")
    (tmp_path / "road_assets/assets/all.py").write_text("import road_assets.assets.raw\n")
    (tmp_path / "road_api/app.py").write_text("from road_assets.core.rules import json\n")
    arrows = [line.strip() for line in import_diagram(tmp_path).splitlines() if "-->" in line]
    assert arrows == ["road_api --> road_assets_core", "road_assets_assets --> road_assets_core"]
