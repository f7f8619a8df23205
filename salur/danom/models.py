"""Batches, quarantine, warnings, entitlements, tally."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from salur.danom.rules import Kind
from salur.lib.stage_tables import StageTable
from salur.programmes.models import Stage
from salur.registry.models import SealedTable
from salur.registry.rules import LINE


class State(models.TextChoices):
    """imported → approved, or imported → cancelled; nothing else."""

    IMPORTED = "imported", "Menunggu persetujuan"
    APPROVED = "approved", "Disetujui"
    CANCELLED = "cancelled", "Dibatalkan"


class Batch(models.Model):
    """One file of the list. ``version`` counts a stage's batches; ``reasons`` counts lines by what was wrong with them.

    ``parts`` names a spreadsheet's sheets with the number of their first line, where there are several.
    """

    id = models.AutoField(primary_key=True)
    stage = models.ForeignKey(Stage, models.PROTECT, db_column="stage", related_name="+", db_index=False)
    version = models.IntegerField()
    name = models.TextField()
    kind = models.TextField(choices=[(kind.value, kind.value) for kind in Kind], db_default=Kind.LIST.value)
    file_name = models.TextField()
    file_sha256 = models.TextField()
    state = models.TextField(choices=State.choices)
    lines = models.IntegerField()
    accepted = models.IntegerField()
    warned = models.IntegerField()
    quarantined = models.IntegerField()
    duplicates = models.IntegerField()
    amount_rp = models.BigIntegerField()
    reasons = models.JSONField()
    parts = models.JSONField(db_default=[])
    imported_by = models.TextField()
    imported_at = models.DateTimeField()
    approved_by = models.TextField(default="")
    approved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="danom_batch_version_once", fields=["stage", "version"]),
            models.UniqueConstraint(
                name="danom_batch_file_once", fields=["stage", "file_sha256"], condition=~Q(state=State.CANCELLED)
            ),
            models.UniqueConstraint(name="danom_batch_name_once", fields=["stage", "name"]),
            models.CheckConstraint(
                name="danom_batch_no_line_lost", condition=Q(lines=F("accepted") + F("quarantined"))
            ),
            models.CheckConstraint(name="danom_batch_kind_known", condition=Q(kind__in=[kind.value for kind in Kind])),
            models.CheckConstraint(name="danom_batch_state_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(
                name="danom_batch_approved_by_somebody",
                condition=Q(state=State.APPROVED, approved_at__isnull=False) & ~Q(approved_by="")
                | ~Q(state=State.APPROVED) & Q(approved_at__isnull=True),
            ),
        ]


class Quarantine(SealedTable):
    """A line that could not be accepted: its reasons, and the line itself, sealed because it may hold a NIK.

    ``earlier_line`` is the line of the file with the same NIK; ``mended_by`` the approved batch that brought the line again, in order.
    """

    sealed: ClassVar[dict[str, bytes]] = {"content_sealed": LINE}

    pk = models.CompositePrimaryKey("batch_id", "line")
    batch = models.ForeignKey(Batch, models.PROTECT, related_name="+", db_index=False)
    line = models.IntegerField()
    reasons = models.TextField()
    content_sealed = models.BinaryField()
    earlier_line = models.IntegerField(null=True)
    mended_by = models.IntegerField(null=True)

    class Meta:
        db_table = "danom_quarantine"


class Warned(models.Model):
    """A line that was accepted with a warning."""

    pk = models.CompositePrimaryKey("batch_id", "line")
    batch = models.ForeignKey(Batch, models.PROTECT, related_name="+", db_index=False)
    line = models.IntegerField()
    reasons = models.TextField()

    class Meta:
        db_table = "danom_warning"


class Entitlement(StageTable):
    """An approved line: what a family is owed in a stage, at the branch that pays it.

    ``likeness`` is shared by lines of the same village, birth date and name. ``version`` is that of the batch that brought the line.
    """

    # A stage's first list is loaded beside the living ones and attached.
    loaded_beside = True

    pk = models.CompositePrimaryKey("stage", "branch", "id")
    stage = models.IntegerField()
    branch = models.IntegerField()
    id = models.UUIDField()
    family = models.UUIDField()
    village = models.BigIntegerField()
    amount_rp = models.BigIntegerField()
    version = models.IntegerField()
    line = models.IntegerField()
    number = models.TextField(null=True)
    held = models.BooleanField()
    likeness = models.BigIntegerField(null=True)

    class Meta(StageTable.Meta):
        db_table = "danom_entitlement"


class Tally(StageTable):
    """How many lines of a village a version brought, and how much they are worth."""

    pk = models.CompositePrimaryKey("stage", "branch", "village", "version")
    stage = models.IntegerField()
    branch = models.IntegerField()
    village = models.BigIntegerField()
    version = models.IntegerField()
    lines = models.IntegerField()
    amount_rp = models.BigIntegerField()

    class Meta(StageTable.Meta):
        db_table = "danom_tally"
