"""Who may see and do what: a user's role, for an office, until a day."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from salur.lib import desks
from salur.offices.models import Office


class Role(models.TextChoices):
    """The people of docs/words.md who sign in."""

    MINISTRY = desks.Role.MINISTRY.value, _("Ministry")
    HEADQUARTERS = desks.Role.HEADQUARTERS.value, _("Headquarters")
    REGION = desks.Role.REGION.value, _("Region")
    BRANCH = desks.Role.BRANCH.value, _("Branch")
    COORDINATOR = desks.Role.COORDINATOR.value, _("Field coordinator")
    OFFICER = desks.Role.OFFICER.value, _("Paying officer")
    AUDITOR = desks.Role.AUDITOR.value, _("Auditor")


# These may look at the whole country; everybody else is given an office.
NATIONAL = (Role.MINISTRY, Role.HEADQUARTERS, Role.AUDITOR)

# They approve lists, plans, payments and floats, take cash over, or decide holds and what goes back: with a stolen password alone nobody
# does that. Officers hand out cash with their phone, whose key is their factor, and change nothing on pages; auditors read. Both may have one.
NEEDS_SECOND_FACTOR = frozenset({Role.MINISTRY, Role.HEADQUARTERS, Role.REGION, Role.BRANCH, Role.COORDINATOR})


class Membership(models.Model):
    """``office`` bounds what the user sees: it and everything below it. ``ends`` is the last day that the role holds, by the office's day.

    ``external``: hired for a time, so there is a last day.
    ``demonstration``: made by `salur demo`; needs no second factor as long as the home is a demo's.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE)
    role = models.TextField(choices=Role.choices)
    office = models.ForeignKey(Office, models.PROTECT, null=True, related_name="+")
    ends = models.DateField(null=True)
    demonstration = models.BooleanField(default=False)
    external = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="web_membership_external_ends", condition=Q(external=False) | Q(ends__isnull=False)
            ),
            models.CheckConstraint(name="web_membership_role_known", condition=Q(role__in=Role.values)),
            models.CheckConstraint(
                name="web_membership_office_given", condition=Q(office__isnull=False) | Q(role__in=NATIONAL)
            ),
        ]


class Invitation(models.Model):
    """A superior's word that somebody shall have a role; open until it is accepted, taken back, or ``expires_at``.

    The link holds a token; here is only its SHA-256, so whoever reads the table can accept nothing. ``email`` is an address that the superior
    vouches for: an organisation's own sign-in finds the person by it.
    """

    id = models.UUIDField(primary_key=True)
    token_sha256 = models.BinaryField(max_length=32)
    username = models.TextField()
    email = models.TextField(default="")
    role = models.TextField(choices=Role.choices)
    office = models.ForeignKey(Office, models.PROTECT, null=True, related_name="+")
    ends = models.DateField(null=True)
    external = models.BooleanField(default=False)
    invited_by = models.TextField()
    invited_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="web_invitation_token_once", fields=["token_sha256"]),
            # A newer invitation takes the older one back: one link is good at a time.
            models.UniqueConstraint(
                name="web_invitation_one_open",
                fields=["username"],
                condition=Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
            ),
            models.CheckConstraint(name="web_invitation_role_known", condition=Q(role__in=Role.values)),
            models.CheckConstraint(
                name="web_invitation_external_ends", condition=Q(external=False) | Q(ends__isnull=False)
            ),
        ]
