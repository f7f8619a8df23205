"""Quotations: percentages as somebody published them, kept as they were printed."""

from django.db import models
from django.db.models import Q

from salur.lib import rights
from salur.offices.models import Office
from salur.programmes.models import Stage

rights.BY_BRANCH |= {
    "monitoring_tally",
    "monitoring_change",
}  # made by hand (migrations/0002_tally.sql): sums that no ORM touches


class Quotation(models.Model):
    """A published percentage of an office, e.g. ``99,6`` from a newspaper.

    ``percent`` is text on purpose: publications mix rounding and truncation, so the printed digits cannot be computed again
    (docs/words.md, realisation), and a board shows them beside the counted figure, never instead of it.
    """

    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", db_index=False)
    office = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    percent = models.TextField()
    source = models.TextField()
    date = models.DateField()

    class Meta:
        constraints = [
            # Serves the board's look-up of a stage's quotations as well.
            models.UniqueConstraint(name="monitoring_quotation_once", fields=["stage", "office", "date", "source"]),
            models.CheckConstraint(
                name="monitoring_quotation_percent_form", condition=Q(percent__regex=r"^\d{1,3}([.,]\d+)?$")
            ),
            models.CheckConstraint(name="monitoring_quotation_source_given", condition=~Q(source="")),
        ]
