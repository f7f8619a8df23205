"""Programmes, their stages, later deadlines of single areas, and what was decided about windows since."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from salur.areas.models import Area
from salur.programmes.rules import Change, Geotag, Order, Proxy

GEOTAGS = [word.value for word in Geotag]


class Programme(models.Model):
    id = models.AutoField(primary_key=True)
    code = models.TextField()
    name = models.TextField()
    proxy = models.TextField()
    amount_ceiling_rp = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="programmes_programme_code_once", fields=["code"]),
            models.CheckConstraint(
                name="programmes_programme_proxy_known", condition=Q(proxy__in=[word.value for word in Proxy])
            ),
            models.CheckConstraint(name="programmes_programme_ceiling_positive", condition=Q(amount_ceiling_rp__gt=0)),
        ]


class Stage(models.Model):
    """One round. ``period_from`` and ``period_to`` are the first days of the first and last month that the aid is for.

    ``entered_at`` is when it was entered here: a stage entered after its deadline is history, which its deadline does not close.
    Whether a list needs a second person follows from the last three columns and ``rules.needs_second_person``.
    """

    id = models.AutoField(primary_key=True)
    programme = models.ForeignKey(Programme, models.PROTECT, related_name="stages")
    code = models.TextField()
    period_from = models.DateField()
    period_to = models.DateField()
    opens = models.DateField()
    target_days = models.SmallIntegerField()
    deadline = models.DateField()
    order = models.TextField()
    geotag_counter = models.TextField()
    geotag_community = models.TextField()
    geotag_door = models.TextField()
    second_person = models.BooleanField()
    second_person_above_lines = models.IntegerField(null=True)
    second_person_above_rp = models.BigIntegerField(null=True)
    entered_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(name="programmes_stage_code_once", fields=["code"]),
            models.CheckConstraint(
                name="programmes_stage_period_in_order", condition=Q(period_from__lte=F("period_to"))
            ),
            models.CheckConstraint(name="programmes_stage_window_in_order", condition=Q(opens__lte=F("deadline"))),
            models.CheckConstraint(name="programmes_stage_target_positive", condition=Q(target_days__gt=0)),
            models.CheckConstraint(
                name="programmes_stage_order_known", condition=Q(order__in=[word.value for word in Order])
            ),
            models.CheckConstraint(
                name="programmes_stage_geotag_known",
                condition=Q(geotag_counter__in=GEOTAGS) & Q(geotag_community__in=GEOTAGS) & Q(geotag_door__in=GEOTAGS),
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


class Decision(models.Model):
    """A word about the window of everything below ``area`` (0: everywhere) at ``branch`` (0: whichever); never changed, a later one counts after.

    ``closes_at`` is the first moment at which nobody pays any more. What they come to together says `programmes_closes_at`
    (migrations/0002_windows.sql). ``document`` is the paper that decided, ``document_sha256`` its scan, where there is one.
    """

    append_only = True

    pk = models.CompositePrimaryKey("stage", "number")
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="decisions", db_index=False)
    number = models.IntegerField()
    change = models.TextField()
    area = models.BigIntegerField()
    branch = models.IntegerField()
    closes_at = models.DateTimeField()
    reason = models.TextField()
    document = models.TextField()
    document_sha256 = models.TextField(blank=True)
    decided_by = models.TextField()
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="programmes_decision_change_known", condition=Q(change__in=[word.value for word in Change])
            ),
            models.CheckConstraint(
                name="programmes_decision_says_who_and_why",
                condition=~Q(reason="") & ~Q(document="") & ~Q(decided_by=""),
            ),
            models.CheckConstraint(name="programmes_decision_number_from_one", condition=Q(number__gte=1)),
        ]
