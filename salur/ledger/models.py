"""Accounts and transfers."""

from django.db import models

from salur.lib.stage_tables import StageTable


class Account(models.Model):
    """A place where money is: ``vault``, ``float/17`` (the float of officer 17), ``paid`` …; its balance is debits − credits."""

    pk = models.CompositePrimaryKey("stage", "branch", "code")
    stage = models.IntegerField()
    branch = models.IntegerField()
    code = models.TextField()
    debits_rp = models.BigIntegerField()
    credits_rp = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "ledger_account"


class Transfer(StageTable):
    """An amount that moved from the account ``credit`` to the account ``debit``; never changed, never deleted."""

    append_only = True

    pk = models.CompositePrimaryKey("stage", "branch", "id")
    stage = models.IntegerField()
    branch = models.IntegerField()
    id = models.UUIDField()
    debit = models.TextField()
    credit = models.TextField()
    amount_rp = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta(StageTable.Meta):
        db_table = "ledger_transfer"
