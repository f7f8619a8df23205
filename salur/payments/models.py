"""Payments, voids, failed visits and their tally; the tables are made by migrations/0001_payments.sql."""

from django.db import models

from salur.lib.stage_tables import StageTable


class Payment(StageTable):
    append_only = True

    pk = models.CompositePrimaryKey("stage", "branch", "entitlement", "round")
    stage = models.IntegerField()
    branch = models.IntegerField()
    entitlement = models.UUIDField()
    round = models.SmallIntegerField()
    id = models.UUIDField()
    officer = models.IntegerField()
    channel = models.SmallIntegerField()
    amount_rp = models.BigIntegerField()
    paid_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta(StageTable.Meta):
        db_table = "payments_payment"


class Void(StageTable):
    """Takes back the payment of the same key; the next payment of that entitlement has the next round."""

    append_only = True

    pk = models.CompositePrimaryKey("stage", "branch", "entitlement", "round")
    stage = models.IntegerField()
    branch = models.IntegerField()
    entitlement = models.UUIDField()
    round = models.SmallIntegerField()
    id = models.UUIDField()
    reason = models.TextField()
    voided_by = models.TextField()
    approved_by = models.TextField()
    voided_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta(StageTable.Meta):
        db_table = "payments_void"


class Failure(StageTable):
    append_only = True

    pk = models.CompositePrimaryKey("stage", "branch", "entitlement", "id")
    stage = models.IntegerField()
    branch = models.IntegerField()
    entitlement = models.UUIDField()
    id = models.UUIDField()
    officer = models.IntegerField()
    reason = models.TextField()
    visited_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta(StageTable.Meta):
        db_table = "payments_failure"


class Tally(StageTable):
    """How many families of a village were paid or failed on a day, by the danom version that brought them."""

    pk = models.CompositePrimaryKey("stage", "branch", "village", "version", "day", "recorded_day")
    stage = models.IntegerField()
    branch = models.IntegerField()
    village = models.BigIntegerField()
    version = models.IntegerField()
    day = models.DateField()
    recorded_day = models.DateField()
    paid = models.IntegerField()
    paid_rp = models.BigIntegerField()
    failed = models.IntegerField()

    class Meta(StageTable.Meta):
        db_table = "payments_tally"
