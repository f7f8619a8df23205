"""Hot tables are cut by stage: one partition of each for every stage.

A new stage is loaded beside the living ones; an old one is detached and archived. A model says that its table is such a table by
inheriting ``StageTable``; the table itself is made by hand-written SQL in the folder's migration, because keys, partitions and
grants are more than Django's schema editor can say.
"""

from typing import ClassVar

from django.apps import apps
from django.db import connection, models

from salur.lib.rights import as_owner


class StageTable(models.Model):
    """A hot table, ``PARTITION BY LIST (stage)``, with the branch in every unique key so that it can be distributed.

    One that is ``loaded_beside`` gets a stage's partition when its first rows are attached, whole and with their keys.
    """

    loaded_beside: ClassVar[bool] = False
    by_branch: ClassVar[bool] = True  # a page sees the rows of its own branches (lib/rights.py)

    class Meta:
        abstract = True
        managed = False


def stage_tables(*, loaded_beside: bool = True) -> list[str]:
    """Every hot table; without those ``loaded_beside`` when told so."""
    models = (model for model in apps.get_models() if issubclass(model, StageTable))
    return sorted(model._meta.db_table for model in models if loaded_beside or not model.loaded_beside)


def open_stage_partitions(*, stage: int, loaded_beside: bool = False) -> None:
    """Make the partitions of one stage in every hot table; those that exist are left as they are.

    With ``loaded_beside`` also of tables whose rows are otherwise attached, for who writes them row by row.
    """
    with as_owner(), connection.cursor() as cursor:
        for table in stage_tables(loaded_beside=loaded_beside):
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {table}_s{stage:d} PARTITION OF {table} FOR VALUES IN ({stage:d})"
            )
