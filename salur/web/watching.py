"""For who watches the server: is it well (`/health/`), how does it do (`/metrics`), and a line for each request that went wrong or took long.

Counters of requests are added up over the server's processes (files below ``SALUR_HOME/metrics``); what is counted in the database is
asked there when somebody looks, so that it is the same whoever answers.
"""

import hmac
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily

import salur
from salur.lib.clock import now
from salur.lib.sql import Queries

queries = Queries(__file__)
log = logging.getLogger(__name__)

Answer = Callable[[HttpRequest], HttpResponse]

# What is slower than this stands in the log.
SLOW_S = 2.0
HERE = ("127.0.0.1", "::1", "")
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

REQUESTS = Counter("salur_requests", "Requests answered.", ["route", "method", "status"])
SECONDS = Histogram(
    "salur_request_seconds",
    "How long answers took.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 10),
)

HELP = {
    "salur_entitlements": "Entitlements of a stage's list.",
    "salur_paid": "Entitlements of a stage that are paid.",
    "salur_phones_enrolled": "Phones that may work.",
    "salur_phones_silent": "Phones of the last fortnight that were not heard of for a day.",
    "salur_phones_unsent_transactions": "Transactions that phones last said they had not sent.",
    "salur_jobs": "Jobs that wait, run or failed.",
    "salur_database_bytes": "Size of the database.",
    "salur_database_connections": "Connections to the database.",
    "salur_database_oldest_transaction_seconds": "Age of the oldest open transaction.",
    "salur_archive_failures": "Stretches of the log that could not be handed over.",
    "salur_archive_age_seconds": "Since the log was last handed over.",
    "salur_disk_free_bytes": "Free disk where the home lies.",
}


def prepare_folder() -> None:
    """Empty the counters' folder and name it to the processes to come; called once, before the server's processes start."""
    folder = Path(settings.SALUR_HOME) / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ[FOLDER] = str(folder)


def watched(get_response: Answer) -> Answer:
    """Count every request by the name of its address; write a line for one that broke or was slow."""

    def answer(request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = get_response(request)
        took = time.perf_counter() - began
        route = _route(request)
        REQUESTS.labels(route, request.method, response.status_code).inc()
        SECONDS.labels(route).observe(took)
        if response.status_code >= 500 or took > SLOW_S:
            facts = {"method": request.method, "route": route, "status": response.status_code, "ms": round(took * 1000)}
            log.warning("broke" if response.status_code >= 500 else "slow", extra=facts)
        return response

    return answer


def _route(request: HttpRequest) -> str:
    """The pattern an address matched, e.g. ``realisasi/<str:stage>/``: what stands in its place is nobody's business."""
    match = request.resolver_match
    return match.route if match is not None else getattr(request, "route", "(none)")


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Whether this server can do its work: 200 with the version, or 503 with what is missing. Says nothing else to a stranger."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"ok": False, "wrong": "database"}, status=503, headers={"Retry-After": "5"})
    return JsonResponse({"ok": True, "version": salur.__version__})


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text. For who asks from this machine, or with ``SALUR_METRICS_TOKEN`` as bearer; nobody else learns it is there."""
    if not _may_watch(request):
        raise Http404
    registry = CollectorRegistry()
    if os.environ.get(FOLDER):
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REQUESTS)
        registry.register(SECONDS)
    registry.register(_Counted())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_watch(request: HttpRequest) -> bool:
    token = os.environ.get("SALUR_METRICS_TOKEN", "")
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token:
        return hmac.compare_digest(token.encode(), given.encode())
    # Behind a proxy on this machine everybody comes from here: the proxy's header tells.
    return request.META.get("REMOTE_ADDR", "") in HERE and "X-Forwarded-For" not in request.headers


class _Counted:
    """What the database counts, and the disk."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        rows = [(row.name, json.loads(row.labels), row.value) for row in queries.watched(now=now())]
        rows.append(("salur_disk_free_bytes", {}, float(shutil.disk_usage(Path(settings.SALUR_HOME)).free)))
        for name, text in HELP.items():
            found = [(labels, value) for each, labels, value in rows if each == name]
            if not found:
                continue
            family = GaugeMetricFamily(name, text, labels=sorted(found[0][0]))
            for labels, value in found:
                family.add_metric([labels[key] for key in sorted(labels)], value)
            yield family
