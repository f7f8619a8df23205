"""Areas, the vintages of the register, and the links from codes that ceased to those that took over."""

from django.db import models
from django.db.models import F, Q


class Vintage(models.Model):
    """One edition of the register, named by the month it came into force (``2022-02``).

    Its row is written last by every import that changed something: folders above that keep a figure for each village
    (offices: who serves it) renew it by a trigger on this table, in the same transaction.
    """

    code = models.TextField(primary_key=True)
    imported_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="areas_vintage_code_form", condition=Q(code__regex=r"^\d{4}-(0[1-9]|1[0-2])$"))
        ]


class Area(models.Model):
    """A code that is or was valid, named as its last vintage names it; never removed, because facts point at it."""

    code = models.BigIntegerField(primary_key=True)
    name = models.TextField()
    level = models.SmallIntegerField()
    first_vintage = models.TextField()
    last_vintage = models.TextField()
    online = models.BooleanField(null=True)
    lat = models.FloatField(null=True)
    lng = models.FloatField(null=True)
    postal_code = models.TextField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="areas_area_level_of_code",
                condition=Q(level=1, code__range=(10, 99))
                | Q(level=2, code__range=(1000, 9999))
                | Q(level=3, code__range=(10_00_00, 99_99_99))
                | Q(level=4, code__range=(10_00_00_0000, 99_99_99_9999)),
            ),
            models.CheckConstraint(name="areas_area_name_given", condition=~Q(name="")),
            models.CheckConstraint(
                name="areas_area_vintages_in_order", condition=Q(first_vintage__lte=F("last_vintage"))
            ),
            models.CheckConstraint(
                name="areas_area_place_on_earth",
                condition=Q(lat__isnull=True, lng__isnull=True) | Q(lat__range=(-90, 90), lng__range=(-180, 180)),
            ),
            models.CheckConstraint(
                name="areas_area_postal_code_form",
                condition=Q(postal_code__isnull=True) | Q(postal_code__regex=r"^\d{5}$"),
            ),
        ]


class Entry(models.Model):
    """An area as one vintage wrote it: names change, and an old list is read with the names of its time.

    No foreign keys: entries are written by one import together with their area and vintage and never removed, and
    checking 91,281 rows twice costs more than writing them.
    """

    pk = models.CompositePrimaryKey("vintage", "code")
    vintage = models.TextField()
    code = models.BigIntegerField()
    name = models.TextField()


class Successor(models.Model):
    """``new`` took over from ``old``; a split has several rows of one ``old``, a merger several of one ``new``."""

    old = models.ForeignKey(Area, models.PROTECT, db_column="old", related_name="successors", db_index=False)
    new = models.ForeignKey(Area, models.PROTECT, db_column="new", related_name="predecessors", db_index=False)

    class Meta:
        constraints = [
            # Serves both the import (the same link again is no new link) and danom's look-up of a retired code.
            models.UniqueConstraint(name="areas_successor_once", fields=["old", "new"]),
            models.CheckConstraint(name="areas_successor_not_itself", condition=~Q(old=F("new"))),
        ]


class Boundary(models.Model):
    """Where an area ends: ``polygons`` as ``boundaries`` reads them, of the last file that had it. Drawn, never counted with."""

    area = models.OneToOneField(Area, models.PROTECT, primary_key=True, db_column="code", related_name="boundary")
    polygons = models.JSONField()
    # The box around it, in hundred-thousandths of a degree.
    west = models.IntegerField()
    south = models.IntegerField()
    east = models.IntegerField()
    north = models.IntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="areas_boundary_box_in_order", condition=Q(west__lt=F("east"), south__lt=F("north"))
            )
        ]
