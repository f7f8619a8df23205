"""Families and the keys that seal them; the tables are made by the migrations."""

from typing import ClassVar

from django.db import models

from salur.lib.stage_tables import StageTable
from salur.registry.rules import KK, NIK


class SealedTable(models.Model):
    """A table with sealed columns: ``sealed`` names each with its purpose, ``key_version`` tells the key. `registry rotate` renews them."""

    sealed: ClassVar[dict[str, bytes]]
    key_version = models.SmallIntegerField()

    class Meta:
        abstract = True


class Family(StageTable, SealedTable):
    """One recipient as a stage's list names them, at the branch that pays them. Who it is, is the id: the same in every stage.

    A family that moves to another branch is there a new row of the same id. Names go with their stage when it is archived.
    """

    # The families of a stage's first list are loaded beside the living ones and attached with it.
    loaded_beside = True

    sealed: ClassVar[dict[str, bytes]] = {"nik_sealed": NIK, "kk_sealed": KK}

    pk = models.CompositePrimaryKey("id", "branch", "stage")
    stage = models.IntegerField()
    id = models.UUIDField()
    branch = models.IntegerField()
    nik_sealed = models.BinaryField()
    kk_sealed = models.BinaryField(null=True)
    kk_key = models.UUIDField(null=True)
    name = models.TextField()
    birth_date = models.DateField(null=True)
    sex = models.CharField(max_length=1, null=True)
    address = models.TextField()
    rt = models.TextField()
    rw = models.TextField()

    class Meta(StageTable.Meta):
        db_table = "registry_family"


class Key(models.Model):
    version = models.SmallIntegerField(primary_key=True)
    key_sealed = models.BinaryField()
    made_by = models.TextField()
    made_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "registry_key"
