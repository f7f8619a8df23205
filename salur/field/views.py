"""The branch's side of the phones: enrol one, hand out a work list and cash, see its last contact, lock it out, take in its emergency file.

Whoever has a scope may look; the branch and its field coordinators act. Each form is one action and leads back to the phone's page.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import segno
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from salur.custody import actions as custody
from salur.custody.rules import Kind, Portion
from salur.field import lease, outbox_file, planned_lists, sealing
from salur.field.actions import queries
from salur.field.models import Lease
from salur.field.wire import Answer
from salur.lib import arrays, desks
from salur.lib.clock import now
from salur.lib.ids import uuid7
from salur.lib.problem import Problem
from salur.lib.viewer import Viewer
from salur.offices.models import Office, Officer
from salur.planning import actions as planning
from salur.programmes.actions import stage_by_code

# Silent for longer than this with something unsent, and somebody should ring the officer up.
SILENT = timedelta(hours=12)
MANY_MINUTES = 2

View = Callable[..., HttpResponse]

ANSWERS = {
    Answer.ACCEPTED: gettext_lazy("Booked"),
    Answer.ACCEPTED_FLAGGED: gettext_lazy("Booked, to be checked"),
    Answer.DUPLICATE: gettext_lazy("Was here before"),
    Answer.HELD_GAP: gettext_lazy("Waits for earlier records"),
    Answer.SUSPENSE_ALREADY_PAID: gettext_lazy("In suspense: paid by another officer"),
    Answer.SUSPENSE_NOT_IN_LEASE: gettext_lazy("In suspense: not on the phone's list"),
    Answer.SUSPENSE_LEASE_EXPIRED: gettext_lazy("In suspense: the list had expired"),
    Answer.SUSPENSE_KPM_BLOCKED: gettext_lazy("In suspense: the family is on hold"),
    Answer.SUSPENSE_AMOUNT_MISMATCH: gettext_lazy("In suspense: another amount than the list's"),
    Answer.SUSPENSE_REVOKED_AFTER: gettext_lazy("In suspense: recorded after the phone was locked out"),
    Answer.REJECT_SCHEMA: gettext_lazy("Quarantined: not understood"),
    Answer.REJECT_BAD_SIG: gettext_lazy("Quarantined: the signature does not match"),
    Answer.REJECT_UNKNOWN_DEVICE: gettext_lazy("Quarantined: unknown phone"),
    Answer.REJECT_ID_REUSED: gettext_lazy("Quarantined: the phone's history has forked"),
}
KINDS = {
    "PAY": gettext_lazy("Payment"),
    "UNPAID": gettext_lazy("Visit without payment"),
    "EVID": gettext_lazy("Evidence"),
    "VOID": gettext_lazy("Payment taken back"),
    "OPEN": gettext_lazy("Day opened"),
    "CASH": gettext_lazy("Cash taken or returned"),
    "CLOSE": gettext_lazy("Day closed"),
}
TESTS = {
    "storage": gettext_lazy("Storage"),
    "decoder": gettext_lazy("QR reader"),
    "camera": gettext_lazy("Camera"),
    "position": gettext_lazy("Position"),
    "persist": gettext_lazy("Lasting storage"),
}


def _acting(viewer: Viewer) -> None:
    desks.only(viewer, desks.FIELD, _("The branch and its field coordinators do this; you may look."))


def _device(viewer: Viewer, id: UUID, at: datetime) -> Any:
    """One phone within the viewer's scope, else nothing."""
    rows = lease.devices(branches=viewer.branches, device=id, at=at)
    if not rows:
        raise Http404
    return rows[0]


def _seen(device: Any, at: datetime) -> dict[str, Any]:
    """What a row says of a phone, with what should worry somebody."""
    skew = None if device.last_skew_ms is None else round(device.last_skew_ms / 60_000)
    silent = at - (device.last_seen_at or device.enrolled_at) > SILENT
    return {
        "device": device,
        "skew_minutes": skew,
        "clock_off": skew is not None and abs(skew) > MANY_MINUTES,
        "silent": device.revoked_at is None and silent and (device.unsent > 0 or device.families > device.paid),
        "open": device.families - device.paid,
    }


