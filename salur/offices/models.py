"""Offices, service areas, coverage, officers."""

from django.db import models
from django.db.models import Q

from salur.areas.models import Area
from salur.offices.rules import Kind, OfficerKind


class Office(models.Model):
    """``timezone`` is the zone of most of its areas: the office's day, cash book and lists follow it."""

    id = models.AutoField(primary_key=True)
    code = models.TextField()
    name = models.TextField()
    kind = models.TextField()
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")
    timezone = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="offices_office_code_once", fields=["code"]),
            models.CheckConstraint(
                name="offices_office_kind_known", condition=Q(kind__in=[kind.value for kind in Kind])
            ),
            models.CheckConstraint(
                name="offices_office_sub_branch_has_parent", condition=~Q(kind=Kind.KCP.value) | Q(parent__isnull=False)
            ),
        ]


class ServiceArea(models.Model):
    """An office serves everything below ``area`` that no office claims more deeply; one office claims an area."""

    office = models.ForeignKey(Office, models.PROTECT, related_name="service_areas")
    area = models.ForeignKey(Area, models.PROTECT, db_column="area", related_name="+", db_index=False)

    class Meta:
        db_table = "offices_service_area"
        constraints = [
            # Serves the coverage statement's look-up by area as well.
            models.UniqueConstraint(name="offices_service_area_claimed_once", fields=["area"])
        ]


class Coverage(models.Model):
    """Who serves a village; kept by the function ``offices_cover_villages`` (migrations/0002_coverage.sql) alone."""

    village = models.BigIntegerField(primary_key=True)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+")
    office = models.ForeignKey(Office, models.PROTECT, related_name="+")

    class Meta:
        db_table = "offices_coverage"


class Officer(models.Model):
    """Who hands over cash; ``code`` is the branch's own number of the person."""

    id = models.AutoField(primary_key=True)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="officers", db_index=False)
    code = models.TextField()
    name = models.TextField()
    kind = models.TextField()
    home_area = models.ForeignKey(
        Area, models.PROTECT, db_column="home_area", null=True, related_name="+", db_index=False
    )
    contract_ends = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="offices_officer_code_once_in_branch", fields=["branch", "code"]),
            models.CheckConstraint(
                name="offices_officer_kind_known", condition=Q(kind__in=[kind.value for kind in OfficerKind])
            ),
        ]
