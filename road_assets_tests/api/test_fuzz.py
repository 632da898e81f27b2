"""Generated requests for every operation of the document: whatever comes, no mistake of ours shows."""

from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode, checks

EXAMPLES = 25


@pytest.fixture(scope="module")
def document(module_server: str) -> Any:
    return schemathesis.openapi.from_dict(httpx.get(f"{module_server}/docs/openapi.json", trust_env=False).json())


@pytest.fixture(scope="module")
def session(module_server: str) -> requests.Session:
    """Logged in, and past any proxy of the environment."""
    form = {"username": "johndoe", "password": "johnsecret"}
    token = httpx.post(f"{module_server}/auth/token", data=form, trust_env=False).json()["access_token"]
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {token}"
    return session


# A request without parameters or body cannot be made wrong, so the GETs have no negative half.
@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        *((operation, mode) for operation in ("createToken", "predict", "predictCsv") for mode in GenerationMode),
        *((operation, GenerationMode.POSITIVE) for operation in ("getLive", "getReady", "getMetrics")),
    ],
    ids=str,
)
def test_generated_requests_are_answered_as_the_document_says(
    document: Any, module_server: str, session: requests.Session, operation: str, mode: GenerationMode
) -> None:
    # The document cannot say which bytes are a CSV, so a file that fits it may still be refused.
    excluded = [checks.positive_data_acceptance] if operation == "predictCsv" else []

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=document.find_operation_by_id(operation).as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        answer = case.call_and_validate(base_url=module_server, session=session, excluded_checks=excluded)
        assert answer.status_code < 500

    ask()
