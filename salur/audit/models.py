"""Entries of the trail, and where each chain ends."""

from django.db import models
from django.db.models import Q


class Entry(models.Model):
    """One act; never changed, never deleted. ``branch`` is an office's number, 0 the nation."""

    append_only = True

    pk = models.CompositePrimaryKey("branch", "number")
    branch = models.IntegerField()
    number = models.BigIntegerField()
    day = models.DateField()
    at = models.DateTimeField()
    actor = models.TextField()
    verb = models.TextField()
    subject = models.TextField()
    facts = models.JSONField()
    digest = models.BinaryField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="audit_entry_number_from_one", condition=Q(number__gte=1)),
            models.CheckConstraint(
                name="audit_entry_says_who_and_what", condition=~Q(actor="") & ~Q(verb="") & ~Q(subject="")
            ),
        ]
        indexes = [
            # Serves the head of a day and the list of a day.
            models.Index(name="audit_entry_of_day", fields=["day", "branch", "number"]),
            # Serves "who did what to this", also for all subjects of one sort (`cases/`).
            models.Index(name="audit_entry_of_subject", fields=["subject", "at"], opclasses=["text_pattern_ops", "timestamptz_ops"]),
        ]  # fmt: skip


class Chain(models.Model):
    """The end of a branch's chain: its last entry's number, day and digest. Its row is the lock under which entries are added."""

    branch = models.IntegerField(primary_key=True)
    number = models.BigIntegerField()
    day = models.DateField(null=True)
    digest = models.BinaryField()
    seal = models.BinaryField()
