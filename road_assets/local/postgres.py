"""The embedded Postgres server, whose programs come from a wheel: created, started, taken over after a crash, stopped.

Only the wheel's programs are used. Its own launcher listens on a socket only, creates users of the operating system,
and leaves the server running when its owner is terminated.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil
import psycopg
from psycopg import sql

from road_assets.local.postgres_files import PostgresError, PostgresFiles, locate, remove_outside
from road_assets.local.secrets import secret
from road_assets.local.spawn import as_account, spawn, tail

DATABASES: Final = ("road", "dagster", "mlflow")
SUPERUSER: Final = "road"
HOST: Final = "127.0.0.1"
PASSWORD_SECRET: Final = "postgres_password"  # noqa: S105 - the name of the file, not the password

CONNECT_SECONDS: Final = 10
START_SECONDS: Final = 60.0
"""Recovery after a crash replays the log, which takes longer than an ordinary start of 0.1 s."""

STOP_SECONDS: Final = 10.0

SERVER_SETTINGS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "io_method": "sync",  # the default keeps three processes for what a small machine does as well itself
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": "road",
}


def server_identity(url: str) -> str:
    """Identity of a server's data: another one if the data directory was created anew.

    Args:
        url: of any of its databases.
    """
    with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
        ((number,),) = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchall()
    return str(number)


class EmbeddedPostgres:
    """One server with its data in ``ROAD_HOME``, a child of this process, on loopback only.

    As a context manager with ``port=0`` it is temporary, for tests: a free port, and nothing is left outside ``home``.
    """

    stop_signal: Final = signal.SIGINT
    """Postgres' fast shutdown: open transactions are rolled back, and the data is closed cleanly."""

    def __init__(self, home: Path, port: int = 0) -> None:
        """Name the server; nothing is made or started.

        Args:
            home: ``ROAD_HOME``; made if missing.
            port: TCP port, 0 for a free one.
        """
        self.home = home.absolute()
        self.port = port or _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.outside: Path | None = None
        """Directory outside the home, known once the server was launched and if it needs one."""
        self._temporary = port == 0

    @property
    def log(self) -> Path:
        """File that the server writes to."""
        return self.home / "logs" / "postgres.log"

    def url(self, database: str) -> str:
        """Address of a database, with user and password, as ``postgresql://…``."""
        password = secret(self.home, PASSWORD_SECRET)
        return f"postgresql://{SUPERUSER}:{password}@{HOST}:{self.port}/{database}"

    def start(self) -> None:
        """Start the server, making its data directory first if there is none, and wait until the databases are there.

        A server left over from an earlier owner is stopped first.

        Raises:
            PostgresError: it cannot be made or started; the message holds the end of its log.
        """
        self.launch()
        self.wait_until_ready()

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process without waiting for it.

        Raises:
            PostgresError: the data directory cannot be made or is another version's.
        """
        files = locate(self.home)
        self.outside = files.outside
        data = files.cluster / "data"
        _stop_leftovers(data)
        if not data.exists():
            self._make_data(files, data)
        _check_version(files, data)
        (data / "postmaster.pid").unlink(missing_ok=True)  # no server of this directory is running: see above
        settings = [f"--{name}={value}" for name, value in {**SERVER_SETTINGS, "port": str(self.port)}.items()]
        self.process = spawn(
            [str(files.programs / "postgres"), "-D", str(data), *settings],
            log=self.log,
            env=_environment(),
            cwd=Path("/"),
            account=files.account,
            orphan_signal=signal.SIGINT,
        )
        return self.process

    def wait_until_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until the server answers, then make the databases that are missing.

        Raises:
            PostgresError: the process ended, or did not answer in time.
        """
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            if self.process is None or self.process.poll() is not None:
                raise PostgresError(f"Postgres ended while starting on port {self.port}; {self.log}:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise PostgresError(f"Postgres did not answer within {seconds:.0f} s; {self.log}:\n{tail(self.log)}")
            time.sleep(0.05)
        self._make_databases()

    def is_ready(self) -> bool:
        """Whether the server accepts connections."""
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def identity(self) -> str:
        """Identity of the data directory, see ``server_identity``."""
        return server_identity(self.url("postgres"))

    def stop(self) -> None:
        """Stop the server and wait: open transactions are rolled back, then the data is closed cleanly."""
        if self.process is None:
            return
        for number, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, STOP_SECONDS), (signal.SIGKILL, None)):
            if self.process.poll() is None:
                self.process.send_signal(number)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
            break
        self.process = None

    def __enter__(self) -> Self:
        """Start the server."""
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the server; a temporary one also removes what is outside its home."""
        self.stop()
        if self._temporary:
            remove_outside(self.home)

    def _make_data(self, files: PostgresFiles, data: Path) -> None:
        draft = data.with_name("data.new")  # renamed when complete: a start that was interrupted begins again
        password_file = files.cluster / "initdb.password"
        command = [
            *(str(files.programs / "initdb"), "--pgdata", str(draft), f"--username={SUPERUSER}"),
            *(f"--pwfile={password_file}", "--auth=scram-sha-256", "--data-checksums", "--encoding=UTF8"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ]
        if draft.exists():
            shutil.rmtree(draft)
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        try:
            password_file.write_text(secret(self.home, PASSWORD_SECRET))
            if files.account is not None:
                os.chown(password_file, files.account.uid, files.account.gid)
            result = subprocess.run(  # noqa: S603 - a program of the wheel
                command,
                cwd="/",
                env=_environment(),
                capture_output=True,
                text=True,
                check=False,
                **as_account(files.account),
            )
        finally:
            password_file.unlink()
        if result.returncode != 0:
            raise PostgresError(f"initdb failed in {files.cluster}:\n{result.stdout}{result.stderr}".rstrip())
        draft.rename(data)

    def _make_databases(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            present = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
            for database in DATABASES:
                if database not in present:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _environment() -> dict[str, str]:
    """A minimal environment: the user's PG* variables must not affect this server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _check_version(files: PostgresFiles, data: Path) -> None:
    made_by = (data / "PG_VERSION").read_text().strip()
    answer = subprocess.run(  # noqa: S603 - a program of the wheel
        [str(files.programs / "postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    match = re.search(r"\d+", answer)
    if match is None or match.group() != made_by:
        raise PostgresError(
            f"{data} was made by Postgres {made_by}, installed is {answer.strip()!r}. Dump it with the old version's "
            "pg_dump, or start over with `road clean`"
        )


def _stop_leftovers(data: Path) -> None:
    """Stop whatever still runs in a data directory: a server whose owner was killed, or backends of a killed server."""
    leftovers = _processes_in(data)
    if not leftovers:
        return
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        for process in leftovers:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue  # its parent took it along
        _, leftovers = psutil.wait_procs(leftovers, timeout=STOP_SECONDS)
        if not leftovers:
            return
    raise PostgresError(f"processes {[process.pid for process in leftovers]} still run in {data}; end them by hand")


def _processes_in(data: Path) -> list[psutil.Process]:
    """Postgres processes of a data directory. It is their working directory, unlike that of other servers."""
    found = []
    for process in psutil.process_iter(["name"]):
        if (process.info["name"] or "").startswith("postgres"):
            try:
                if Path(process.cwd()) == data.resolve():
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue  # gone, or another user's: not from this directory
    return found
