"""``salur <folder> <verb>``: the one door of the command line; each folder's verbs are in its ``commands.py``."""

import importlib
import os
import sys

import click

from salur import __version__
from salur.lib.problem import Problem

# Folder → the module with its click group; loaded when called, so that `salur db status` answers without loading Django.
FOLDERS = {
    "db": "salur.lib.commands:db",
    "audit": "salur.audit.commands:audit",
    "cases": "salur.cases.commands:cases",
    "areas": "salur.areas.commands:areas",
    "offices": "salur.offices.commands:offices",
    "programmes": "salur.programmes.commands:programmes",
    "registry": "salur.registry.commands:registry",
    "danom": "salur.danom.commands:danom",
    "field": "salur.field.commands:field",
    "payments": "salur.payments.commands:payments",
    "custody": "salur.custody.commands:custody",
    "planning": "salur.planning.commands:planning",
    "ledger": "salur.web.commands:ledger",
    "people": "salur.web.people.commands:people",
    "monitoring": "salur.monitoring.commands:monitoring",
    "reconciliation": "salur.reconciliation.commands:reconciliation",
    "oversight": "salur.oversight.commands:oversight",
    "evaluation": "salur.evaluation.commands:evaluation",
    "simulate": "salur.simulate.commands:simulate",
}
# Verbs of a folder that live in a room of their own, or on a higher floor because they read what is above the folder.
ADDED = {
    "planning": (
        "salur.planning.papers.commands:letters",
        "salur.planning.papers.commands:sheets",
        "salur.monitoring.outlook.commands:forecast",
    ),
}
SINGLE = {
    "demo": "salur.web.commands:demo",
    "doctor": "salur.web.commands:doctor",
    "migrate": "salur.web.commands:migrate",
    "serve": "salur.web.commands:serve",
    "verify": "salur.web.commands:verify",
    "work": "salur.jobs.commands:work",
}
# These make or look at the database themselves.
WITHOUT_DATABASE = {"db", "demo", "doctor"}


def _loaded(place: str) -> click.Command:
    module, name = place.split(":")
    command: click.Command = getattr(importlib.import_module(module), name)
    return command


class House(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*FOLDERS, *SINGLE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = FOLDERS.get(cmd_name) or SINGLE.get(cmd_name)
        if place is None:
            return None
        if cmd_name != "db":
            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "salur.web.settings")
            django = importlib.import_module("django")
            django.setup()
        command = _loaded(place)
        if isinstance(command, click.Group):
            for added in ADDED.get(cmd_name, ()):
                command.add_command(_loaded(added))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        # Asking for help must not start a server.
        if name not in WITHOUT_DATABASE and not {"--help", "-h"} & set(rest):
            importlib.import_module("salur.web.ready").ready_database(migrating=name == "migrate")
        return name, command, rest


@click.group(cls=House, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def salur() -> None:
    """Pay cash aid to millions of families through post offices, and prove it."""


def main() -> None:
    try:
        salur()
    except Problem as problem:
        click.echo(problem.message, err=True)
        sys.exit(2)
