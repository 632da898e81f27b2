"""The commands ``road users …``. Each imports what it needs when it runs."""

import click

from road_assets.cli.settings import find_site


@click.group()
def users() -> None:
    """Say who may ask the service: the users in the tables. The service follows within seconds.

    Passwords are asked for, twice and without showing them; in a script they are read from standard input.
    """


@users.command("add")
@click.argument("name")
@click.option("--admin", is_flag=True, help="Allow to set the noise and to roll back, too.")
def add_user(name: str, admin: bool) -> None:  # noqa: FBT001 - click passes it by name
    """Add a user."""
    from road_assets.commands.users import add

    click.echo(add(find_site(), name, admin=admin))


@users.command("passwd")
@click.argument("name")
def set_user_password(name: str) -> None:
    """Set another password; tokens given before are refused."""
    from road_assets.commands.users import set_password

    click.echo(set_password(find_site(), name))


@users.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(["user", "admin"]))
def set_user_role(name: str, role: str) -> None:
    """Say what a user may do: ask for estimates, or also set the noise and roll back."""
    from road_assets.commands.users import set_role

    click.echo(set_role(find_site(), name, role))


@users.command("disable")
@click.argument("name")
def disable_user(name: str) -> None:
    """Refuse a user's log-ins and tokens."""
    from road_assets.commands.users import disable

    click.echo(disable(find_site(), name))


@users.command("enable")
@click.argument("name")
def enable_user(name: str) -> None:
    """Let a disabled user log in again."""
    from road_assets.commands.users import enable

    click.echo(enable(find_site(), name))


@users.command("list")
def show_users() -> None:
    """Show all users, disabled ones too."""
    from road_assets.commands.users import list_users

    click.echo(list_users(find_site()))
