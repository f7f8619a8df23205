"""`/cek`: a family checks for itself. No account; each address a few times an hour; an answer tells nothing to who guesses.

What is typed is posted, so it stands in no address and no log, and nothing of the answer is kept by a browser or on the way.
"""

import re
import time
from datetime import date

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods

from salur.lib.clock import now
from salur.monitoring.check.actions import check
from salur.oversight.actions import TooOften, knock
from salur.oversight.public import source_of

# From one address within an hour. A village hall has one address for many families; of a stage of 18.8 million one code in 1,800 that fits its
# check character is somebody's, so who guesses all day long from one address finds one amount, and no name.
CHECKS_AN_HOUR = 60
# Answers leave at whole steps from when the question came: how long the look-up took cannot be read from outside.
STEP_S = 0.05


@require_http_methods(["GET", "HEAD", "POST"])
def cek(request: HttpRequest) -> HttpResponse:
    began = time.monotonic()
    context: dict[str, object] = {"complaints": settings.COMPLAINTS}
    status = 200
    if request.method == "POST":
        code, nik = (request.POST.get(name, "").strip()[:40] for name in ("kode", "nik"))
        born = _day(request.POST.get("lahir", ""))
        at = now()
        try:
            knock(door="check", source=source_of(request), most=CHECKS_AN_HOUR, at=at)
        except TooOften:
            context["too_often"], status = True, 429
        else:
            context["asked"] = True
            context["owed"] = check(code=code, nik=nik, born=born, today=at.date())
    response = render(request, "check.html", context, status=status)
    patch_cache_control(response, private=True, no_store=True)
    response["X-Robots-Tag"] = "noindex"
    if request.method == "POST":
        time.sleep(STEP_S - (time.monotonic() - began) % STEP_S)
    return response


def _day(typed: str) -> date | None:
    """A day as a browser's date field sends it, or as people write it: 01-02-1980, 1/2/1980."""
    typed = typed.strip()
    if local := re.fullmatch(r"([0-9]{1,2})[-/. ]([0-9]{1,2})[-/. ]([0-9]{4})", typed):
        typed = f"{local[3]}-{int(local[2]):02d}-{int(local[1]):02d}"
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None
