"""`salur planning`: the verbs of planning; those of its papers are in ``papers/commands.py``."""

import click


@click.group("planning")
def planning() -> None:
    """Who is paid where and when: plans, people, days, cash, and the papers."""
