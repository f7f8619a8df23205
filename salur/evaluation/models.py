"""What branches say helped and hindered, and counts as somebody published them."""

from django.db import models
from django.db.models import Q

from salur.evaluation.rules import COUNTS, Side, Tag
from salur.offices.models import Office
from salur.programmes.models import Stage


class Note(models.Model):
    """What helped or hindered a branch in a stage; never changed. ``replaces`` is the note that this one stands for now.

    A note without ``text`` takes the one it replaces back.
    """

    append_only = True

    id = models.UUIDField(primary_key=True)
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", db_index=False)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    side = models.TextField()
    tag = models.TextField()
    text = models.TextField(blank=True)
    replaces = models.OneToOneField("self", models.PROTECT, null=True, related_name="replaced_by")
    written_by = models.TextField()
    written_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="evaluation_note_side_known", condition=Q(side__in=[str(side) for side in Side])),
            models.CheckConstraint(name="evaluation_note_tag_known", condition=Q(tag__in=[str(tag) for tag in Tag])),
            models.CheckConstraint(
                name="evaluation_note_says_something", condition=(~Q(text="") | Q(replaces__isnull=False)) & ~Q(written_by="")
            ),
        ]  # fmt: skip
        # Serves the notes of a region's branches in a stage.
        indexes = [models.Index(name="evaluation_note_of_branch", fields=["stage", "branch"])]


class Figure(models.Model):
    """A count of an office as it was published, e.g. ``112.091`` families allocated; percentages are ``monitoring.Quotation``.

    ``printed`` is text on purpose: what was printed is a fact, whether it agrees with anything is looked at anew each time.
    """

    append_only = True

    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", db_index=False)
    office = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    measure = models.TextField()
    printed = models.TextField()
    source = models.TextField()
    date = models.DateField()

    class Meta:
        constraints = [
            # Serves the look-up of a stage's figures as well.
            models.UniqueConstraint(name="evaluation_figure_once", fields=["stage", "office", "measure", "date", "source"]),
            models.CheckConstraint(
                name="evaluation_figure_measure_known", condition=Q(measure__in=sorted(str(measure) for measure in COUNTS))
            ),
            models.CheckConstraint(name="evaluation_figure_printed_form", condition=Q(printed__regex=r"^\d{1,3}(\d*|([.,]\d{3})*)$")),
            models.CheckConstraint(name="evaluation_figure_source_given", condition=~Q(source="")),
        ]  # fmt: skip
