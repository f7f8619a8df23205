"""Samples and answers; looks and signals; complaints; control visits. Facts are added, never changed."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from salur.offices.models import Office, Officer
from salur.oversight.rules import About, Kind, Method, Said, Step, Way
from salur.programmes.models import Stage
from salur.registry.models import SealedTable
from salur.registry.rules import LINE


def _known(field: str, words: type) -> Q:
    return Q(**{f"{field}__in": [str(word) for word in words]})  # type: ignore[attr-defined]


class Sample(models.Model):
    """Payments to ask about. ``population``: those recorded up to ``until`` and standing then; the seed orders them, the first ``size`` are asked.

    ``confidence_ppm`` is a share of a million.
    """

    append_only = True

    id = models.UUIDField(primary_key=True)
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", db_index=False)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    method = models.TextField()
    seed = models.BinaryField()
    until = models.DateTimeField()
    population = models.IntegerField()
    size = models.IntegerField()
    confidence_ppm = models.IntegerField()
    drawn_by = models.TextField()
    drawn_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="oversight_sample_method_known", condition=_known("method", Method)),
            models.CheckConstraint(name="oversight_sample_of_its_population", condition=Q(size__gt=0, size__lte=F("population"))),
            models.CheckConstraint(name="oversight_sample_confidence", condition=Q(confidence_ppm__range=(500_000, 999_999))),
            models.CheckConstraint(name="oversight_sample_drawn_by_somebody", condition=~Q(drawn_by="")),
        ]  # fmt: skip
        # Serves the samples of a stage, branch by branch.
        indexes = [models.Index(name="oversight_sample_of", fields=["stage", "branch", "drawn_at"])]


class Item(models.Model):
    """A payment that was drawn; ``number`` is its place in the seed's order."""

    append_only = True

    pk = models.CompositePrimaryKey("sample", "number")
    sample = models.ForeignKey(Sample, models.PROTECT, related_name="items", db_index=False)
    number = models.IntegerField()
    entitlement = models.UUIDField()
    payment = models.UUIDField()
    officer = models.IntegerField()
    village = models.BigIntegerField()
    amount_rp = models.BigIntegerField()

    class Meta:
        db_table = "oversight_sample_item"
        constraints = [models.UniqueConstraint(name="oversight_item_drawn_once", fields=["sample", "payment"])]


class Answer(models.Model):
    """What was said about an item; of several the highest ``round`` counts. ``got_rp``: what the family says it received."""

    append_only = True

    pk = models.CompositePrimaryKey("sample", "number", "round")
    sample = models.ForeignKey(Sample, models.PROTECT, related_name="+", db_index=False)
    number = models.IntegerField()
    round = models.SmallIntegerField()
    said = models.TextField()
    got_rp = models.BigIntegerField(null=True)
    note = models.TextField(blank=True)
    asked_by = models.TextField()
    asked_at = models.DateTimeField()

    class Meta:
        db_table = "oversight_sample_answer"
        constraints = [
            models.CheckConstraint(name="oversight_answer_known", condition=_known("said", Said)),
            models.CheckConstraint(name="oversight_answer_asked_by_somebody", condition=~Q(asked_by="")),
            models.CheckConstraint(name="oversight_answer_amount", condition=Q(got_rp__isnull=True) | Q(got_rp__gte=0)),
        ]


class Look(models.Model):
    """One reading of all that a branch did in a stage; ``digest`` covers its signals, so that the same finding is written once."""

    append_only = True

    id = models.UUIDField(primary_key=True)
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", db_index=False)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    looked_at = models.DateTimeField()
    looked_by = models.TextField()
    officers = models.IntegerField()
    digest = models.BinaryField()

    class Meta:
        # Serves the latest look at each branch.
        indexes = [models.Index(name="oversight_look_of", fields=["stage", "branch", "looked_at"])]


class Signal(models.Model):
    """Something odd about an officer's work, as a count beside the branch's; surprise and score are thousandths."""

    append_only = True

    pk = models.CompositePrimaryKey("look", "officer", "kind")
    look = models.ForeignKey(Look, models.PROTECT, related_name="signals", db_index=False)
    officer = models.ForeignKey(Officer, models.PROTECT, related_name="+", db_index=False)
    kind = models.TextField()
    count = models.IntegerField()
    of = models.IntegerField()
    peers_ppm = models.IntegerField()
    surprise_milli = models.IntegerField()
    score_milli = models.IntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="oversight_signal_kind_known", condition=_known("kind", Kind)),
            models.CheckConstraint(name="oversight_signal_part_of_whole", condition=Q(count__gt=0, count__lte=F("of"))),
        ]


