"""Inputs, coordination, plans and what they hold, people to hire; the slots of families are made by migrations/0002_slot.sql.

Everything here is a fact that somebody decided at a moment: rows are added, never changed. Of inputs and contacts the last row counts; a plan is
a draft until a ``State`` row says otherwise.
"""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from salur.lib.stage_tables import StageTable
from salur.offices.models import Office, Officer
from salur.planning.coordination import Body, StepKind
from salur.planning.rules import Channel, Lack, Order
from salur.planning.stored import PlanState
from salur.programmes.models import Stage


class Input(models.Model):
    """One thing that the branch says about itself (``area`` 0), a kecamatan, a village or an ``officer`` (by code).

    ``settings.py`` has the names and their defaults.
    """

    append_only = True

    id = models.UUIDField(primary_key=True)
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", db_index=False)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    area = models.BigIntegerField(default=0)
    officer = models.TextField(blank=True, default="")
    name = models.TextField()
    value = models.JSONField(null=True)
    set_by = models.TextField()
    set_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(name="planning_input_says_who_and_what", condition=~Q(set_by="") & ~Q(name=""))]  # fmt: skip
        # Serves the branch's inputs: the last of each name.
        indexes = [models.Index(name="planning_input_of_branch", fields=["branch", "stage", "area", "name", "id"])]


class Contact(models.Model):
    """Whom the branch talks to at a body: pemda or Dinsos of a kabupaten, Polsek, Koramil, camat of a kecamatan, kades of a village, RT/RW."""

    append_only = True

    id = models.UUIDField(primary_key=True)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    body = models.TextField()
    area = models.BigIntegerField()
    name = models.TextField()
    position = models.TextField(blank=True)
    phone = models.TextField(blank=True)
    recorded_by = models.TextField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="planning_contact_body_known", condition=Q(body__in=[body.value for body in Body])),
            models.CheckConstraint(name="planning_contact_named", condition=~Q(name="") & ~Q(recorded_by="")),
        ]  # fmt: skip
        indexes = [models.Index(name="planning_contact_of_area", fields=["branch", "area", "body", "id"])]


class Step(models.Model):
    """A letter sent, a confirmation, its withdrawal, or a visit with what was agreed. ``ready_on`` is from when the body agrees to payments."""

    append_only = True

    id = models.UUIDField(primary_key=True)
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", db_index=False)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    body = models.TextField()
    area = models.BigIntegerField()
    kind = models.TextField()
    day = models.DateField()
    ready_on = models.DateField(null=True)
    document = models.TextField(blank=True)
    note = models.TextField(blank=True)
    recorded_by = models.TextField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="planning_step_body_known", condition=Q(body__in=[body.value for body in Body])),
            models.CheckConstraint(name="planning_step_kind_known", condition=Q(kind__in=[kind.value for kind in StepKind])),
            models.CheckConstraint(name="planning_step_says_who", condition=~Q(recorded_by="")),
            # A confirmation without a day or a paper binds nobody; a letter has a number.
            models.CheckConstraint(
                name="planning_step_confirmed_with_document",
                condition=~Q(kind="confirmed") | (Q(ready_on__isnull=False) & ~Q(document="")),
            ),
            models.CheckConstraint(name="planning_step_letter_numbered", condition=~Q(kind="letter") | ~Q(document="")),
            models.CheckConstraint(name="planning_step_visit_says_what", condition=~Q(kind__in=["visit", "withdrawn"]) | ~Q(note="")),
        ]  # fmt: skip
        indexes = [models.Index(name="planning_step_of_branch", fields=["branch", "stage", "area", "body", "id"])]


