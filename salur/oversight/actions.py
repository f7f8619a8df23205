"""The verbs of oversight: draw a sample and write down answers; look at officers; receive, take, answer complaints; control visits; recount."""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import polars as pl
from django.db import IntegrityError, transaction

from salur.audit import actions as audit
from salur.cases import actions as cases
from salur.cases.rules import SYSTEM, Decision, NewCase
from salur.cases.rules import Kind as CaseKind
from salur.cases.rules import State as CaseState
from salur.lib.ids import uuid7
from salur.lib.letter_code import ALPHABET, MEANT, code_of, hash_range
from salur.lib.photo import NotAPhoto, check, for_display, look, thumbnail
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.secrets import derived_key
from salur.lib.sql import Queries, Recount
from salur.lib.storage import object_store
from salur.offices.models import Office, Officer
from salur.oversight.models import Answer, Complaint, ComplaintStep, ControlVisit, Look, Sample, VisitPhoto
from salur.oversight.rules import (
    CONFIDENCES,
    CONTRADICTS,
    GRAVE,
    MAY_COME_IN,
    PROBLEMS,
    REVIEW_FROM,
    SILENT,
    STATE_AFTER,
    About,
    Check,
    Drawn,
    Found,
    Method,
    Said,
    Step,
    Way,
    due_at,
)
from salur.oversight.sampling import Result, result, size_to_see_one
from salur.oversight.signals import COUNTED, GEOTAGS, PAYMENTS, VILLAGES, Facts, Signal, scores, signals
from salur.programmes.actions import stage_by_code
from salur.registry.actions import key_version, sealer
from salur.registry.rules import LINE

queries = Queries(__file__)

MOST_ITEMS = 10_000
NO_LOOK = -1  # a photo that cannot be decoded
PHOTOS_OF_A_VISIT = 6


class NotASample(Problem):
    code = "not_a_sample"


class NotAComplaint(Problem):
    code = "not_a_complaint"


class TooOften(Problem):
    code = "too_often"
    status = 429


class NotAVisit(Problem):
    code = "not_a_visit"


# -- samples ---------------------------------------------------------------------------------------------------------------------


@transaction.atomic
def draw_sample(
    *,
    stage_code: str,
    branch: int,
    method: Method,
    actor: str,
    at: datetime,
    confidence: Decimal = Decimal("0.95"),
    share: Decimal = Decimal("0.01"),
    size: int | None = None,
    seed: bytes | None = None,
    id: UUID | None = None,
) -> Drawn:
    """Draw payments to ask about, by a seed that nobody chose (unless one is given, to draw the same again).

    Without ``size`` as many as it takes to see, with ``confidence``, at least one problem when ``share`` of the payments have it. The same
    ``id`` again is nothing new. Raises ``NotFound``, ``NotASample``.
    """
    stage = stage_by_code(stage_code)
    if confidence not in CONFIDENCES:
        raise NotASample(f"A confidence is one of {', '.join(f'{each:.0%}' for each in CONFIDENCES)}.")
    if not 0 < share <= 1:
        raise NotASample("The share of problems to be seen lies above 0 and at most at 100 %.")
    if id is not None and (known := Sample.objects.filter(id=id).first()):
        if (known.stage_id, known.branch_id, known.method) != (stage.id, branch, str(method)):
            raise Conflict(f"Sample {id} was drawn before, of something else.")
        return Drawn(known.id, known.population, known.size, existed=True)
    if not Office.objects.filter(id=branch, kind__in=("KC", "KCU")).exists():
        raise NotFound(f"There is no branch {branch}.")
    population: int = queries.one("population", stage=stage.id, branch=branch, until=at).payments
    wanted = size_to_see_one(population=population, share=share, confidence=confidence) if size is None else size
    if population == 0:
        raise NotASample(f"Nobody was paid at this branch in stage {stage.code} yet: there is nothing to ask about.")
    if not 0 < wanted <= MOST_ITEMS:
        raise NotASample(f"A sample has between 1 and {MOST_ITEMS:,} payments.")
    sample, seed = id or uuid7(at), seed or os.urandom(16)
    drawn = queries.drawn(stage=stage.id, branch=branch, until=at, seed=seed, size=wanted)
    Sample.objects.create(
        id=sample, stage=stage, branch_id=branch, method=str(method), seed=seed, until=at, population=population, size=len(drawn),
        confidence_ppm=int(confidence * 1_000_000), drawn_by=actor, drawn_at=at,
    )  # fmt: skip
    queries.write_items(
        sample=sample,
        entitlements=[row.entitlement for row in drawn],
        payments=[row.payment for row in drawn],
        officers=[row.officer for row in drawn],
        villages=[row.village for row in drawn],
        amounts_rp=[row.amount_rp for row in drawn],
    )
    facts = {"stage": stage.code, "method": method, "population": population, "size": len(drawn), "seed": seed.hex()}
    audit.record(actor=actor, verb="drew", subject=f"sample/{sample}", facts=facts, at=at, branch=branch)
    return Drawn(sample, population, len(drawn), existed=False)


