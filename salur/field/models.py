"""Devices, leases, assignments, events; hot tables are made by migrations/0001_field.sql."""

from django.db import models
from django.db.models import F, Q

from salur.lib.stage_tables import StageTable
from salur.offices.models import Office, Officer
from salur.programmes.models import Stage


class Enrolment(models.Model):
    """A one-time token that lets one phone become a device of an officer; only its hash is kept."""

    token_hash = models.BinaryField()
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    officer = models.ForeignKey(Officer, models.PROTECT, related_name="+", db_index=False)
    offered_by = models.TextField()
    offered_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="field_enrolment_token_once", fields=["token_hash"])]


class Device(models.Model):
    """One phone's browser profile. ``last_seq`` and ``last_digest`` are the head of its chain as far as it is here."""

    id = models.UUIDField(primary_key=True)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+")
    officer = models.ForeignKey(Officer, models.PROTECT, related_name="+", db_index=False)
    public_key = models.BinaryField()
    token_hash = models.BinaryField()
    enrolled_at = models.DateTimeField()
    enrolled_by = models.TextField()
    self_test = models.JSONField(default=dict)
    persisted = models.BooleanField(default=False)
    app = models.TextField(default="")
    last_seq = models.BigIntegerField(default=0)
    last_digest = models.BinaryField()
    highest_seq = models.BigIntegerField(default=0)  # of all events here: above last_seq when some wait
    last_stage = models.ForeignKey(Stage, models.PROTECT, null=True, related_name="+", db_index=False)
    last_seen_at = models.DateTimeField(null=True)
    last_happened_at = models.DateTimeField(null=True)
    last_skew_ms = models.BigIntegerField(null=True)
    unsent = models.IntegerField(default=0)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.TextField(default="")
    revoke_reason = models.TextField(default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="field_device_token_once", fields=["token_hash"]),
            models.CheckConstraint(
                name="field_device_revoked_with_reason", condition=Q(revoked_at__isnull=True) | ~Q(revoke_reason="")
            ),
        ]


class Lease(models.Model):
    """A work list: one device, one officer, one stage, one day. Ended leases free their families for another one."""

    id = models.UUIDField(primary_key=True)
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", db_index=False)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    device = models.ForeignKey(Device, models.PROTECT, related_name="leases")
    officer = models.ForeignKey(Officer, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    families = models.IntegerField()
    amount_rp = models.BigIntegerField()
    issued_by = models.TextField()
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="field_lease_expires_later", condition=Q(issued_at__lt=F("expires_at")))
        ]


class Quarantine(models.Model):
    """Bytes that are no event of a known device: kept whole for the administrator, never answered as recorded."""

    append_only = True

    received_at = models.DateTimeField()
    device = models.UUIDField(null=True)
    answer = models.TextField()
    say = models.TextField()
    envelope = models.BinaryField()
    digest = models.BinaryField()

    class Meta:
        # The same bytes sent again are kept once.
        constraints = [models.UniqueConstraint(name="field_quarantine_once", fields=["digest", "answer"])]


class Event(StageTable):
    append_only = True

    pk = models.CompositePrimaryKey("device", "seq", "stage", "branch")
    stage = models.IntegerField()
    branch = models.IntegerField()
    device = models.UUIDField()
    seq = models.BigIntegerField()
    id = models.UUIDField()
    kind = models.TextField()
    body = models.BinaryField()
    signature = models.BinaryField()
    digest = models.BinaryField()
    received_at = models.DateTimeField()
    happened_at = models.DateTimeField()
    answer = models.TextField()

    class Meta(StageTable.Meta):
        db_table = "field_event"


class Photo(StageTable):
    """A photo that an event speaks of: owed until a ``Blob`` of its hash is here."""

    pk = models.CompositePrimaryKey("device", "sha256", "seq", "stage", "branch")
    stage = models.IntegerField()
    branch = models.IntegerField()
    device = models.UUIDField()
    seq = models.BigIntegerField()
    sha256 = models.BinaryField()
    kind = models.TextField()
    bytes = models.IntegerField()

    class Meta(StageTable.Meta):
        db_table = "field_photo"


class Blob(models.Model):
    """A photo that is durable in the store; ``device`` sent it first."""

    sha256 = models.BinaryField(primary_key=True)
    bytes = models.IntegerField()
    device = models.UUIDField()
    stored_at = models.DateTimeField()


class LaterAnswer(StageTable):
    """What became of an event that was kept waiting."""

    append_only = True

    pk = models.CompositePrimaryKey("stage", "branch", "device", "seq", "number")
    stage = models.IntegerField()
    branch = models.IntegerField()
    device = models.UUIDField()
    seq = models.BigIntegerField()
    number = models.SmallIntegerField()
    answer = models.TextField()
    answered_at = models.DateTimeField()

    class Meta(StageTable.Meta):
        db_table = "field_answer"


class Assignment(StageTable):
    """A family on a work list."""

    pk = models.CompositePrimaryKey("stage", "branch", "entitlement", "lease")
    stage = models.IntegerField()
    branch = models.IntegerField()
    entitlement = models.UUIDField()
    lease = models.UUIDField()
    position = models.IntegerField()
    live = models.BooleanField()

    class Meta(StageTable.Meta):
        db_table = "field_assignment"
