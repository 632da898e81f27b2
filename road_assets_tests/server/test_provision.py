"""Addresses on a server for its roles; what is done on a real one is in ``test_roles``."""

import pytest
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict

from road_assets.server.provision import role_address


@pytest.mark.parametrize("host", ["db", "10.0.0.1", "::1"])
def test_a_role_is_sent_to_the_same_server_with_any_password(host: str) -> None:
    admin, password = f"host={host} port=6432 user=postgres dbname=postgres", "a:b\\c@d/e%f?g#h i"
    address = role_address(admin, "mlflow", "mlflow", password)
    given = conninfo_to_dict(address)
    assert given == {"user": "mlflow", "password": password, "host": host, "port": "6432", "dbname": "mlflow"}
    read = sa.make_url(address)
    assert (read.password, read.host, read.database) == (password, host, "mlflow")
