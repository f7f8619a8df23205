"""Families; the table is made by migrations/0001_registry.sql."""

from django.db import models


class Family(models.Model):
    """One named recipient at the branch that pays them. A family that moves to another branch is there a new row of the same id."""

    pk = models.CompositePrimaryKey("id", "branch")
    id = models.UUIDField()
    branch = models.IntegerField()
    nik_sealed = models.BinaryField()
    kk_sealed = models.BinaryField(null=True)
    kk_key = models.UUIDField(null=True)
    key_version = models.SmallIntegerField()
    name = models.TextField()
    birth_date = models.DateField(null=True)
    sex = models.CharField(max_length=1, null=True)
    address = models.TextField()
    rt = models.TextField()
    rw = models.TextField()

    class Meta:
        managed = False
        db_table = "registry_family"
