"""What this house wants otherwise than django-allauth does by itself."""

import hashlib
import io
import math
import time
from base64 import urlsafe_b64encode
from typing import Any

import segno
from allauth.account import app_settings as account_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.core import context
from allauth.core.internal.ratelimit import get_cache_key, get_rates
from allauth.mfa import signals
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.signals import social_account_added
from cryptography.fernet import Fernet
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from salur.audit import actions as audit
from salur.lib.clock import now
from salur.lib.secrets import derived_key
from salur.web import actions

FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_factor(user: Any) -> bool:
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).exists())


def used_second_factor(request: HttpRequest) -> bool:
    """Whether this session was begun, or since confirmed, with a second factor."""
    return any(record.get("method") == "mfa" for record in get_authentication_records(request, request.user))


class AccountAdapter(DefaultAccountAdapter):
    """Nobody signs up; guessers are locked out and told until when; who left does not get in."""

    guessed = ""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        if level >= messages.ERROR:  # what went well is seen on the page
            super().add_message(request, level, *args, **kwargs)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        self.guessed = self._get_login_attempts_cache_key(request, **credentials)
        self.name = str(credentials.get("username", ""))
        super().pre_authenticate(request, **credentials)

    def validation_error(self, code: str, *args: Any) -> ValidationError:
        if code != "too_many_login_attempts":
            known: ValidationError = super().validation_error(code, *args)
            return known
        request = context.request
        if self.guessed:
            key, user = self.guessed, User.objects.filter(username__iexact=self.name).first()
        else:  # the second factor's code
            stage = getattr(request, "_login_stage", None)
            user = stage.login.user if stage else request.user
            key = f"mfa-auth-user-{user.pk}"
        seconds = seconds_left(request, key)
        self._tell(request, key, user, seconds)
        minutes = max(1, math.ceil(seconds / 60))
        sentence = ngettext(
            "Too many wrong attempts. Try again in %(minutes)s minute.",
            "Too many wrong attempts. Try again in %(minutes)s minutes.",
            minutes,
        )
        return ValidationError(sentence % {"minutes": minutes}, code=code)

    def _tell(self, request: HttpRequest, key: str, user: Any, seconds: float) -> None:
        """Into the audit trail once a lock-out. What was typed as a name is not kept: people type their password or NIK there."""
        once = hashlib.sha256(f"{key} {self.get_client_ip(request)}".encode()).hexdigest()
        if not cache.add(f"locked-out:{once}", True, timeout=max(1, math.ceil(seconds))):
            return
        facts = {"address": self.get_client_ip(request), "seconds": math.ceil(seconds), "factor": not self.guessed}
        with transaction.atomic():
            audit.record(
                actor="sign-in", verb="locked out", subject=f"user/{user.get_username() if user else '?'}", facts=facts, at=now()
            )  # fmt: skip

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse | None:
        standing = actions.standing(user=user, now=now())
        if standing is not None and standing.ended:
            messages.error(request, _("Your role here has ended. Ask your superior if that is a mistake."))
            return HttpResponseRedirect(reverse("account_login"))
        response: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return response

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Not within five minutes of signing in as fully as the person can: with the second factor, where there is one."""
        request = context.request
        enough = {"mfa"} if has_factor(request.user) else {"mfa", "password", "socialaccount"}
        since = time.time() - account_settings.REAUTHENTICATION_TIMEOUT
        records = get_authentication_records(request, request.user)
        return not any(record["method"] in enough and record["at"] > since for record in records)

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        messages.error(request, _("Your role here has ended. Ask your superior if that is a mistake."))
        return HttpResponseRedirect(reverse("account_login"))


def seconds_left(request: HttpRequest, key: str) -> float:
    """How long until the next attempt counts: the longest wait of the limits that are full."""
    found, at = 0.0, time.time()
    for rate in get_rates(app="allauth.account", action="login_failed"):
        name = get_cache_key(request, app="allauth.account", action="login_failed", rate=rate, key=key)
        living = [hit for hit in cache.get(name, []) if hit > at - rate.duration]
        if len(living) >= rate.amount:
            found = max(found, min(living) + rate.duration - at)
    return found


class FactorAdapter(DefaultMFAAdapter):
    """Secrets are sealed in the database; the QR is drawn as the house's others are."""

    def encrypt(self, text: str) -> str:
        return _seal().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _seal().decrypt(encrypted_text.encode()).decode()

    def get_totp_issuer(self) -> str:
        return "salur"

    def build_totp_svg(self, url: str) -> str:
        drawn = io.BytesIO()
        segno.make(url, micro=False).save(
            drawn,
            kind="svg",
            scale=5,
            border=4,
            xmldecl=False,
            svgns=True,
            light="white",
            nl=False,
            svgclass="qr",
            lineclass=None,
        )
        return mark_safe(drawn.getvalue().decode())  # noqa: S308 — drawn here, from squares alone

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """The last one of somebody whose role needs it stays; a superior's new invitation replaces it."""
        standing = actions.standing(user=authenticator.user, now=now())
        if standing is None or not standing.needs_factor:
            return True
        others = Authenticator.objects.filter(user=authenticator.user, type__in=FACTORS).exclude(pk=authenticator.pk)
        return authenticator.type not in FACTORS or others.exists()


def _seal() -> Fernet:
    return Fernet(urlsafe_b64encode(derived_key("second factor")))


class OrganisationAdapter(DefaultSocialAccountAdapter):
    """An organisation's own sign-in lets in whom a superior invited, found by its subject or a verified address; it makes nobody."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

    def can_authenticate_by_email(self, login: Any, email: str) -> bool:
        return True  # both addresses are verified: allauth compares no others


def _record(verb: str, user: AbstractBaseUser, **facts: object) -> None:
    name = user.get_username()
    with transaction.atomic():
        audit.record(actor=name, verb=verb, subject=f"user/{name}", facts=facts, at=now())


def _added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Who has just set one up holds it: this session counts as begun with it."""
    if authenticator.type in FACTORS:
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)
    _record("added a factor", user, type=str(authenticator.type))


def _removed(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _record("removed a factor", user, type=str(authenticator.type))


def _reset(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _record("made new recovery codes", user)


def _linked(request: HttpRequest, sociallogin: Any, **_: Any) -> None:
    _record("linked an organisation's sign-in", sociallogin.user, provider=sociallogin.account.provider)


signals.authenticator_added.connect(_added, dispatch_uid="salur.web.sign_in")
signals.authenticator_removed.connect(_removed, dispatch_uid="salur.web.sign_in")
signals.authenticator_reset.connect(_reset, dispatch_uid="salur.web.sign_in")
social_account_added.connect(_linked, dispatch_uid="salur.web.sign_in")