@transaction.atomic
def answer(
    *,
    sample: UUID,
    number: int,
    said: Said,
    actor: str,
    at: datetime,
    got_rp: int | None = None,
    note: str = "",
    branches: Sequence[int] | None = None,
) -> None:
    """Write down what a family of a sample said; a later answer takes the place of an earlier one. A problem becomes a case.

    The same answer again by the same person is nothing new. Raises ``NotFound``, ``NotASample``.
    """
    found = one_sample(sample=sample, branches=branches)
    rows = queries.items(sample=sample, number=number)
    if not rows:
        raise NotFound(f"There is no number {number} in this sample.")
    (item,) = rows
    note = note.strip()
    if said is Said.LESS and got_rp is None:
        raise NotASample("Write down how much the family says it received.")
    if got_rp is not None and not 0 <= got_rp <= item.amount_rp:
        raise NotASample(f"The family was owed Rp{item.amount_rp:,}: what it received lies between 0 and that.")
    if (item.said, item.got_rp, item.note, item.asked_by) == (str(said), got_rp, note, actor):
        return
    try:
        with transaction.atomic():
            Answer.objects.create(
                sample_id=sample, number=number, round=(item.round or 0) + 1, said=str(said), got_rp=got_rp, note=note, asked_by=actor,
                asked_at=at,
            )  # fmt: skip
    except IntegrityError as error:
        raise Conflict("Somebody else wrote down an answer at this moment: look at it first.") from error
    audit.record(
        actor=actor, verb="asked", subject=f"sample/{sample}/{number}", facts={"said": said, "got_rp": got_rp}, at=at, branch=found.branch
    )  # fmt: skip
    if said in PROBLEMS:
        missing = item.amount_rp - got_rp if got_rp is not None else item.amount_rp if said is Said.NOT_PAID else None
        facts = {
            "said": said,
            "got_rp": got_rp,
            "note": note,
            "method": found.method,
            "sample": sample,
            "number": number,
        }
        cases.open_cases(
            cases=[
                NewCase(
                    CaseKind.VERIFICATION_FINDING, f"payment/{item.payment}", found.branch, found.stage, missing or None,
                    f"officer {item.officer}", facts,
                )
            ],
            actor=actor,
            at=at,
        )  # fmt: skip


def samples(*, stage: int | None = None, branches: Sequence[int] | None = None, limit: int = 100) -> list[Any]:
    return queries.samples(sample=None, stage=stage, branches=_list(branches), limit=limit)


def one_sample(*, sample: UUID, branches: Sequence[int] | None = None) -> Any:
    """A sample within these branches; raises ``NotFound``."""
    rows = queries.samples(sample=sample, stage=None, branches=_list(branches), limit=1)
    if not rows:
        raise NotFound(f"There is no sample {sample}.")
    return rows[0]


def items(*, sample: UUID) -> list[Any]:
    return queries.items(sample=sample, number=None)


def result_of(*, sample: UUID) -> Result:
    """What the answers say so far, with the interval of the sample's confidence."""
    found = one_sample(sample=sample)
    counted = {row.said: row.items for row in queries.count_answers(sample=sample)}
    return result(
        population=found.population, size=found.size, by_answer=counted, confidence=Decimal(found.confidence_ppm) / 1_000_000
    )  # fmt: skip


def _list(branches: Iterable[int] | None) -> list[int] | None:
    return None if branches is None else list(branches)


# -- signals ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Looked:
    """What came of a look at a branch; ``existed`` when it found what the latest one found."""

    look: UUID
    branch: int
    signals: Sequence[Signal]
    existed: bool
    cases: int