@require_safe
@desks.open_to(desks.OFFICES)
def phones(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """Every phone of the viewer's branches, and the officers who have none."""
    at = now()
    rows = [_seen(device, at) for device in lease.devices(branches=viewer.branches, at=at)]
    acting = viewer.role in desks.FIELD
    officers = queries.officers(branches=arrays.integers(list(viewer.branches or ())), day=at.date()) if acting else []
    living = [row for row in rows if row["device"].revoked_at is None]
    return render(
        request,
        "field/phones.html",
        {
            "rows": rows,
            "living": len(living),
            "unsent": sum(row["device"].unsent for row in living),
            "open": sum(row["open"] for row in living),
            "silent": sum(row["silent"] for row in living),
            "many_branches": len({row["device"].branch for row in rows}) > 1,
            "officers": officers,
            "without": sum(officer.phones == 0 for officer in officers),
            "acting": acting,
        },
    )


@require_POST
@desks.open_to(desks.OFFICES)
def offer(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """The code that makes one phone the device of an officer: shown once, as a QR for its camera; good for ten minutes."""
    _acting(viewer)
    officer = _own_officer(viewer, request.POST.get("officer", ""))
    at = now()
    token = lease.offer_enrolment(officer=officer.id, actor=viewer.name, at=at)
    code = f"{token}.{sealing.fingerprint()}"
    address = f"{request.build_absolute_uri(reverse('lapangan'))}#daftar={code}"
    drawing = segno.make(address, error="m").svg_inline(
        scale=6, border=4, dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=True
    )
    response = render(
        request,
        "field/offer.html",
        {
            "officer": officer, "code": code, "address": address, "zone": officer.branch.timezone,
            "qr": mark_safe(drawing),  # noqa: S308 (drawn by segno: paths, no text)
            "expires_at": at + lease.TOKEN_KEEPS,
        },
    )  # fmt: skip
    response["Cache-Control"] = "no-store"
    return response


def _own_officer(viewer: Viewer, id: str) -> Officer:
    found = Officer.objects.select_related("branch").filter(id=int(id)).first() if id.isdecimal() else None
    if found is None or (viewer.branches is not None and found.branch_id not in viewer.branches):
        raise Http404
    return found


@require_safe
@desks.open_to(desks.OFFICES)
def phone(request: HttpRequest, viewer: Viewer, id: UUID) -> HttpResponse:
    """One phone: how it is, its lists, what it said that needs a person, and what the branch may do with it."""
    at = now()
    device = _device(viewer, id, at)
    lists = list(Lease.objects.filter(device_id=id).select_related("stage").order_by("-issued_at")[:30])
    acting = viewer.role in desks.FIELD and device.revoked_at is None
    left = lease.left_to_hand_out(branch=device.branch) if acting else []
    stages: dict[int, dict[str, Any]] = {}
    for row in left:
        stage = stages.setdefault(row.stage, {"code": row.stage_code, "families": 0, "villages": []})
        stage["families"] += row.families
        stage["villages"].append(row)
    known = {one.stage_id: one.stage.code for one in lists} | {id: stage["code"] for id, stage in stages.items()}
    return render(
        request,
        "field/phone.html",
        {
            **_seen(device, at),
            "photos": queries.one("photos_of_device", device=id),
            "lists": [(one, one.ended_at is None and one.expires_at > at) for one in lists],
            "told": [
                (one, ANSWERS.get(one.answer, one.answer), KINDS.get(one.kind, one.kind))
                for one in queries.told_of_device(device=id)
            ],
            "tests": [(label, bool(device.self_test.get(name))) for name, label in TESTS.items()],
            "agent": device.self_test.get("agent", ""),
            "acting": acting,
            "stages": stages,
            "known_stages": sorted(known.items(), key=lambda item: item[1], reverse=True),
            "today": at.astimezone(ZoneInfo(device.timezone)).date().isoformat(),
            "most": lease.MAX_FAMILIES,
        },
    )


@require_POST
@desks.open_to(desks.OFFICES)
def hand_out(request: HttpRequest, viewer: Viewer, id: UUID) -> HttpResponse:
    """A work list for one day: the next families of the chosen villages."""
    _acting(viewer)
    device = _device(viewer, id, now())
    given = request.POST
    try:
        day, stage = date.fromisoformat(given.get("day", "")), int(given.get("stage", ""))
        most, villages = int(given.get("most", "")), [int(code) for code in given.getlist("village") if code]
    except ValueError:
        raise Problem(_("Choose a stage and a day, and write how many families.")) from None
    issued = lease.hand_out(
        device=device.id, stage=stage, villages=villages, most=most, day=day, actor=viewer.name, at=now()
    )
    messages.success(request, _("The list is out. The phone fetches it at its next contact.") + f" ({issued.families})")
    return redirect("phone", id=id)


@require_POST
@desks.open_to(desks.OFFICES)
def end_list(request: HttpRequest, viewer: Viewer, id: UUID, work_list: UUID) -> HttpResponse:
    _acting(viewer)
    device = _device(viewer, id, now())
    if not Lease.objects.filter(id=work_list, device_id=device.id).exists():
        raise Http404
    lease.end_lease(lease=work_list, actor=viewer.name, at=now())
    messages.success(request, _("The list is ended; its families may go on another one."))
    return redirect("phone", id=id)


@require_POST
@desks.open_to(desks.OFFICES)
def hand_cash(request: HttpRequest, viewer: Viewer, id: UUID) -> HttpResponse:
    """Cash from the vault to the officer, who signs the receipt whose number is entered here: the second hand."""
    _acting(viewer)
    device = _device(viewer, id, now())
    given = request.POST
    digits = "".join(char for char in given.get("amount", "") if char.isdecimal())
    try:
        amount_rp, stage = int(digits), int(given.get("stage", ""))
    except ValueError:
        raise Problem(_("Choose a stage and write the rupiah in digits.")) from None
    at = now()
    custody.move(
        kind=Kind.HAND_OVER, portions=[Portion(uuid7(at), stage, amount_rp)], reference=given.get("reference", ""),
        given_by=viewer.name, taken_by=f"officer {device.officer_code}", branch=device.branch, officer=device.officer, at=at,
    )  # fmt: skip
    messages.success(request, _("The cash is in the officer's float."))
    return redirect("phone", id=id)


@require_POST
@desks.open_to(desks.OFFICES)
def revoke(request: HttpRequest, viewer: Viewer, id: UUID) -> HttpResponse:
    _acting(viewer)
    device = _device(viewer, id, now())
    lease.revoke_device(device=device.id, reason=request.POST.get("reason", ""), actor=viewer.name, at=now())
    messages.success(
        request, _("The phone is locked out. At its next contact it sends what it has and wipes its list.")
    )
    return redirect("phone", id=id)


@require_POST
@desks.open_to(desks.OFFICES)
def take_in_file(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """The emergency file of a phone of this branch."""
    _acting(viewer)
    file = request.FILES.get("file")
    if file is None:
        raise Problem(_("Choose the emergency file that the phone has written."))
    if (file.size or 0) > outbox_file.MAX_BYTES:
        raise Problem(_("This file is too large to be a phone's emergency file."))
    found = outbox_file.import_outbox(content=file.read(), actor=viewer.name, at=now(), branches=viewer.branches)
    answers = [(ANSWERS.get(Answer(answer), answer), count) for answer, count in sorted(found.answers.items())]
    return render(request, "field/taken_in.html", {"found": found, "answers": answers})


@desks.open_to(desks.OFFICES)
@require_http_methods(["GET", "HEAD", "POST"])
def planned_day(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """What the published plan gives each officer on a day, and what of it is on phones; a form hands the rest out."""
    of = stage_by_code(stage)
    asked = request.GET if request.method != "POST" else request.POST
    branch = Office.objects.filter(code=asked.get("kantor", ""), kind__in=["KC", "KCU"]).first()
    if branch is None or (viewer.branches is not None and branch.id not in viewer.branches):
        raise Http404
    at = now()
    try:
        day = date.fromisoformat(asked.get("hari", "") or at.astimezone(ZoneInfo(branch.timezone)).date().isoformat())
    except ValueError:
        raise Problem(_("A day is written 2022-03-12.")) from None
    refused: dict[int | None, str] = {}
    handed_out = None
    if request.method == "POST":
        _acting(viewer)
        done = planned_lists.hand_out_day(stage=of.id, branch=branch.id, day=day, actor=viewer.name, at=at)
        refused = {one.planned.officer: one.refused for one in done if one.refused}
        handed_out = (sum(one.lists for one in done), sum(one.families for one in done))
    published = planning.published(stage=of.id, branch=branch.id) is not None
    lines = planned_lists.planned_day(stage=of.id, branch=branch.id, day=day, at=at) if published else []
    ready = [line for line in lines if line.device is not None and line.left]
    return render(
        request,
        "field/planned_day.html",
        {
            "stage": of, "branch": branch, "day": day, "iso": day.isoformat(), "handed_out": handed_out, "published": published,
            "lines": [(line, refused.get(line.officer, "")) for line in lines],
            "families": sum(line.families for line in lines), "listed": sum(line.listed for line in lines),
            "ready": sum(len(line.left) for line in ready), "ready_rp": sum(line.left_rp for line in ready), "lists": len(ready),
            "without": [line for line in lines if line.officer is not None and line.device is None and line.left],
            "nobody": sum(len(line.left) for line in lines if line.officer is None),
            "acting": viewer.role in desks.FIELD,
        },
    )  # fmt: skip


urlpatterns = [
    path("hp/", phones, name="phones"),
    path("hp/daftar/", offer, name="phone-offer"),
    path("hp/berkas/", take_in_file, name="phone-file"),
    path("hp/rencana/<str:stage>/", planned_day, name="phones-day"),
    path("hp/<uuid:id>/", phone, name="phone"),
    path("hp/<uuid:id>/danom/", hand_out, name="phone-list"),
    path("hp/<uuid:id>/danom/<uuid:work_list>/akhiri/", end_list, name="phone-end-list"),
    path("hp/<uuid:id>/panjar/", hand_cash, name="phone-cash"),
    path("hp/<uuid:id>/cabut/", revoke, name="phone-revoke"),
]
