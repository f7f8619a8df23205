"""The few pages of sign-in that django-allauth does not have as this house wants them."""

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.views import RemoveWebAuthnView
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _


class RemoveKey(RemoveWebAuthnView):
    """A key goes, unless it is the last factor of somebody who needs one."""

    def form_valid(self, form: object) -> HttpResponse:
        if not get_adapter().can_delete_authenticator(self.object):
            messages.error(self.request, _("Your role needs a second factor: add another one before you remove this."))
            return HttpResponseRedirect(reverse("mfa_index"))
        answer: HttpResponse = super().form_valid(form)
        return answer

    def get_success_url(self) -> str:
        return reverse("mfa_index")


def cancelled(request: HttpRequest) -> HttpResponse:
    """The person went back from the organisation's sign-in."""
    return HttpResponseRedirect(reverse("account_login"))


def failed(request: HttpRequest) -> HttpResponse:
    """The organisation's sign-in did not answer as it should."""
    messages.error(request, _("Your organisation's sign-in did not let you in. Try again, or use your password."))
    return HttpResponseRedirect(reverse("account_login"))
