"""What admins change, with a real Postgres and a real Dagster behind the service."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from road_api.services.dagster_client import DagsterClient, DagsterError
from road_api.tokens import Role, Tokens
from road_assets.core.orchestration import DAILY_JOB, TRAINING_JOB
from road_assets.definitions import defs
from road_assets_tests.api.servers import ask_dagster, free_port

pytestmark = pytest.mark.anyio

RUN = """query Run($id: ID!) { runOrError(runId: $id) { __typename
  ... on Run { jobName status runConfigYaml tags { key value } } } }"""


@pytest.fixture(autouse=True)
def _quiet_tables(tables_url: str) -> Iterator[None]:
    yield
    with psycopg.connect(tables_url) as connection:
        connection.execute("TRUNCATE noise_settings")


@pytest.fixture
async def admin(start: Any, secret: str, tables_url: str, dagster_address: str) -> AsyncIterator[httpx.AsyncClient]:
    """The service, asked by an operator of the machine."""
    async with start(wait=False, jwt_secret=secret, database_url=tables_url, dagster_url=dagster_address) as service:
        service.headers["Authorization"] = f"Bearer {Tokens(secret).make('operator:ann', Role.ADMIN)}"
        service.timeout = httpx.Timeout(60)
        yield service


def history(tables_url: str) -> list[tuple[float, str]]:
    with psycopg.connect(tables_url) as connection:
        return connection.execute("SELECT noise, set_by FROM noise_settings ORDER BY id").fetchall()


async def test_noise_is_kept_and_the_newest_day_is_materialized_at_once(
    admin: httpx.AsyncClient, tables_url: str, dagster_address: str
) -> None:
    answer = await admin.post("/config/noise", json={"noise": 0.8})

    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert (told["noise"], told["set_by"]) == (0.8, "operator:ann")
    assert history(tables_url) == [(0.8, "operator:ann")]
    day = date.fromisoformat(told["run"]["day"])
    assert date.today() - timedelta(days=2) <= day <= date.today()  # noqa: DTZ011 - the days of any zone
    assert told["run"]["url"] == f"{dagster_address}/runs/{told['run']['run_id']}"
    run = ask_dagster(dagster_address, RUN, id=told["run"]["run_id"])
    assert (run["jobName"], run["status"]) == ("daily_job", "QUEUED")
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    assert tags["dagster/partition"] == told["run"]["day"]
    assert tags["road/reason"].startswith("noise 0.8 (set ")

    shown = (await admin.get("/config/noise")).json()
    assert shown == {name: told[name] for name in ("noise", "since", "set_by")}


async def test_an_empty_request_ends_the_noise_and_the_history_stays(admin: httpx.AsyncClient, tables_url: str) -> None:
    before = await admin.get("/config/noise")
    await admin.post("/config/noise", json={"noise": 0.3})
    reset = await admin.post("/config/noise", json={})

    assert before.json() == {"noise": 0.0, "since": None, "set_by": None}
    assert (reset.status_code, reset.json()["noise"]) == (202, 0.0)
    assert [noise for noise, _ in history(tables_url)] == [0.3, 0.0]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 20_000, 422),
        (b"[]", 422),
        (b"0.8", 422),
        (b'{"noise": 1.1}', 422),
        (b'{"noise": -0.1}', 422),
        (b'{"noise": "0.8"}', 422),
        (b'{"noise": true}', 422),
        (b'{"noise": null}', 422),
        (b'{"nois": 0.8}', 422),
        (b'{"noise": NaN}', 400),
        (b'{"noise": 1e999}', 422),
        (b'{"noise": 0, "deep": ' + b"[" * 20_000, 422),
    ],
)
async def test_a_wrong_request_changes_nothing(
    admin: httpx.AsyncClient, tables_url: str, content: bytes, status: int
) -> None:
    answer = await admin.post("/config/noise", content=content)

    assert answer.status_code == status, answer.text
    assert answer.json()["detail"].endswith("nothing was changed")
    assert history(tables_url) == []


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/config/noise"), ("POST", "/config/noise"), ("POST", "/config/rollback")]
)
async def test_only_an_admin_may(admin: httpx.AsyncClient, log_in: Any, secret: str, method: str, path: str) -> None:
    del admin.headers["Authorization"]
    nobody = await admin.request(method, path, json={})
    user = await admin.request(method, path, json={}, headers={"Authorization": f"Bearer {await log_in(admin)}"})
    operator = Tokens(secret).make("operator:ann")
    plain = await admin.request(method, path, json={}, headers={"Authorization": f"Bearer {operator}"})

    assert (nobody.status_code, user.status_code, plain.status_code) == (401, 403, 403)
    assert "road token --admin" in user.json()["detail"]
    assert "noise" not in user.json()


async def test_without_dagster_the_noise_is_kept_and_the_answer_says_what_to_do(
    start: Any, secret: str, tables_url: str
) -> None:
    for address, reason in ((f"http://127.0.0.1:{free_port()}", "cannot be reached"), (None, "ROAD_API_DAGSTER_URL")):
        async with start(wait=False, jwt_secret=secret, database_url=tables_url, dagster_url=address) as service:
            service.headers["Authorization"] = f"Bearer {Tokens(secret).make('operator:ann', Role.ADMIN)}"
            answer = await service.post("/config/noise", json={"noise": 0.5})
            rollback = await service.post("/config/rollback", json={})

        assert answer.status_code == rollback.status_code == 502
        assert reason in answer.json()["detail"]
        assert "materialize daily_job in Dagster" in answer.json()["detail"]
        assert answer.json()["setting"]["noise"] == 0.5
        assert rollback.json()["detail"].startswith("nothing was changed: ")
    assert [noise for noise, _ in history(tables_url)] == [0.5, 0.5]


async def test_without_postgres_nothing_is_started(start: Any, secret: str, dagster_address: str) -> None:
    away = f"postgresql://road:hidden@127.0.0.1:{free_port()}/road"
    for url, reason in ((away, "Postgres does not answer"), (None, "ROAD_DATABASE_URL")):
        async with start(wait=False, jwt_secret=secret, database_url=url, dagster_url=dagster_address) as service:
            service.headers["Authorization"] = f"Bearer {Tokens(secret).make('operator:ann', Role.ADMIN)}"
            answers = [await service.post("/config/noise", json={}), await service.get("/config/noise")]

        assert [answer.status_code for answer in answers] == [503, 503]
        assert all(reason in answer.json()["detail"] for answer in answers)
        assert "hidden" not in json.dumps([answer.json() for answer in answers])


async def test_a_postgres_that_accepts_no_changes_is_a_clear_503(admin: httpx.AsyncClient, tables_url: str) -> None:
    database = sql.Identifier(conninfo_to_dict(tables_url)["dbname"])
    with psycopg.connect(tables_url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(database))
        try:
            answer = await admin.post("/config/noise", json={"noise": 0.5})
        finally:
            connection.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(database))

    assert answer.status_code == 503, answer.text
    assert "accepts no changes" in answer.json()["detail"]
    assert history(tables_url) == []


@pytest.mark.parametrize("version", [None, 3])
async def test_a_rollback_is_a_run_of_dagster_that_knows_who_wants_it(
    admin: httpx.AsyncClient, dagster_address: str, version: int | None
) -> None:
    answer = await admin.post("/config/rollback", json={"version": version})

    assert answer.status_code == 202, answer.text
    run = ask_dagster(dagster_address, RUN, id=answer.json()["run_id"])
    assert (run["jobName"], run["status"]) == ("rollback_job", "QUEUED")
    assert f"version: {'null' if version is None else version}" in run["runConfigYaml"]
    assert "decided_by: operator:ann" in run["runConfigYaml"]


async def test_what_dagster_refuses_is_told_in_its_words(dagster_address: str) -> None:
    dagster = DagsterClient(dagster_address)
    with pytest.raises(DagsterError, match="has no job nix_job"):
        await dagster.launch("nix_job", tags={})
    with pytest.raises(DagsterError, match=r"Dagster refused: .*nix"):
        await dagster.launch("rollback_job", tags={}, config={"ops": {"nix": {}}})
    with pytest.raises(DagsterError, match="rollback_job has no partition"):
        await dagster.newest_partition("rollback_job")
    await dagster.aclose()


@pytest.mark.parametrize("content", [b"<html>a portal</html>", b'{"detail": "not here"}', b"[]", b'{"data": null}'])
async def test_another_server_at_dagster_s_address_is_recognised(content: bytes) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(HTTPStatus.NOT_FOUND)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Keep the test's output clean."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request).start()
        dagster = DagsterClient(f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(DagsterError, match="answered 404 without a GraphQL response"):
            await dagster.launch("rollback_job", tags={})
        await dagster.aclose()


@pytest.mark.parametrize("version", [0, -1, 1.5, "3", 2**31, 10**40])
async def test_a_version_that_is_none_is_refused(admin: httpx.AsyncClient, version: object) -> None:
    assert (await admin.post("/config/rollback", json={"version": version})).status_code == 422


def test_the_real_code_location_has_the_jobs_that_the_service_starts() -> None:
    jobs = {job.name for job in defs.resolve_all_job_defs()}

    assert {DAILY_JOB, TRAINING_JOB} <= jobs