class Plan(models.Model):
    """One version of a branch's plan of a stage. ``inputs`` is all it was made from, ``assumed`` the defaults nobody had said anything about."""

    append_only = True

    id = models.UUIDField(primary_key=True)
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", db_index=False)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    version = models.IntegerField()
    based_on = models.ForeignKey("self", models.PROTECT, null=True, related_name="+", db_index=False)
    # Whose needs (people to hire) these are, when a hand edit took them over: offers and contracts point there.
    root = models.ForeignKey("self", models.PROTECT, null=True, related_name="+", db_index=False)
    change = models.TextField(blank=True)  # what a hand edit or a new planning did to ``based_on``
    order = models.TextField()
    first_day = models.DateField()
    days = models.SmallIntegerField()
    families = models.IntegerField()
    unmet = models.IntegerField()
    hire_leaders = models.SmallIntegerField()
    hire_others = models.SmallIntegerField()
    hire_from = models.DateField(null=True)
    rest = models.JSONField()
    proof = models.JSONField()
    inputs = models.JSONField()
    assumed = models.JSONField()
    made_by = models.TextField()
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="planning_plan_version_once", fields=["branch", "stage", "version"]),
            models.CheckConstraint(name="planning_plan_order_known", condition=Q(order__in=[order.value for order in Order])),
            models.CheckConstraint(name="planning_plan_counts", condition=Q(unmet__gte=0) & Q(unmet__lte=F("families"))),
            models.CheckConstraint(name="planning_plan_says_who", condition=~Q(made_by="")),
            models.CheckConstraint(
                name="planning_plan_hires_have_a_day", condition=Q(hire_from__isnull=False) | Q(hire_leaders=0, hire_others=0)
            ),
        ]  # fmt: skip


class State(models.Model):
    """A plan was published (by a second person), or superseded by the one published after it."""

    append_only = True

    id = models.UUIDField(primary_key=True)
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="states", db_index=False)
    state = models.TextField()
    actor = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="planning_state_once", fields=["plan", "state"]),
            models.CheckConstraint(name="planning_state_known", condition=Q(state__in=[s.value for s in PlanState if s is not PlanState.DRAFT])),
            models.CheckConstraint(name="planning_state_says_who", condition=~Q(actor="")),
        ]  # fmt: skip


class Visit(models.Model):
    """What a plan does on a day: a session at a venue (``host`` is its village, ``size`` its heads), a round door to door (``size`` its halves),
    or a counter day."""

    append_only = True

    pk = models.CompositePrimaryKey("plan", "channel", "number")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="+", db_index=False)
    channel = models.TextField()
    number = models.IntegerField()
    day = models.DateField()
    span = models.SmallIntegerField(null=True)
    host = models.BigIntegerField(null=True)
    size = models.SmallIntegerField(default=0)
    venue = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="planning_visit_channel_known", condition=Q(channel__in=[channel.value for channel in Channel])),
            models.CheckConstraint(
                name="planning_visit_session_whole", condition=~Q(channel="session") | Q(span__isnull=False, host__isnull=False)
            ),
        ]  # fmt: skip


class Served(models.Model):
    """How many families of a village a visit serves."""

    append_only = True

    pk = models.CompositePrimaryKey("plan", "channel", "number", "village")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="+", db_index=False)
    channel = models.TextField()
    number = models.IntegerField()
    village = models.BigIntegerField()
    families = models.IntegerField()

    class Meta:
        constraints = [models.CheckConstraint(name="planning_served_somebody", condition=Q(families__gt=0))]


class Duty(models.Model):
    """One seat of a visit: ``person`` is an officer, or below zero the number of somebody to hire (``Need``); NULL while nobody fills it."""

    append_only = True

    pk = models.CompositePrimaryKey("plan", "channel", "number", "seat")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="+", db_index=False)
    channel = models.TextField()
    number = models.IntegerField()
    seat = models.SmallIntegerField()
    day = models.DateField()
    span = models.SmallIntegerField()
    person = models.IntegerField(null=True)
    leads = models.BooleanField()

    class Meta:
        constraints = [models.CheckConstraint(name="planning_duty_seat_counted", condition=Q(seat__gte=1))]


class Unmet(models.Model):
    """Families that a plan does not reach."""

    append_only = True

    pk = models.CompositePrimaryKey("plan", "village", "channel")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="+", db_index=False)
    village = models.BigIntegerField()
    channel = models.TextField()
    families = models.IntegerField()

    class Meta:
        constraints = [models.CheckConstraint(name="planning_unmet_somebody", condition=Q(families__gt=0))]


class Shortfall(models.Model):
    """What is missing, and how much of it (units: ``rules.Shortfall``)."""

    append_only = True

    pk = models.CompositePrimaryKey("plan", "lack", "area")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="+", db_index=False)
    lack = models.TextField()
    area = models.BigIntegerField()
    amount = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(name="planning_shortfall_lack_known", condition=Q(lack__in=[lack.value for lack in Lack]))]  # fmt: skip


