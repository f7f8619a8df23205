"""What was asked for, how far it is, and the file that came of it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """waiting → running → done or failed; running → waiting when its worker died."""

    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class Job(models.Model):
    """One piece of work. ``done`` of ``total`` steps (0: not known yet); ``say`` is one sentence for the person who waits."""

    id = models.UUIDField(primary_key=True)
    kind = models.TextField()
    title = models.TextField()
    arguments = models.JSONField()
    asked_by = models.TextField()
    asked_at = models.DateTimeField()
    state = models.TextField(choices=State.choices, default=State.WAITING)
    done = models.IntegerField(default=0)
    total = models.IntegerField(default=0)
    say = models.TextField(blank=True)
    file_name = models.TextField(blank=True)
    file_type = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="jobs_job_state_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(name="jobs_job_asked_by_somebody", condition=~Q(asked_by="")),
            models.CheckConstraint(
                name="jobs_job_ended_when_over",
                condition=Q(state__in=["waiting", "running"], ended_at__isnull=True)
                | Q(state__in=["done", "failed"], ended_at__isnull=False),
            ),
        ]
        # Serves a person's list of jobs, the newest first.
        indexes = [models.Index(name="jobs_job_of_person", fields=["asked_by", "-asked_at"])]
