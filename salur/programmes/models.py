"""Programmes, their stages, and later deadlines of single areas."""

from django.db import models
from django.db.models import F, Q

from salur.areas.models import Area


class Proxy(models.TextChoices):
    """Who may collect for a family whose named recipient cannot come."""

    NONE = "none", "Tidak boleh diwakilkan"
    SAME_FAMILY = "same_family", "Anggota KK yang sama"
    APPROVED = "approved", "Dengan persetujuan koordinator"


class Order(models.TextChoices):
    """In which order villages are visited."""

    ONLINE_FIRST = "online_first", "Daerah bersinyal dahulu"
    HARD_FIRST = "hard_first", "Daerah sulit dahulu"
    TRAVEL = "travel", "Waktu tempuh tersingkat"


class Geotag(models.TextChoices):
    """When a family's house is photographed and located."""

    AT_PAYMENT = "at_payment", "Bersamaan dengan pembayaran"
    FOLLOW_UP = "follow_up", "Kunjungan tersendiri"
    NONE = "none", "Tidak diminta"


class Programme(models.Model):
    id = models.AutoField(primary_key=True)
    code = models.TextField()
    name = models.TextField()
    proxy = models.TextField(choices=Proxy.choices)
    amount_ceiling_rp = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="programmes_programme_code_once", fields=["code"]),
            models.CheckConstraint(name="programmes_programme_proxy_known", condition=Q(proxy__in=Proxy.values)),
            models.CheckConstraint(name="programmes_programme_ceiling_positive", condition=Q(amount_ceiling_rp__gt=0)),
        ]


class Stage(models.Model):
    """One round. ``period_from`` and ``period_to`` are the first days of the first and last month that the aid is for.

    A list is approved by a second person when ``second_person`` is set and the batch has more than
    ``second_person_above_lines`` lines or is worth more than ``second_person_above_rp``; a threshold left out counts
    as zero (see ``rules.needs_second_person``).
    """

    id = models.AutoField(primary_key=True)
    programme = models.ForeignKey(Programme, models.PROTECT, related_name="stages")
    code = models.TextField()
    period_from = models.DateField()
    period_to = models.DateField()
    opens = models.DateField()
    target_days = models.SmallIntegerField()
    deadline = models.DateField()
    order = models.TextField(choices=Order.choices)
    geotag_counter = models.TextField(choices=Geotag.choices)
    geotag_community = models.TextField(choices=Geotag.choices)
    geotag_door = models.TextField(choices=Geotag.choices)
    second_person = models.BooleanField()
    second_person_above_lines = models.IntegerField(null=True)
    second_person_above_rp = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="programmes_stage_code_once", fields=["code"]),
            models.CheckConstraint(
                name="programmes_stage_period_in_order", condition=Q(period_from__lte=F("period_to"))
            ),
            models.CheckConstraint(name="programmes_stage_window_in_order", condition=Q(opens__lte=F("deadline"))),
            models.CheckConstraint(name="programmes_stage_target_positive", condition=Q(target_days__gt=0)),
            models.CheckConstraint(name="programmes_stage_order_known", condition=Q(order__in=Order.values)),
            models.CheckConstraint(
                name="programmes_stage_geotag_known",
                condition=Q(geotag_counter__in=Geotag.values)
                & Q(geotag_community__in=Geotag.values)
                & Q(geotag_door__in=Geotag.values),
            ),
        ]


class Extension(models.Model):
    """A later deadline for everything below ``area``; the deepest area that holds a village wins."""

    stage = models.ForeignKey(Stage, models.PROTECT, related_name="extensions", db_index=False)
    area = models.ForeignKey(Area, models.PROTECT, db_column="area", related_name="+", db_index=False)
    deadline = models.DateField()
    reason = models.TextField()

    class Meta:
        constraints = [
            # Serves the look-up of a village's deadline as well.
            models.UniqueConstraint(name="programmes_extension_once_per_area", fields=["stage", "area"])
        ]