def look_at(*, stage_code: str, branch: int, actor: str, at: datetime) -> Looked:
    """Read all that a branch's officers did in a stage and write down what is odd; who stands out far enough becomes a case.

    Looks of new photos are computed first, in transactions of their own. The same finding again writes nothing.
    """
    stage = stage_by_code(stage_code)
    compute_photo_looks(stage=stage.id, branch=branch)
    facts = facts_of(stage=stage.id, branch=branch)
    found = signals(facts)
    digest = hashlib.sha256(_text_of(found).encode()).digest()
    with transaction.atomic():
        latest = queries.latest_looks(stage=stage.id, branches=[branch])
        if latest and bytes(latest[0].digest) == digest:
            return Looked(latest[0].id, branch, found, existed=True, cases=0)
        made = uuid7(at)
        officers = facts.payments["officer"].n_unique()
        Look.objects.create(
            id=made, stage=stage, branch_id=branch, looked_at=at, looked_by=actor, officers=officers, digest=digest
        )
        queries.write_signals(
            look=made,
            officers=[signal.officer for signal in found],
            kinds=[str(signal.kind) for signal in found],
            counts=[signal.count for signal in found],
            ofs=[signal.of for signal in found],
            peers_ppm=[_ppm(signal) for signal in found],
            surprises=[round(signal.surprise * 1000) for signal in found],
            scores=[round(signal.score * 1000) for signal in found],
        )
        audit.record(
            actor=actor, verb="looked", subject=f"look/{made}", facts={"stage": stage.code, "signals": len(found)}, at=at, branch=branch
        )  # fmt: skip
        odd = [
            NewCase(
                CaseKind.OFFICER_SIGNALS, _subject(stage.id, officer), branch, stage.id, None, f"officer {officer}",
                {
                    "officer": officer, "score": f"{score:.1f}",
                    "signals": [f"{s.kind}: {s.count} of {s.of}" for s in found if s.officer == officer],
                },
            )
            for officer, score in scores(found).items()
            if score >= REVIEW_FROM
        ]  # fmt: skip
        opened = cases.open_cases(cases=odd, actor=SYSTEM, at=at)
        again = _open_again(stage=stage.id, branch=branch, found=found, odd=odd, at=at)
    new = sum(case.outcome == "created" for case in opened)
    return Looked(made, branch, found, existed=False, cases=new + again)


def _subject(stage: int, officer: int) -> str:
    return f"stage/{stage}/officer/{officer}"


def _open_again(*, stage: int, branch: int, found: Sequence[Signal], odd: Sequence[NewCase], at: datetime) -> int:
    """Cases that were decided on less than is found now: another kind of signal, or half as much again. How many."""
    decided = {
        row.subject: row
        for row in cases.cases(state=CaseState.DECIDED, kind=CaseKind.OFFICER_SIGNALS, stage=stage, branches=[branch], limit=10_000)
    }  # fmt: skip
    opened = 0
    for case in odd:
        row = decided.get(case.subject)
        if row is None:
            continue
        officer = int(case.subject.rpartition("/")[2])
        before = queries.signals_before(stage=stage, branch=branch, officer=officer, at=row.decided_at)
        now_there = {str(signal.kind): signal.score for signal in found if signal.officer == officer}
        more = sorted(set(now_there) - {each.kind for each in before})
        if more or sum(now_there.values()) > 1.5 * sum(each.score_milli for each in before) / 1000:
            reason = f"A later look found more: {', '.join(more) or 'the same, more often'}."
            cases.reopen(case=row.id, reason=reason, actor=SYSTEM, at=at)
            opened += 1
    return opened


def _ppm(signal: Signal) -> int:
    return round(signal.peers_percent * 10_000)


def _text_of(found: Sequence[Signal]) -> str:
    """What the digest covers; ``queries.sql: recount_looks`` writes the same from the rows."""
    lines = sorted(
        (s.officer, str(s.kind), f"{s.count} {s.of} {_ppm(s)} {round(s.surprise * 1000)} {round(s.score * 1000)}")
        for s in found
    )
    return "\n".join(f"{officer} {kind} {numbers}" for officer, kind, numbers in lines)


