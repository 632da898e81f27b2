"""The command ``road``. Each subcommand imports what it needs when it runs, so that ``road status`` is quick."""

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from road_assets.cli.settings import find_site, read_settings
from road_assets.cli.users import users
from road_assets.errors import UserFacingError
from road_assets.settings import PlatformSettings, ServiceSecrets

if TYPE_CHECKING:
    from datetime import datetime


class _Commands(click.Group):
    """Prints what a user can do something about as a message; everything else keeps its stack trace."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except UserFacingError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="road-assets")
def main() -> None:
    """Estimate, when a road accident is reported, whether somebody is severely hurt.

    All state is in ROAD_HOME (default .road). Ports: ROAD_API_PORT, ROAD_DAGSTER_PORT, ROAD_MLFLOW_PORT,
    ROAD_POSTGRES_PORT, ROAD_CODE_PORT.
    """


main.add_command(users)


@main.command()
@click.option("--demo", is_flag=True, help="Demonstration on loopback: a known user, secrets made on the spot.")
def up(demo: bool) -> None:  # noqa: FBT001 - click passes it by name
    """Start the platform, bring the newest release through it, and stay until Ctrl-C."""
    from road_assets.local.planning import ReleasePlanner
    from road_assets.local.platform import up as start

    site = find_site(demo=demo)
    start(site, ServiceSecrets(), ReleasePlanner(), click.echo)


@main.command()
def down() -> None:
    """Stop the platform of this ROAD_HOME."""
    from road_assets.local.control import down as stop

    click.echo(stop(find_site()))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(as_json: bool) -> None:  # noqa: FBT001 - click passes it by name
    """Tell what is running, and where."""
    from road_assets.local.control import status as look
    from road_assets.local.control import status_lines

    facts = look(find_site())
    click.echo(json.dumps(facts, indent=2) if as_json else "\n".join(status_lines(facts)))


@main.command(context_settings={"ignore_unknown_options": True})  # so that -1 is a value out of range
@click.argument("value", required=False, type=click.FloatRange(0, 1))
def noise(value: float | None) -> None:
    """Show or set the share of codes that are replaced at random, to rehearse drift.

    VALUE is a number from 0 to 1; 0 ends the rehearsal; without it the value in force is shown. It applies to
    partitions materialized from now on.
    """
    import getpass

    from road_assets.commands.noise import noise as show_or_set

    click.echo(show_or_set(find_site(), value, by=f"{getpass.getuser()} (road noise)"))


@main.command()
@click.argument("version", required=False, type=click.IntRange(min=1))
def rollback(version: int | None) -> None:
    """Bring back a model that was in production before.

    VERSION is its number in the model registry; without it, the one before the present one comes back. It stays until
    a newly trained one passes the gate. The platform goes on meanwhile.
    """
    import getpass

    from road_assets.commands.rollback import rollback as bring_back

    click.echo(bring_back(find_site(), version, by=f"{getpass.getuser()} (road rollback)"))


@main.command()
@click.argument("first", type=click.DateTime(["%Y-%m-%d"]))
@click.argument("last", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--months", default=12, type=click.IntRange(1, 12), show_default=True, help="Of a range at most.")
@click.option("--dagster", help="Address of Dagster's web server; by default ROAD_DAGSTER_URL, else this platform's.")
def backfill(first: "datetime", last: "datetime", months: int, dagster: str | None) -> None:
    """Ingest the days from FIRST to LAST in ranges that run side by side.

    Their releases must have been read (baac_release). As many runs go on at once as Dagster is set to
    (max_concurrent_runs). Doing it again gives the same rows.
    """
    from road_assets.commands.backfill import Backfill, run_backfill
    from road_assets.local.dagster_client import DagsterClient
    from road_assets.local.services import LOCATION
    from road_assets.server.settings import DagsterSettings

    if last < first:
        raise click.BadParameter("LAST is before FIRST")
    address = dagster or read_settings(DagsterSettings).dagster_url or find_site().addresses["dagster"]
    with closing(DagsterClient(address, LOCATION)) as client:
        seconds = run_backfill(client, Backfill(first.date(), last.date(), months), click.echo)
    click.echo(f"ingested {first:%Y-%m-%d} to {last:%Y-%m-%d} in {seconds:.0f} s")


@main.command()
@click.option("--admin", is_flag=True, help="Allow to set the noise and to roll back, too.")
def token(admin: bool) -> None:  # noqa: FBT001 - click passes it by name
    """Print a token for the service, good for half an hour; who can read its signing secret needs no password."""
    import getpass

    from road_assets.commands.token import make_token

    click.echo(make_token(find_site(), getpass.getuser(), admin=admin))


@main.command()
def migrate() -> None:
    """Bring the platform's own tables to the newest revision. `road up` does so itself.

    Dagster's tables are migrated by `dagster instance migrate`, MLflow's by `mlflow db upgrade`.
    """
    from road_assets.commands.migrate import migrate_tables

    click.echo(migrate_tables(find_site()))


@main.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--with-secrets", is_flag=True, help="Include what signs tokens and what Alertmanager brings.")
def backup(target: Path, with_secrets: bool) -> None:  # noqa: FBT001 - click passes it by name
    """Write all state to one file: tables, runs, models, Parquet files, reports. The platform may run meanwhile.

    TARGET is the file, or a directory, in which it is named by date and time. Where the databases are elsewhere, they
    are those of ROAD_DATABASE_URL, DAGSTER_POSTGRES_URL and MLFLOW_BACKEND_STORE_URI.
    """
    from road_assets.commands.backup import backup as save

    click.echo(save(find_site(), target, click.echo, with_secrets=with_secrets))


@main.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Replace the state that is there.")
@click.option("--check", is_flag=True, help="Only compare the file with its checksums, and say what it holds.")
def restore(source: Path, replace: bool, check: bool) -> None:  # noqa: FBT001 - click passes them by name
    """Bring back the state that `road backup` has written to SOURCE. The platform must be stopped, its databases not.

    State that is there is kept, and nothing is done, unless it may be replaced. Where the databases are elsewhere,
    they are made, migrated and their roles given their rights as by `road provision`.
    """
    from road_assets.commands.backup import check as look
    from road_assets.commands.backup import restore as bring_back

    if check:
        click.echo(look(source))
        return
    site = find_site()
    if site.settings.database_url is None:
        click.echo(bring_back(site, source, click.echo, replace=replace))
    else:
        from road_assets.server.restore import restore as bring_back_on_servers
        from road_assets.server.settings import ProvisionSettings

        click.echo(bring_back_on_servers(site, read_settings(ProvisionSettings), source, click.echo, replace=replace))


@main.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def clean(yes: bool) -> None:  # noqa: FBT001 - click passes it by name
    """Delete all state of this ROAD_HOME: tables, models, runs, downloaded releases."""
    from road_assets.local.control import clean as delete

    site = find_site()
    if site.home.exists() and not yes:
        click.confirm(f"delete {site.home} with its tables, models and runs?", abort=True)
    click.echo(delete(site))


@main.command("make-secrets")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def make_secrets(folder: Path) -> None:
    """Make random secrets for servers in FOLDER, as far as they are missing; what is there stays."""
    from road_assets.server.make_secrets import make_secrets as make

    made = make(folder)
    click.echo(f"made {', '.join(made)}" if made else "every secret is there; nothing was changed")


@main.command()
def provision() -> None:
    """Bring a Postgres server to this version: roles, databases, tables, rights. The embedded one needs none of it."""
    from road_assets.server.provision import provision as prepare
    from road_assets.server.restore import refuse_unfinished
    from road_assets.server.settings import ProvisionSettings

    refuse_unfinished(read_settings(PlatformSettings).home)
    prepare(read_settings(ProvisionSettings), click.echo)


@main.command()
def load() -> None:
    """Bring the newest release through the graph of a Dagster on servers, as `road up` does on one machine."""
    from road_assets.server.load import load as bring
    from road_assets.server.settings import DagsterSettings

    bring(read_settings(PlatformSettings), read_settings(DagsterSettings), click.echo)