class PhotoLook(models.Model):
    """What a stored photo looks like (lib/photo.py), computed once; ``detail`` −1: it could not be decoded."""

    append_only = True

    sha256 = models.BinaryField(primary_key=True)
    bits = models.BinaryField()
    detail = models.SmallIntegerField()

    class Meta:
        db_table = "oversight_photo_look"


class Complaint(SealedTable):
    """What somebody complains of; text and contact are sealed, because people write numbers and names. ``ticket`` is what they keep.

    ``entitlement`` is the family's, where the code of their letter was given; ``officer`` who paid it, or whom they name.
    """

    sealed: ClassVar[dict[str, bytes]] = {"text_sealed": LINE, "contact_sealed": LINE}

    id = models.UUIDField(primary_key=True)
    ticket = models.TextField()
    stage = models.ForeignKey(Stage, models.PROTECT, null=True, related_name="+", db_index=False)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    officer = models.ForeignKey(Officer, models.PROTECT, null=True, related_name="+", db_index=False)
    entitlement = models.UUIDField(null=True)
    way = models.TextField()
    about = models.TextField()
    text_sealed = models.BinaryField()
    contact_sealed = models.BinaryField(null=True)
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="oversight_complaint_ticket_once", fields=["ticket"]),
            models.CheckConstraint(name="oversight_complaint_way_known", condition=_known("way", Way)),
            models.CheckConstraint(name="oversight_complaint_about_known", condition=_known("about", About)),
            models.CheckConstraint(name="oversight_complaint_has_a_clock", condition=Q(due_at__gt=F("received_at"))),
        ]
        # Serves a branch's list, what is due first at the top.
        indexes = [models.Index(name="oversight_complaint_of_branch", fields=["branch", "due_at"])]


class ComplaintStep(models.Model):
    """What happened to a complaint; ``number`` counts from 1. ``text`` of an answer is what the complainant reads."""

    append_only = True

    pk = models.CompositePrimaryKey("complaint", "number")
    complaint = models.ForeignKey(Complaint, models.PROTECT, related_name="steps", db_index=False)
    number = models.SmallIntegerField()
    step = models.TextField()
    person = models.TextField(blank=True)
    text = models.TextField(blank=True)
    actor = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "oversight_complaint_step"
        constraints = [
            models.CheckConstraint(name="oversight_step_known", condition=_known("step", Step)),
            models.CheckConstraint(
                name="oversight_step_first_is_received", condition=Q(number=1, step="received") | Q(number__gt=1) & ~Q(step="received")
            ),
            models.CheckConstraint(name="oversight_step_taken_by_somebody", condition=~Q(step="taken") | ~Q(person="")),
            models.CheckConstraint(
                name="oversight_step_answer_says_something", condition=~Q(step__in=["answered", "reopened"]) | ~Q(text="")
            ),
        ]  # fmt: skip


class ControlVisit(models.Model):
    """A look at a venue while people are paid (kontrol lapangan): ``found`` holds each ``rules.Check`` and what was found."""

    append_only = True

    id = models.UUIDField(primary_key=True)
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", db_index=False)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    village = models.BigIntegerField()
    officer = models.ForeignKey(Officer, models.PROTECT, null=True, related_name="+", db_index=False)
    found = models.JSONField()
    note = models.TextField(blank=True)
    visited_by = models.TextField()
    visited_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "oversight_control_visit"
        constraints = [
            models.CheckConstraint(name="oversight_visit_by_somebody", condition=~Q(visited_by="")),
            models.CheckConstraint(
                name="oversight_visit_recorded_later", condition=Q(visited_at__lte=F("recorded_at"))
            ),
        ]
        # Serves the visits of a stage, branch by branch.
        indexes = [models.Index(name="oversight_visit_of", fields=["stage", "branch", "visited_at"])]


class VisitPhoto(models.Model):
    append_only = True

    pk = models.CompositePrimaryKey("visit", "sha256")
    visit = models.ForeignKey(ControlVisit, models.PROTECT, related_name="photos", db_index=False)
    sha256 = models.BinaryField()

    class Meta:
        db_table = "oversight_visit_photo"


class Knock(models.Model):
    """How often somebody without an account asked within an hour; ``source`` is a keyed hash. Not a fact: an hour later it is thrown away."""

    pk = models.CompositePrimaryKey("source", "hour")
    source = models.BinaryField()
    hour = models.DateTimeField()
    count = models.IntegerField()
