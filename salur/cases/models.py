"""Cases and what happened to them."""

from django.db import models
from django.db.models import Q

from salur.cases.rules import Act, Decision, Kind, Role


class Case(models.Model):
    """Something found; never changed. Its state is its latest event's (``rules.STATE_AFTER``)."""

    append_only = True
    by_branch = True

    id = models.UUIDField(primary_key=True)
    kind = models.TextField()
    subject = models.TextField()
    branch = models.IntegerField()
    stage = models.IntegerField(null=True)
    amount_rp = models.BigIntegerField(null=True)
    maker = models.TextField()
    facts = models.JSONField()
    opened_by = models.TextField()
    opened_at = models.DateTimeField()

    class Meta:
        constraints = [
            # Decides between two who find the same thing at once; serves the look-up by subject as well.
            models.UniqueConstraint(name="cases_case_opened_once", fields=["kind", "subject"]),
            models.CheckConstraint(name="cases_case_kind_known", condition=Q(kind__in=[str(kind) for kind in Kind])),
            models.CheckConstraint(
                name="cases_case_amount_not_negative", condition=Q(amount_rp__isnull=True) | Q(amount_rp__gte=0)
            ),
            models.CheckConstraint(name="cases_case_says_what", condition=~Q(subject="") & ~Q(opened_by="")),
        ]
        # Serves a branch's list, the oldest first.
        indexes = [models.Index(name="cases_case_of_branch", fields=["branch", "opened_at"])]


class Event(models.Model):
    """What happened to a case; ``number`` counts from 1, so of two who decide at once the key lets one through."""

    append_only = True

    pk = models.CompositePrimaryKey("case", "number")
    case = models.ForeignKey(Case, models.PROTECT, related_name="events", db_index=False)
    number = models.IntegerField()
    act = models.TextField()
    role = models.TextField(blank=True)
    office = models.IntegerField(null=True)
    decision = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    actor = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="cases_event_number_from_one", condition=Q(number=1, act="opened") | Q(number__gt=1) & ~Q(act="opened")
            ),
            models.CheckConstraint(name="cases_event_act_known", condition=Q(act__in=[str(act) for act in Act])),
            models.CheckConstraint(
                name="cases_event_lies_with_a_role",
                condition=~Q(act__in=["opened", "assigned"]) | Q(role__in=[str(role) for role in Role], office__isnull=False),
            ),
            models.CheckConstraint(
                name="cases_event_decision_known",
                condition=Q(act="decided", decision__in=[str(decision) for decision in Decision]) | ~Q(act="decided") & Q(decision=""),
            ),
            models.CheckConstraint(
                name="cases_event_with_reason", condition=Q(act__in=["opened", "assigned"]) | ~Q(reason="")
            ),
        ]  # fmt: skip