class Need(models.Model):
    """Somebody to hire: ``number`` is below zero, as in ``Duty``; ``kecamatan`` is where to look."""

    append_only = True

    pk = models.CompositePrimaryKey("plan", "number")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="+", db_index=False)
    number = models.IntegerField()
    kecamatan = models.IntegerField(null=True)
    may_lead = models.BooleanField()
    from_day = models.DateField()

    class Meta:
        constraints = [models.CheckConstraint(name="planning_need_numbered", condition=Q(number__lt=0))]


class Offer(models.Model):
    """Work offered to a named person for one need of a plan (its ``root``), at a rate, until a day. ``answer`` rows follow in ``OfferAnswer``."""

    append_only = True

    id = models.UUIDField(primary_key=True)
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", db_index=False)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="+", db_index=False)
    need = models.IntegerField()
    code = models.TextField()  # what the branch will call this officer
    name = models.TextField()
    home_area = models.BigIntegerField(null=True)
    first_day = models.DateField()
    last_day = models.DateField()
    daily_rp = models.BigIntegerField()
    offered_by = models.TextField()
    offered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="planning_offer_days_in_order", condition=Q(first_day__lte=F("last_day"))),
            models.CheckConstraint(name="planning_offer_says_who", condition=~Q(name="") & ~Q(code="") & ~Q(offered_by="")),
            models.CheckConstraint(name="planning_offer_rate_not_negative", condition=Q(daily_rp__gte=0)),
        ]  # fmt: skip
        indexes = [models.Index(name="planning_offer_of_branch", fields=["branch", "stage", "plan", "need"])]


class OfferAnswer(models.Model):
    """The one answer to an offer: accepted (a ``Contract`` stands then), declined, or withdrawn."""

    append_only = True

    offer = models.OneToOneField(Offer, models.PROTECT, primary_key=True, related_name="answer")
    answer = models.TextField()
    reason = models.TextField(blank=True)
    actor = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "planning_offer_answer"
        constraints = [
            models.CheckConstraint(
                name="planning_offer_answer_known", condition=Q(answer__in=["accepted", "declined", "withdrawn"])
            ),
            models.CheckConstraint(name="planning_offer_answer_with_reason", condition=Q(answer="accepted") | ~Q(reason="")),
        ]  # fmt: skip


class Contract(models.Model):
    """A hired person: the officer that the offer made, from when until when. ``last_day`` closes the person's access (``offices_officer``)."""

    append_only = True

    offer = models.OneToOneField(Offer, models.PROTECT, primary_key=True, related_name="contract")
    officer = models.ForeignKey(Officer, models.PROTECT, related_name="+", db_index=False)
    branch = models.ForeignKey(Office, models.PROTECT, related_name="+", db_index=False)
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", db_index=False)
    number = models.TextField()
    first_day = models.DateField()
    last_day = models.DateField()
    signed_by = models.TextField()
    signed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="planning_contract_number_once", fields=["branch", "number"]),
            models.UniqueConstraint(name="planning_contract_once_per_officer", fields=["stage", "branch", "officer"]),
            models.CheckConstraint(name="planning_contract_days_in_order", condition=Q(first_day__lte=F("last_day"))),
            models.CheckConstraint(name="planning_contract_says_who", condition=~Q(signed_by="") & ~Q(number="")),
        ]  # fmt: skip


class Slot(StageTable):
    """When and where one family is paid, as of a published plan; the highest ``version`` of a family counts. ``day`` None: no longer planned.

    ``seat`` is the seat of the visit's team that pays the family: whose it is says ``Duty``, so an officer who falls ill is replaced there.
    """

    append_only: ClassVar[bool] = True

    pk = models.CompositePrimaryKey("stage", "branch", "entitlement", "version")
    stage = models.IntegerField()
    branch = models.IntegerField()
    entitlement = models.UUIDField()
    version = models.IntegerField()
    village = models.BigIntegerField()
    channel = models.TextField(null=True)
    number = models.IntegerField(null=True)
    seat = models.SmallIntegerField(null=True)
    position = models.IntegerField(null=True)
    day = models.DateField(null=True)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)

    class Meta(StageTable.Meta):
        db_table = "planning_slot"
