"""What an open page is told: its living part when that says something new, else only the moment it was looked up.

The page asks every few seconds (``static/monitoring/live.js``) with the tag of what it shows. The moment is no part of the tag, or each page
would be sent whole once a minute: it travels in a header, and the page writes it where it stands.
"""

import hashlib
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

# An open page asks every four seconds; what it is told is at most this old, so a payment is on the screen within five.
LIVE_SECONDS = 0.8
MOMENT = "Salur-Moment"


class Living(NamedTuple):
    """``moment`` is the text that the fragment shows as its moment; ``tag`` names what it says apart from that."""

    fragment: str
    moment: str
    tag: str


def living(fragment: str, moment: str) -> Living:
    return Living(fragment, moment, f'"{digest(fragment.replace(moment, ""))}"')


def told(request: HttpRequest, what: Living) -> HttpResponse:
    """The fragment, or 304 to a page that shows it already; both with the moment."""
    # A proxy that compresses marks the tag as weak; the comparison is by content all the same.
    unchanged = what.tag in request.headers.get("If-None-Match", "").replace("W/", "")
    response = HttpResponse(status=304) if unchanged else HttpResponse(what.fragment)
    response["ETag"] = what.tag
    response[MOMENT] = what.moment
    return private(response)


def private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["HX-Request", "Cookie", "Accept-Language"])
    return response


def digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
