"""Geotags and their tally; the tables are made by migrations/0001_evidence.sql."""

from django.db import models

from salur.lib.stage_tables import StageTable


class Geotag(StageTable):
    """Revision 0 is the first one; a later, better one is a new revision and the highest is shown."""

    append_only = True

    pk = models.CompositePrimaryKey("stage", "branch", "entitlement", "revision")
    stage = models.IntegerField()
    branch = models.IntegerField()
    entitlement = models.UUIDField()
    revision = models.SmallIntegerField()
    id = models.UUIDField()
    officer = models.IntegerField()
    lat_e7 = models.IntegerField()
    lon_e7 = models.IntegerField()
    accuracy_dm = models.IntegerField(null=True)
    taken_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    photo_sha256 = models.BinaryField(null=True)

    class Meta(StageTable.Meta):
        db_table = "evidence_geotag"


class Tally(StageTable):
    """How many families of a village got their first geotag on a day, by the danom version that brought them."""

    pk = models.CompositePrimaryKey("stage", "branch", "village", "version", "day", "recorded_day")
    stage = models.IntegerField()
    branch = models.IntegerField()
    village = models.BigIntegerField()
    version = models.IntegerField()
    day = models.DateField()
    recorded_day = models.DateField()
    geotagged = models.IntegerField()

    class Meta(StageTable.Meta):
        db_table = "evidence_tally"
