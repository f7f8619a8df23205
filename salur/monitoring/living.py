"""What an open page is told: its living part when that says something new, else only the moment it was looked up.

The page asks every few seconds (``static/monitoring/live.js``) with the tag of what it shows. Most of these askings find nothing new, and
thousands of pages ask: ``at_the_door`` answers them before anybody is signed in or a figure is added up. It knows what a page was last told
(``remember``), and by one statement for all boards of a stage (``actions.news``) whether that still holds.

The moment is no part of the tag, or each page would be sent whole once a minute: it travels in a header, and the page writes it where it stands.
"""

import gzip
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language

from salur.lib import indonesian
from salur.lib.clock import now
from salur.lib.process_cache import cache
from salur.lib.template_filters import language
from salur.lib.viewer import Viewer
from salur.monitoring import actions

Answer = Callable[[HttpRequest], HttpResponse]
Known = TypeVar("Known")

# An open page asks every four seconds; the news it is measured by are at most this old, so a payment is on the screen within five.
LIVE_SECONDS = 0.8
# A board is drawn anew after this even without news: names, plans and quotations change too. As often each page's sign-in is looked at, or sooner
# when anybody's role, password or lock changes (`request.roles`): nobody sees more than LIVE_SECONDS longer what was taken away.
KNOWN_SECONDS = 300
MOMENT = "Salur-Moment"


class News(NamedTuple):
    """What was asked at ``at`` (monotonic seconds): by branch how many changes there were, and what its phones have not sent."""

    at: float
    branches: Mapping[int, tuple[int, int]]

    def of(self, branches: Sequence[int] | None) -> tuple[int, int]:
        known = self.branches
        found = known.values() if branches is None else [known[one] for one in branches if one in known]
        return sum(changes for changes, _ in found), sum(unsent for _, unsent in found)


@dataclass(frozen=True)
class Living:
    """A drawn fragment, compressed, with what it hangs on.

    ``moment`` is the text that it shows as its moment, ``tag`` names what it says apart from that. ``day``: the day that its "today" is, in
    ``zone``; None where a past moment is looked at, which stays as it is.
    """

    packed: bytes
    moment: str
    tag: str
    language: str
    stage: str
    branches: Sequence[int] | None
    zone: str
    day: date | None
    asked_at: float
    news: tuple[int, int]

    def holds(self, seen: News) -> bool:
        """Whether a drawing after ``seen`` would say the same."""
        if self.day is not None and now().astimezone(ZoneInfo(self.zone)).date() != self.day:
            return False
        return self.asked_at >= seen.at or seen.of(self.branches) == self.news

    def shown_moment(self) -> str:
        return self.moment if self.day is None else indonesian.moment(now(), self.zone, self.language)


class _Page(NamedTuple):
    """An open page: the key of what it was told, what everybody's roles were when its sign-in was last looked at."""

    kept: str
    roles: str
    route: str


def news(stage: str) -> News:
    """The news of a stage (its code) as of now; who may see some branches only gets theirs."""
    at = time.monotonic()
    return News(at, {row.branch: (row.news, row.unsent) for row in actions.news(stage_code=stage)})


def _news_at_the_door(stage: str) -> News:
    """The same for everybody, asked once in a while. Only at the door, where no scope narrows the answer."""
    return _kept_for_a_moment(_news_key(stage), lambda: news(stage))


def _news_key(stage: str) -> str:
    return f"news-{stage}"


def at_the_door(get_response: Answer, roles: Callable[[], str]) -> Answer:
    """A middleware before sign-in: answer an open page of which is known that it may see this and what it would be told.

    ``roles`` is a mark of who may see what, another one as soon as any of it changes; asked once in LIVE_SECONDS.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if "HX-Request" not in request.headers:
            return get_response(request)
        # Before anybody is signed in, so that a change meanwhile is not taken for looked at.
        request.roles = mark = _kept_for_a_moment("roles", roles)  # type: ignore[attr-defined]
        page: _Page | None = cache.get(_page_key(request))
        kept: Living | None = cache.get(page.kept) if page and page.roles == mark else None
        if page and kept and kept.holds(_news_at_the_door(kept.stage)):
            request.route = page.route  # type: ignore[attr-defined]
            return told(request, kept)
        return get_response(request)

    return answer


def _kept_for_a_moment(key: str, ask: Callable[[], Known]) -> Known:
    known: Known | None = cache.get(key)
    if known is None:
        known = ask()
        cache.set(key, known, LIVE_SECONDS)
    return known


def kept_for(request: HttpRequest, viewer: Viewer) -> Living | None:
    """What another page of the same scope was told, if a drawing of now would say the same."""
    kept: Living | None = cache.get(_kept_key(request, viewer))
    return kept if kept and kept.holds(cache.get(_news_key(kept.stage)) or news(kept.stage)) else None


def keep(
    request: HttpRequest,
    viewer: Viewer,
    fragment: str,
    *,
    moment: str,
    stage: str,
    branches: Sequence[int] | None,
    zone: str,
    past: bool,
    seen: News,
) -> Living:
    """Remember a fragment that was drawn after ``seen``."""
    day = None if past else now().astimezone(ZoneInfo(zone)).date()
    packed = gzip.compress(fragment.encode(), 6)
    kept = Living(
        packed, moment, tag_of(fragment, moment), language(), stage, branches, zone, day, seen.at, seen.of(branches)
    )
    cache.set(_kept_key(request, viewer), kept, KNOWN_SECONDS)
    return kept


def let_in(request: HttpRequest, viewer: Viewer, kept: Living) -> HttpResponse:
    """Tell an open page whose sign-in was looked at, and know it at the door from now on."""
    route = request.resolver_match.route if request.resolver_match else ""
    page = _Page(_kept_key(request, viewer), getattr(request, "roles", ""), route)
    cache.set(_page_key(request), page, KNOWN_SECONDS)
    return told(request, kept)


def told(request: HttpRequest, kept: Living) -> HttpResponse:
    """The fragment, or 304 to a page that shows it already; both with the moment."""
    if _shows(request, kept):
        response = HttpResponse(status=304)
    elif "gzip" in request.headers.get("Accept-Encoding", ""):
        response = HttpResponse(kept.packed, headers={"Content-Encoding": "gzip"})
    else:
        response = HttpResponse(gzip.decompress(kept.packed))
    response["ETag"] = kept.tag
    response[MOMENT] = kept.shown_moment()
    patch_vary_headers(response, ["Accept-Encoding"])
    return private(response)


def tag_of(fragment: str, moment: str) -> str:
    return f'"{digest(fragment.replace(moment, ""))}"'


def private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["HX-Request", "Cookie", "Accept-Language"])
    return response


def digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _shows(request: HttpRequest, kept: Living) -> bool:
    # A proxy that compresses marks the tag as weak; the comparison is by content all the same.
    return kept.tag in request.headers.get("If-None-Match", "").replace("W/", "")


def _page_key(request: HttpRequest) -> str:
    cookies = [request.COOKIES.get(name, "") for name in (settings.SESSION_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME)]
    return "page-" + digest("\n".join([*cookies, request.get_full_path()]))


def _kept_key(request: HttpRequest, viewer: Viewer) -> str:
    return "living-" + digest(f"{get_language()} {viewer.office} {request.get_full_path()}")
