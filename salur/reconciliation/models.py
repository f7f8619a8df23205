"""Closings and endings; the sweep's tasks; receipts; bank statements."""

from django.db import models
from django.db.models import Q

from salur.custody.models import Movement
from salur.lib.stage_tables import StageTable
from salur.offices.models import Office
from salur.programmes.models import Stage


class Closing(models.Model):
    """One branch's part of a place was closed by somebody; ``place`` is the office's or area's code that was named."""

    append_only = True

    id = models.UUIDField(primary_key=True)
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", db_index=False)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    place = models.TextField()
    changed = models.IntegerField()
    closed_by = models.TextField()
    closed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="reconciliation_closing_says_who", condition=~Q(closed_by="") & ~Q(place=""))
        ]
        # Serves the closings of a stage, branch by branch.
        indexes = [models.Index(name="reconciliation_closing_of", fields=["stage", "branch", "closed_at"])]


class Ending(StageTable):
    """How an entitlement that is not paid ended; the highest ``number`` counts. A late payment is a new row that says ``paid``."""

    append_only = True

    pk = models.CompositePrimaryKey("stage", "branch", "entitlement", "number")
    stage = models.IntegerField()
    branch = models.IntegerField()
    entitlement = models.UUIDField()
    number = models.SmallIntegerField()
    ending = models.TextField()
    reason = models.TextField()
    amount_rp = models.BigIntegerField()
    closing = models.UUIDField()

    class Meta(StageTable.Meta):
        db_table = "reconciliation_ending"


class Line(StageTable):
    """What a village's entitlements at a branch came to at a closing; the highest ``number`` counts."""

    append_only = True

    pk = models.CompositePrimaryKey("stage", "branch", "village", "number")
    stage = models.IntegerField()
    branch = models.IntegerField()
    village = models.BigIntegerField()
    number = models.IntegerField()
    closing = models.UUIDField()
    allocated = models.IntegerField()
    allocated_rp = models.BigIntegerField()
    paid = models.IntegerField()
    paid_rp = models.BigIntegerField()
    final_failed = models.IntegerField()
    returned = models.IntegerField()
    returned_rp = models.BigIntegerField()
    held = models.IntegerField()
    held_rp = models.BigIntegerField()
    disputed = models.IntegerField()
    disputed_rp = models.BigIntegerField()

    class Meta(StageTable.Meta):
        db_table = "reconciliation_line"


class Receipt(models.Model):
    """What the other side gave for money that was sent back: the treasury's number (NTPN), a bank's; with its scan's hash."""

    append_only = True

    movement = models.OneToOneField(Movement, models.PROTECT, primary_key=True, related_name="receipt")
    number = models.TextField()
    document_sha256 = models.TextField(blank=True)
    noted_by = models.TextField()
    noted_at = models.DateTimeField()

    class Meta:
        constraints = [
            # One receipt for one sending: nothing is returned twice on one paper.
            models.UniqueConstraint(name="reconciliation_receipt_number_once", fields=["number"]),
            models.CheckConstraint(name="reconciliation_receipt_says_what", condition=~Q(number="") & ~Q(noted_by="")),
        ]


class Task(StageTable):
    """Somebody is to see to a family that is not paid: at its door, at another office, or to have a final reason confirmed."""

    append_only = True

    pk = models.CompositePrimaryKey("stage", "branch", "entitlement", "number")
    stage = models.IntegerField()
    branch = models.IntegerField()
    entitlement = models.UUIDField()
    number = models.SmallIntegerField()
    chance = models.TextField()
    officer = models.IntegerField(null=True)
    due = models.DateField()
    given_by = models.TextField()
    given_at = models.DateTimeField()

    class Meta(StageTable.Meta):
        db_table = "reconciliation_task"


class Confirmation(StageTable):
    """What the TKSK or the village says of a family that cannot be paid: the reason, who says it, and the document's photo."""

    append_only = True

    pk = models.CompositePrimaryKey("stage", "branch", "entitlement", "number")
    stage = models.IntegerField()
    branch = models.IntegerField()
    entitlement = models.UUIDField()
    number = models.SmallIntegerField()
    reason = models.TextField()
    said_by = models.TextField()
    office = models.TextField()
    document_sha256 = models.BinaryField(null=True)
    noted_by = models.TextField()
    noted_at = models.DateTimeField()

    class Meta(StageTable.Meta):
        db_table = "reconciliation_confirmation"


class BankFile(models.Model):
    """One statement of a bank or giro account, as it came."""

    append_only = True

    id = models.UUIDField(primary_key=True)
    name = models.TextField()
    sha256 = models.TextField()
    account = models.TextField()
    opening_rp = models.BigIntegerField(null=True)
    closing_rp = models.BigIntegerField(null=True)
    imported_by = models.TextField()
    imported_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(name="reconciliation_bank_file_once", fields=["sha256"])]


class BankLine(models.Model):
    """A line of it: ``amount_rp`` above zero came in. ``occurrence`` tells lines of a day apart that are alike."""

    append_only = True

    id = models.UUIDField(primary_key=True)
    file = models.ForeignKey(BankFile, models.PROTECT, related_name="lines")
    number = models.IntegerField()
    account = models.TextField()
    booked = models.DateField()
    amount_rp = models.BigIntegerField()
    reference = models.TextField()
    text = models.TextField()
    occurrence = models.IntegerField()

    class Meta:
        constraints = [
            # The same line in two files that overlap is one line.
            models.UniqueConstraint(
                name="reconciliation_bank_line_once",
                fields=["account", "booked", "amount_rp", "reference", "occurrence"],
            ),
            models.CheckConstraint(name="reconciliation_bank_line_amount", condition=~Q(amount_rp=0)),
        ]


class BankMatch(models.Model):
    """This line of the bank is that movement of ours; each of the two once."""

    append_only = True

    line = models.OneToOneField(BankLine, models.PROTECT, primary_key=True, related_name="match")
    movement = models.OneToOneField(Movement, models.PROTECT, related_name="+")
    how = models.TextField()
    matched_by = models.TextField()
    matched_at = models.DateTimeField()
