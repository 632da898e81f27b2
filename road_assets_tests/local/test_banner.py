"""The message when the platform is ready, and the command in it."""

import os
import subprocess
from pathlib import Path

from road_api import auth
from road_assets.core.vocabulary import DATA_DEMONSTRATION, FEATURE_BY_NAME, FEATURE_NAMES, SCENE_EXAMPLE
from road_assets.local.banner import DEMO_PASSWORD, DEMO_USER, banner, curl

ADDRESSES = {"api": "http://127.0.0.1:1", "dagster": "http://127.0.0.1:2", "mlflow": "http://127.0.0.1:3"}


def test_the_banners_question_is_one_that_the_codebook_allows() -> None:
    assert tuple(SCENE_EXAMPLE) == FEATURE_NAMES
    assert all(code in FEATURE_BY_NAME[name].values for name, code in SCENE_EXAMPLE.items())


def test_the_banner_names_the_user_that_the_service_lets_in() -> None:
    assert (DEMO_USER, DEMO_PASSWORD) == (auth.DEMO_USERNAME, auth.DEMO_PASSWORD)


def test_the_banners_command_takes_the_token_from_the_answer_and_asks_with_it(tmp_path: Path) -> None:
    fake = tmp_path / "curl"
    fake.write_text(
        '#!/bin/sh\ncase "$*" in *"/auth/token"*) echo "{\\"access_token\\":\\"abc.DEF-1_2\\",\\"expires_in\\":1800}";;'
        ' *) echo "$@";; esac\n'
    )
    fake.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    command = curl(ADDRESSES["api"], DEMO_USER, DEMO_PASSWORD)
    asked = subprocess.run(["sh", "-c", command], env={"PATH": path}, capture_output=True, text=True, check=True)  # noqa: S603, S607
    assert "Authorization: Bearer abc.DEF-1_2 " in asked.stdout
    assert '{"catu":1,"sexe":1,' in asked.stdout
    assert asked.stdout.strip().endswith("http://127.0.0.1:1/protected/predict")


def test_generated_data_is_announced_and_passwords_only_in_a_demonstration() -> None:
    demo = banner(ADDRESSES, demo=True, data=DATA_DEMONSTRATION, seconds=12)
    assert DATA_DEMONSTRATION in demo
    assert DEMO_PASSWORD in demo
    serious = banner(ADDRESSES, demo=False, data=None, seconds=12)
    assert DEMO_PASSWORD not in serious
    assert "http://127.0.0.1:1/auth/token" in serious
