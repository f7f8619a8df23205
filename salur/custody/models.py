"""Movements, what was answered to them, and counts."""

from django.db import models
from django.db.models import F, Q

from salur.custody.rules import MAY_HAVE_OFFICER, WITH_OFFICER, Answer, Kind
from salur.offices.models import Office, Officer
from salur.programmes.models import Stage


class Movement(models.Model):
    """Cash of one stage offered from one hand to another; never changed. ``branch`` is headquarters for what moves there alone.

    Portions of one visit (several stages, one signature) share ``visit``. ``reference`` is the number on the paper that was signed, the
    bank's, or the case that is carried out.
    """

    append_only = True

    id = models.UUIDField(primary_key=True)
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", db_index=False)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    officer = models.ForeignKey(Officer, models.PROTECT, null=True, related_name="+", db_index=False)
    kind = models.TextField()
    amount_rp = models.BigIntegerField()
    visit = models.UUIDField()
    reference = models.TextField()
    given_by = models.TextField()
    offered_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            # The same paper is entered once; serves a branch's list of a stage as well.
            models.UniqueConstraint(name="custody_movement_reference_once", fields=["branch", "stage", "kind", "reference"]),
            models.CheckConstraint(name="custody_movement_kind_known", condition=Q(kind__in=[str(kind) for kind in Kind])),
            models.CheckConstraint(name="custody_movement_amount_positive", condition=Q(amount_rp__gt=0)),
            models.CheckConstraint(name="custody_movement_says_who_and_why", condition=~Q(given_by="") & ~Q(reference="")),
            models.CheckConstraint(
                name="custody_movement_officer_where_due",
                condition=(Q(officer__isnull=False) | ~Q(kind__in=sorted(str(kind) for kind in WITH_OFFICER)))
                & (Q(officer__isnull=True) | Q(kind__in=sorted(str(kind) for kind in MAY_HAVE_OFFICER))),
            ),
            models.CheckConstraint(name="custody_movement_recorded_later", condition=Q(offered_at__lte=F("recorded_at"))),
        ]  # fmt: skip


class Reply(models.Model):
    """The one answer to a movement; of two who answer at once the key lets one through."""

    append_only = True

    movement = models.OneToOneField(Movement, models.PROTECT, primary_key=True, related_name="reply")
    answer = models.TextField()
    actor = models.TextField()
    reason = models.TextField(blank=True)
    answered_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="custody_reply_answer_known", condition=Q(answer__in=[str(answer) for answer in Answer])),
            models.CheckConstraint(name="custody_reply_says_who", condition=~Q(actor="")),
            models.CheckConstraint(name="custody_reply_with_reason", condition=Q(answer="accepted") | ~Q(reason="")),
            models.CheckConstraint(name="custody_reply_recorded_later", condition=Q(answered_at__lte=F("recorded_at"))),
        ]  # fmt: skip


class Count(models.Model):
    """Cash counted by two: all stages together, because a bag has no programmes. No ``officer``: the branch's vault.

    ``expected_rp`` is what the books said when the count was recorded; a payment that arrives later changes what they should have said,
    and ``review`` looks at that.
    """

    append_only = True

    id = models.UUIDField(primary_key=True)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    officer = models.ForeignKey(Officer, models.PROTECT, null=True, related_name="+", db_index=False)
    day = models.DateField()
    counted_rp = models.BigIntegerField()
    expected_rp = models.BigIntegerField()
    explanation = models.TextField(blank=True)
    counted_by = models.TextField()
    witnessed_by = models.TextField()
    counted_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="custody_count_not_negative", condition=Q(counted_rp__gte=0)),
            models.CheckConstraint(
                name="custody_count_by_two", condition=~Q(counted_by="") & ~Q(witnessed_by="") & ~Q(counted_by=F("witnessed_by"))
            ),
            models.CheckConstraint(name="custody_count_recorded_later", condition=Q(counted_at__lte=F("recorded_at"))),
        ]  # fmt: skip
        # Serves a branch's counts of a day, and which count of a holder's day is the last.
        indexes = [models.Index(name="custody_count_of_day", fields=["branch", "day", "officer", "counted_at"])]
