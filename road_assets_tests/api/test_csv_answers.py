"""Answers to a file as a file."""

import csv
import io
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from road_api.services.csv_answers import ANSWER_COLUMNS, ROWS_PER_CALL, escape_formula
from road_assets.core.vocabulary import FEATURE_NAMES, SCENE_EXAMPLE

pytestmark = pytest.mark.anyio

CODES = tuple(map(str, SCENE_EXAMPLE.values()))
WRONG = ("7", *CODES[1:])


def make_file(*rows: tuple[str, ...], separator: str = ",", header: tuple[str, ...] = FEATURE_NAMES) -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=separator).writerows([header, *rows])
    return file.getvalue()


async def send(
    client: httpx.AsyncClient, content: str | bytes, accept: str = "text/csv", **headers: str
) -> httpx.Response:
    files = {"file_request": ("users.csv", content, "text/csv")}
    return await client.post("/protected/predict_csv", files=files, headers={"Accept": accept, **headers})


def read(answer: httpx.Response, separator: str = ",") -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text), delimiter=separator))


@pytest.mark.parametrize("separator", [";", ","])
async def test_the_columns_sent_come_back_with_the_answers_behind_them(
    client: httpx.AsyncClient, separator: str
) -> None:
    header = ("Num_Acc", *(name.upper() for name in FEATURE_NAMES))
    answer = await send(
        client, make_file(("1", *CODES), ("2", *WRONG), ("3", *CODES), separator=separator, header=header)
    )

    rows = read(answer, separator)
    single = (await client.post("/protected/predict", json=SCENE_EXAMPLE)).json()
    assert list(rows[0]) == [*header, *ANSWER_COLUMNS]
    assert [row["Num_Acc"] for row in rows] == ["1", "2", "3"]
    assert float(rows[0]["probability"]) == pytest.approx(single["probability"], abs=1e-6)
    assert (rows[0]["prediction"], rows[0]["label"], rows[0]["error"]) == ("0", single["label"], "")
    assert rows[1]["error"].startswith("catu: 7 is not one of its codes")
    assert (rows[1]["prediction"], rows[1]["probability"], rows[1]["label"]) == ("", "", "")
    assert rows[2] == {**rows[0], "Num_Acc": "3"}


async def test_an_answer_sent_again_is_answered_again(client: httpx.AsyncClient) -> None:
    first = await send(client, make_file(("-1", *CODES[1:]), CODES))
    again = read(await send(client, first.content))

    assert [row["catu"] for row in again] == ["-1", CODES[0]]
    assert all(row["error"] == "" and row["prediction"] for row in again)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
async def test_the_encoding_sent_is_kept(client: httpx.AsyncClient, encoding: str) -> None:
    file = make_file(("Allée du Château", *CODES), header=("adr", *FEATURE_NAMES)).encode(encoding)
    answer = await send(client, file)

    text = answer.content.decode(encoding)
    assert answer.content == text.encode(encoding)
    assert "Allée du Château" in text
    assert answer.charset_encoding == ("windows-1252" if encoding == "cp1252" else "utf-8")


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\u00a0=1", "\uff1d1"]
)
async def test_a_formula_is_disarmed_wherever_it_stands(client: httpx.AsyncClient, cell: str) -> None:
    header = ("adr", *FEATURE_NAMES, "=note")
    answer = await send(client, make_file((cell, *CODES, ""), (cell, cell, *CODES[1:], cell), header=header))

    names, good, wrong = csv.reader(io.StringIO(answer.text, newline=""))
    assert names[14] == "'=note"
    assert (good[0], good[14]) == (f"'{cell}", "")
    assert (wrong[0], wrong[1], wrong[14]) == (f"'{cell}",) * 3
    assert wrong[-1].startswith("catu: ")


@pytest.mark.parametrize("cell", ["-1", "+1", " -1", "-0,5", "-12.75", "", "plain", "a=b", "1-2"])
def test_numbers_and_plain_words_stay_what_they_are(cell: str) -> None:
    assert escape_formula(cell) == cell


async def test_lines_of_a_wrong_length_keep_the_columns_in_place(client: httpx.AsyncClient) -> None:
    short, long = CODES[:5], (*CODES, "9", "8")
    rows = read(await send(client, make_file(short, long, CODES)))

    assert [row["error"] for row in rows] == [
        "the line has 5 cells where the header has 13",
        "the line has 15 cells where the header has 13",
        "",
    ]
    assert rows[0]["situ"] == ""


async def test_quotes_separators_and_line_ends_in_cells_survive(client: httpx.AsyncClient) -> None:
    cell = 'a "quoted", two-line\r\ncell; of text'
    answer = await send(client, make_file((cell, *CODES), header=("adr", *FEATURE_NAMES)))

    assert list(csv.reader(io.StringIO(answer.text, newline="")))[1][0] == cell


async def test_json_and_csv_hold_the_same_answers_for_a_file_of_several_pieces(client: httpx.AsyncClient) -> None:
    file = make_file(*(((str(1 + i % 4)), *CODES[1:]) for i in range(2 * ROWS_PER_CALL + 3)))
    rows = read(await send(client, file))
    predictions = (await send(client, file, "application/json")).json()["predictions"]

    assert len(rows) == len(predictions) == 2 * ROWS_PER_CALL + 3
    assert [row["probability"] for row in rows] == [str(one.get("probability", "")) for one in predictions]
    assert sum("error" in one for one in predictions) == (2 * ROWS_PER_CALL + 3) // 4


async def test_long_records_are_answered_a_few_at_a_time_and_completely(client: httpx.AsyncClient) -> None:
    header = (*FEATURE_NAMES, *(f"note_{i}" for i in range(20)))
    long = tuple(f"{i}" * 20_000 for i in range(20))
    rows = read(await send(client, make_file(*[(*CODES, *long)] * 30, header=header)))

    assert [row["prediction"] for row in rows] == ["0"] * 30
    assert all(row["note_19"] == long[19] for row in rows)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("", "application/json"),
        ("application/json", "application/json"),
        ("image/png", "application/json"),
        ("garbage;;q=x", "application/json"),
        ("text/*", "text/csv"),
        ("text/csv;q=0.5, application/json;q=0.1", "text/csv"),
        ("text/csv;q=0.1, application/json", "application/json"),
    ],
)
async def test_the_caller_says_which_form_is_wanted(client: httpx.AsyncClient, accept: str, media_type: str) -> None:
    answer = await send(client, make_file(CODES), accept)

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert answer.headers["vary"] == "Accept"
    assert int(answer.headers["content-length"]) == len(answer.content)


async def test_a_file_that_cannot_be_read_is_a_problem_in_json_all_the_same(client: httpx.AsyncClient) -> None:
    answer = await send(client, "a,b\n1,2\n")

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_more_rows_than_the_setting_are_a_413_and_nothing_is_estimated(
    start: Callable[..., Any], registry: Any, make_bundle: Callable[..., Any], log_in: Callable[..., Any]
) -> None:
    registry.publish("1", make_bundle(0.0))
    async with start(csv_max_rows=3) as service:
        header = {"Authorization": f"Bearer {await log_in(service)}"}
        below = await send(service, make_file(*[CODES] * 3) + "\n\n", **header)
        above = await send(service, make_file(*[CODES] * 4), **header)

    assert len(read(below)) == 3
    assert above.status_code == 413
    assert "more than the 3 rows" in above.json()["detail"]