def facts_of(*, stage: int, branch: int) -> Facts:
    """What ``signals`` looks at, read from the tables."""
    of = {"stage": stage, "branch": branch}
    said = queries.voices(
        problems=[str(each) for each in PROBLEMS], silent=[str(each) for each in SILENT], contradicts=[str(each) for each in CONTRADICTS], **of
    )  # fmt: skip
    return Facts(
        payments=_table(queries.paid(**of), PAYMENTS),
        geotags=_table(queries.located(**of), GEOTAGS),
        villages=_table(queries.villages(**of), VILLAGES),
        looks=_table(queries.looks(**of), {"photo": pl.Binary, "bits": pl.Binary, "detail": pl.Int64}),
        failures=_table(queries.failures(**of), COUNTED),
        cash=_table(queries.cash(**of), COUNTED),
        voices=_table(said, COUNTED),
    )


def _table(rows: Sequence[Any], schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    columns = zip(*rows, strict=True) if rows else [[] for _ in schema]
    return pl.DataFrame(
        [pl.Series(name, list(column), dtype=schema[name]) for name, column in zip(schema, columns, strict=True)]
    )


def compute_photo_looks(*, stage: int, branch: int) -> int:
    """Compute what the branch's stored photos look like, once each; how many were new."""
    missing = [bytes(row.sha256) for row in queries.photos_without_look(stage=stage, branch=branch)]
    if not missing:
        return 0
    store = object_store()
    for start in range(0, len(missing), 500):
        part = missing[start : start + 500]
        bits, details = [], []
        for sha256 in part:
            try:
                seen = look(store.get(sha256=sha256))
            except (NotAPhoto, NotFound):
                bits.append(bytes(32))
                details.append(NO_LOOK)
            else:
                bits.append(seen.bits)
                details.append(seen.detail)
        queries.write_looks(sha256s=part, bits=bits, details=details)
    return len(missing)


def branches_paying(*, stage: int, branches: Sequence[int] | None = None) -> list[int]:
    return [row.branch for row in queries.branches_paying(stage=stage, branches=_list(branches))]


def latest_looks(*, stage: int, branches: Sequence[int] | None = None) -> list[Any]:
    return queries.latest_looks(stage=stage, branches=_list(branches))


@dataclass(frozen=True)
class Ranked:
    """An officer with the signals of the latest look at the branch, the weightiest first."""

    rank: int
    officer: int
    code: str
    name: str
    branch: int
    branch_code: str
    branch_name: str
    score: Decimal
    signals: Sequence[Any]


def ranking(*, stage: int, branches: Sequence[int] | None = None, officer: int | None = None) -> list[Ranked]:
    """Officers by their score in the latest look at each branch, the highest first; those without a signal are not named."""
    looks = latest_looks(stage=stage, branches=branches)
    by_officer: dict[int, list[Any]] = {}
    for row in queries.signals(looks=[row.id for row in looks], officer=officer):
        by_officer.setdefault(row.officer, []).append(row)
    score = {each: sum(row.score_milli for row in rows) for each, rows in by_officer.items()}
    order = sorted(by_officer, key=lambda each: (-score[each], each))
    return [
        Ranked(
            rank, each, rows[0].officer_code, rows[0].officer_name, rows[0].branch, rows[0].branch_code, rows[0].branch_name,
            Decimal(score[each]).scaleb(-3).quantize(Decimal("0.1")), rows,
        )
        for rank, each in enumerate(order, 1)
        for rows in [by_officer[each]]
    ]  # fmt: skip


@dataclass(frozen=True)
class Attended:
    """An officer with signals, and what people made of them; ``case`` is None as long as nobody had to look."""

    stage: int
    ranked: Ranked
    case: Any | None
    events: Sequence[Any]
    looked_at: datetime

    @property
    def signals(self) -> Sequence[Any]:
        return self.ranked.signals


def states_of_officers(*, stage: int, officers: Sequence[int]) -> dict[int, Any]:
    """The case about each officer's signals, for those who have one."""
    rows = cases.cases(state=None, kind=CaseKind.OFFICER_SIGNALS, stage=stage, limit=100_000)
    by_subject = {row.subject: row for row in rows}
    return {each: row for each in officers if (row := by_subject.get(_subject(stage, each)))}


def officer_signals(*, stage: int, officer: int, branches: Sequence[int] | None = None) -> Attended:
    """One officer's signals and their case; raises ``NotFound`` for who has none."""
    found = next((each for each in ranking(stage=stage, branches=branches) if each.officer == officer), None)
    if found is None:
        raise NotFound("There are no signals about this officer.")
    case = states_of_officers(stage=stage, officers=[officer]).get(officer)
    events = cases.show(case=case.id)[1] if case else []
    (looked,) = latest_looks(stage=stage, branches=[found.branch])
    return Attended(stage, found, case, events, looked.looked_at)


def where_to_look(*, officer: Attended) -> list[Any]:
    """The villages in which the officer paid most."""
    return queries.where_to_look(stage=officer.stage, branch=officer.ranked.branch, officer=officer.ranked.officer)


@transaction.atomic
def decide_signals(
    *,
    stage_code: str,
    officer: int,
    decision: Decision | None,
    reason: str,
    actor: str,
    at: datetime,
    branches: Sequence[int] | None = None,
) -> UUID:
    """A person decides what an officer's signals come to, with a reason; without a decision it is written down what is being done.

    The signals become a case where they were none yet; one that was decided is opened again by a note or another decision. Nobody decides
    about their own work. Raises ``NotFound``, ``NoReason``, ``SamePerson``.
    """
    stage = stage_by_code(stage_code)
    found = officer_signals(stage=stage.id, officer=officer, branches=branches).ranked
    if actor in (found.code, found.name):
        raise cases.SamePerson("Somebody else must decide about your own work.")
    facts = {
        "officer": officer,
        "score": str(found.score),
        "signals": [f"{row.kind}: {row.count} of {row.of}" for row in found.signals],
    }
    new = NewCase(
        CaseKind.OFFICER_SIGNALS, _subject(stage.id, officer), found.branch, stage.id, None, f"officer {officer}", facts
    )
    (case,) = cases.open_cases(cases=[new], actor=actor, at=at)
    cases.hold(case=case.id)
    row, _events = cases.show(case=case.id)
    said = reason.strip()
    if (row.decision, row.reason, row.decided_by) == (decision, said, actor):
        return case.id  # the same again
    if row.state == CaseState.DECIDED:
        cases.reopen(case=case.id, reason=said, actor=actor, at=at)
    elif decision is None:
        cases.note(case=case.id, text=said, actor=actor, at=at)
    if decision is not None:
        cases.decide(case=case.id, decision=decision, reason=said, actor=actor, at=at)
    return case.id


# -- complaints ------------------------------------------------------------------------------------------------------------------


@transaction.atomic
def receive_complaint(
    *,
    branch: int,
    way: Way,
    about: About,
    text: str,
    actor: str,
    at: datetime,
    contact: str = "",
    stage_code: str | None = None,
    officer: int | None = None,
    entitlement: UUID | None = None,
    id: UUID | None = None,
) -> tuple[UUID, str]:
    """Take a complaint in and start its clock; answers its id and the ticket that the complainant keeps.

    The same ``id`` again is nothing new. Raises ``NotFound``, ``NotAComplaint``.
    """
    text, contact = " ".join(text.split()), " ".join(contact.split())
    if not 5 <= len(text) <= 2_000:
        raise NotAComplaint("Say what happened, in 5 to 2,000 characters.")
    if len(contact) > 200:
        raise NotAComplaint("A telephone number or an address of at most 200 characters is enough.")
    if id is not None and (known := Complaint.objects.filter(id=id).first()):
        return known.id, known.ticket
    if not Office.objects.filter(id=branch, kind__in=("KC", "KCU")).exists():
        raise NotFound(f"There is no branch {branch}.")
    if officer is not None and not Officer.objects.filter(id=officer, branch_id=branch).exists():
        raise NotFound(f"There is no officer {officer} at this branch.")
    version = key_version()
    seal = sealer(LINE, version)
    made = id or uuid7(at)
    sealed, reached = seal.seal(text.encode()), seal.seal(contact.encode()) if contact else None
    complaint = Complaint.objects.create(
        id=made, ticket=_ticket(), stage=stage_by_code(stage_code) if stage_code else None, branch_id=branch, officer_id=officer,
        entitlement=entitlement, way=str(way), about=str(about), text_sealed=sealed, contact_sealed=reached,
        key_version=version, received_at=at, due_at=due_at(about, at),
    )  # fmt: skip
    ComplaintStep.objects.create(complaint=complaint, number=1, step=str(Step.RECEIVED), actor=actor, at=at)
    facts = {"ticket": complaint.ticket, "way": way, "about": about, "due_at": complaint.due_at}
    audit.record(actor=actor, verb="received", subject=f"complaint/{made}", facts=facts, at=at, branch=branch)
    return made, complaint.ticket


def by_letter(*, code: str) -> Any:
    """The entitlement (stage, stage_code, branch, id) and who paid it, by the code on its letter; raises ``NotFound``."""
    read = code_of(code)
    first, last = hash_range(read) if read else (b"", b"")
    rows = queries.by_letter(first=first, last=last) if read else []
    if not rows:
        raise NotFound("No letter has this code: compare it with the letter, or leave it empty.")
    return rows[0]


def branches_to_choose(*, branches: Sequence[int] | None = None) -> list[Any]:
    return queries.branches(branches=_list(branches))


def knock(*, door: str, source: str, most: int, at: datetime) -> None:
    """Count what somebody without an account asks, whatever comes of it; above ``most`` within an hour raises ``TooOften``.

    Kept in the database, because several processes answer, and as a keyed hash, because an address is personal data.
    """
    hour = at.replace(minute=0, second=0, microsecond=0)
    hashed = hmac.digest(derived_key("knocks"), f"{door} {source}".encode(), "sha256")[:16]
    if queries.one("knock", source=hashed, hour=hour).count > most:
        raise TooOften("There were too many requests from here: try again in an hour.")


@transaction.atomic
def open_contact(*, complaint: UUID, actor: str, at: datetime, branches: Sequence[int] | None = None) -> str:
    """How the complainant can be reached; whoever looks leaves a trace."""
    row, _ = one_complaint(complaint=complaint, now=at, branches=branches)
    audit.record(
        actor=actor, verb="opened contact", subject=f"complaint/{complaint}", facts={}, at=at, branch=row.branch
    )
    return opened(row)[1]


def _ticket() -> str:
    """Ten characters of Crockford's base 32, ``ABCDE-FGHJK``: 50 bits, so that nobody guesses another one's."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(10))
    return f"{letters[:5]}-{letters[5:]}"


@transaction.atomic
def take_complaint(
    *, complaint: UUID, person: str, actor: str, at: datetime, branches: Sequence[int] | None = None
) -> None:
    """Make somebody responsible for a complaint."""
    if not person.strip():
        raise NotAComplaint("Say who is responsible.")
    _step(complaint, Step.TAKEN, actor=actor, at=at, branches=branches, person=person.strip())


@transaction.atomic
def answer_complaint(
    *, complaint: UUID, text: str, actor: str, at: datetime, branches: Sequence[int] | None = None
) -> None:
    """Answer a complaint; the complainant reads the text with the ticket, so it names no person and no number."""
    if len(" ".join(text.split())) < 5:
        raise NotAComplaint("Write the answer that the complainant will read.")
    _step(complaint, Step.ANSWERED, actor=actor, at=at, branches=branches, text=" ".join(text.split())[:2_000])


@transaction.atomic
def reopen_complaint(
    *, complaint: UUID, text: str, actor: str, at: datetime, branches: Sequence[int] | None = None
) -> None:
    """The answer was not the end of it; the clock is the old one."""
    if not text.strip():
        raise NotAComplaint("Say why the complaint is opened again.")
    _step(complaint, Step.REOPENED, actor=actor, at=at, branches=branches, text=" ".join(text.split())[:2_000])


def _step(
    complaint: UUID,
    step: Step,
    *,
    actor: str,
    at: datetime,
    branches: Sequence[int] | None,
    person: str = "",
    text: str = "",
) -> None:
    held = queries.hold_complaint(complaint=complaint, branches=_list(branches))
    if not held:
        raise NotFound(f"There is no complaint {complaint}.")
    done = queries.steps(complaint=complaint)
    last = done[-1]
    if (last.step, last.person, last.text, last.actor) == (str(step), person, text, actor):
        return  # the same again
    state = STATE_AFTER[Step(last.step)]
    if state not in MAY_COME_IN[step]:
        raise Conflict(f"The complaint is {state.replace('_', ' ')}, so it cannot be {step} now.")
    ComplaintStep.objects.create(
        complaint_id=complaint, number=last.number + 1, step=str(step), person=person, text=text, actor=actor, at=at
    )
    facts = {"person": person} if person else {}
    audit.record(
        actor=actor, verb=str(step), subject=f"complaint/{complaint}", facts=facts, at=at, branch=held[0].branch
    )


def complaints(
    *,
    now: datetime,
    branches: Sequence[int] | None = None,
    stage: int | None = None,
    answered: bool | None = None,
    late: bool | None = None,
    complaint: UUID | None = None,
    ticket: str | None = None,
    limit: int = 200,
) -> list[Any]:
    """Rows of complaints, what is due first at the top; the text and contact stay sealed (``opened``)."""
    return queries.complaints(
        now=now,
        branches=_list(branches),
        stage=stage,
        answered=answered,
        late=late,
        complaint=complaint,
        ticket=ticket,
        limit=limit,
    )


def count_complaints(*, now: datetime, branches: Sequence[int] | None = None) -> Any:
    """How many are ``open``, ``late`` among those, and ``answered``."""
    return queries.one("count_complaints", now=now, branches=_list(branches))


def one_complaint(*, complaint: UUID, now: datetime, branches: Sequence[int] | None = None) -> tuple[Any, list[Any]]:
    """A complaint and its steps; raises ``NotFound``."""
    rows = complaints(now=now, complaint=complaint, branches=branches, limit=1)
    if not rows:
        raise NotFound(f"There is no complaint {complaint}.")
    return rows[0], queries.steps(complaint=complaint)


def by_ticket(*, ticket: str, now: datetime) -> Any:
    """A complaint by what its complainant keeps; raises ``NotFound``. Letters that are easily confused are read as what they mean."""
    plain = ticket.upper().replace(" ", "").replace("-", "").translate(MEANT)
    rows = complaints(now=now, ticket=f"{plain[:5]}-{plain[5:]}", limit=1) if len(plain) == 10 else []
    if not rows:
        raise NotFound("There is no complaint with this number.")
    return rows[0]


def opened(row: Any) -> tuple[str, str]:
    """The text and the contact of a complaint."""
    seal = sealer(LINE, row.key_version)
    contact = seal.open(bytes(row.contact_sealed)).decode() if row.contact_sealed else ""
    return seal.open(bytes(row.text_sealed)).decode(), contact


@transaction.atomic
def review_complaints(*, at: datetime) -> int:
    """Complaints whose time is over become cases; how many were new. Repeating it finds the same ones again."""
    late = [
        NewCase(
            CaseKind.LATE_COMPLAINT, f"complaint/{row.id}", row.branch, row.stage, None, "",
            {"ticket": row.ticket, "about": row.about, "due_at": row.due_at},
        )
        for row in queries.late_complaints(now=at)
    ]  # fmt: skip
    return sum(case.outcome == "created" for case in cases.open_cases(cases=late, actor=SYSTEM, at=at))


# -- control visits --------------------------------------------------------------------------------------------------------------


def record_visit(
    *,
    stage_code: str,
    branch: int,
    village: int,
    found: Mapping[Check, Found],
    actor: str,
    at: datetime,
    visited_at: datetime | None = None,
    officer: int | None = None,
    note: str = "",
    photos: Sequence[bytes] = (),
    id: UUID | None = None,
) -> UUID:
    """Write down what a control visit found; a grave "no" is a case. Photos are checked and kept before the visit is written.

    The same ``id`` again is nothing new. Raises ``NotFound``, ``NotAVisit``, ``NotAPhoto``.
    """
    stage = stage_by_code(stage_code)
    made, when = id or uuid7(at), visited_at or at
    if ControlVisit.objects.filter(id=made).exists():
        return made
    if set(found) != set(Check):
        raise NotAVisit("Say of every point whether it is so, is not so, or was not seen.")
    if when > at:
        raise NotAVisit("A visit in the future has not happened yet: correct the time.")
    if len(photos) > PHOTOS_OF_A_VISIT:
        raise NotAVisit(f"At most {PHOTOS_OF_A_VISIT} photos go with a visit.")
    if not queries.branch_serves(stage=stage.id, branch=branch, village=village)[0].serves:
        raise NotFound(f"The branch has no families in village {village}.")
    if officer is not None and not Officer.objects.filter(id=officer, branch_id=branch).exists():
        raise NotFound(f"There is no officer {officer} at this branch.")
    for photo in photos:
        check(photo)
    hashes = list(dict.fromkeys(hashlib.sha256(photo).digest() for photo in photos))
    for photo in photos:
        object_store().put(sha256=hashlib.sha256(photo).digest(), content=[photo])
    with transaction.atomic():
        ControlVisit.objects.create(
            id=made, stage=stage, branch_id=branch, village=village, officer_id=officer,
            found={str(point): str(seen) for point, seen in found.items()}, note=" ".join(note.split())[:2_000], visited_by=actor,
            visited_at=when, recorded_at=at,
        )  # fmt: skip
        VisitPhoto.objects.bulk_create([VisitPhoto(visit_id=made, sha256=sha256) for sha256 in hashes])
        missing = sorted(str(point) for point, seen in found.items() if seen is Found.NO)
        facts = {"stage": stage.code, "village": village, "missing": missing, "photos": len(hashes)}
        audit.record(actor=actor, verb="visited", subject=f"visit/{made}", facts=facts, at=at, branch=branch)
        grave = [point for point in GRAVE if found[point] is Found.NO]
        if grave:
            finding = NewCase(
                CaseKind.CONTROL_FINDING, f"visit/{made}", branch, stage.id, None, f"officer {officer}" if officer else "",
                {"village": village, "missing": sorted(str(point) for point in grave), "note": note},
            )  # fmt: skip
            cases.open_cases(cases=[finding], actor=actor, at=at)
    return made


def visits(
    *,
    stage: int | None = None,
    branches: Sequence[int] | None = None,
    visit: UUID | None = None,
    limit: int = 200,
) -> list[Any]:
    """Rows with what was ``found`` of each ``Check``, and the hashes of ``photos``; the latest first."""
    rows = queries.visits(visit=visit, stage=stage, branches=_list(branches), limit=limit)
    return [row._replace(found=json.loads(row.found)) if isinstance(row.found, str) else row for row in rows]


def visit_photo(*, visit: UUID, sha256: str, small: bool, branches: Sequence[int] | None = None) -> bytes:
    """A photo of a visit to be shown: without what it carries along. Raises ``NotFound``."""
    rows = visits(visit=visit, branches=branches, limit=1)
    if not rows or sha256 not in rows[0].photos:
        raise NotFound("There is no such photo.")
    data = object_store().get(sha256=bytes.fromhex(sha256))
    return thumbnail(data) if small else for_display(data)


def villages_of(*, stage: int, branch: int) -> list[Any]:
    return queries.villages_of(stage=stage, branch=branch)


def officers_of(*, branch: int) -> list[Officer]:
    return list(Officer.objects.filter(branch_id=branch).order_by("name", "code"))


def zone_of(*, branch: int) -> str:
    return Office.objects.get(id=branch).timezone


# -- recount ---------------------------------------------------------------------------------------------------------------------


def recount(*, stage: int) -> list[Recount]:
    """A sample is what its seed draws; a look's signals are those that were written."""
    drawn, broken = 0, []
    for row in queries.recount_samples(stage=stage):
        drawn += 1
        again = queries.drawn(stage=stage, branch=row.branch, until=row.until, seed=bytes(row.seed), size=row.size)
        population = queries.one("population", stage=stage, branch=row.branch, until=row.until).payments
        if [each.payment for each in again] != list(row.payments) or population != row.population:
            broken.append(f"sample {row.id} of branch {row.branch} is not what its seed draws of {population} payments")
    looks = queries.recount_looks(stage=stage)
    changed = [row for row in looks if hashlib.sha256(row.said.encode()).digest() != bytes(row.digest)]
    return [
        Recount("a sample is what its seed draws", drawn, len(broken), broken[:5]),
        Recount(
            "the signals of a look are those that were found",
            len(looks),
            len(changed),
            [f"look {row.id} of branch {row.branch}: a signal was changed, added or taken away" for row in changed[:5]],
        ),
    ]


def recount_complaints() -> Recount:
    """Complaints belong to a branch, not always to a stage."""
    rows = queries.recount_complaints()
    broken = [row for row in rows if row.gaps or row.early or row.due_at != due_at(About(row.about), row.received_at)]
    return Recount(
        "every complaint has its clock and its steps in order",
        len(rows),
        len(broken),
        [
            f"complaint {row.ticket}: {'a step is missing' if row.gaps else 'its clock was changed'}"
            for row in broken[:5]
        ],
    )
