"""`salur planning`: the verbs of planning; those of its papers are in ``papers/commands.py``."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from salur.areas.rules import area_code, dotted
from salur.lib.clock import now
from salur.lib.command import Answer, acting, answers, table
from salur.lib.problem import Problem
from salur.planning import actions, bodies, day, hiring, inputs, nation
from salur.planning.actions import KeptPlan
from salur.planning.check import Violation
from salur.planning.coordination import Body, StepKind
from salur.planning.rules import Order, Plan
from salur.planning.settings import SETTINGS, Read
from salur.programmes.actions import stage_by_code


@click.group("planning")
def planning() -> None:
    """Who is paid where and when: plans, people, days, cash, and the papers."""


BRANCH = click.option("--branch", required=True, metavar="CODE")
STAGE = click.option("--stage", required=True, metavar="CODE")
PLAN = click.argument("plan", metavar="PLAN")
DAY = click.DateTime(formats=["%Y-%m-%d"])


def _supposing(verb: Callable[..., None]) -> Callable[..., None]:
    """Options that stand instead of what the branch said, for this one plan."""
    for option in (
        click.option("--policy", type=click.Choice([order.value for order in Order]), help="Who is paid first."),
        click.option("--from", "first_day", type=DAY, metavar="YYYY-MM-DD", help="The first day of paying."),
        click.option("--days", type=click.IntRange(0, 120), help="Days to pay in."),
        click.option("--officers", type=click.IntRange(0, 5000), help="Own officers, instead of those registered."),
        click.option("--rate", type=click.IntRange(1, 5000), help="Families an officer pays in a day at a venue."),
        click.option("--no-rest-day", is_flag=True, help="Nobody has a weekly rest day."),
        click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Any other input of the branch; may be repeated."),
        click.option("--seconds", type=click.FloatRange(0.1, 3600), default=30.0, show_default=True, help="Longest time to think."),
    ):  # fmt: skip
        verb = option(verb)
    return verb


def _supposed(
    policy: str | None = None,
    first_day: Any = None,
    days: int | None = None,
    officers: int | None = None,
    rate: int | None = None,
    no_rest_day: bool = False,
    sets: Sequence[str] = (),
) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for text in sets:
        name, equals, value = text.partition("=")
        if not equals:
            raise Problem(f"--set {text} says nothing: write NAME=VALUE, as vault_rp=8000000000.")
        given[name.strip()] = value.strip()
    options = {"order": policy, "days": days, "officers_assumed": officers, "session_per_day": rate}
    given |= {name: value for name, value in options.items() if value is not None}
    if first_day is not None:
        given["first_day"] = first_day.date().isoformat()
    if no_rest_day:
        given["rest_every"] = None
    return given


def numbers(read_or_kept: Read | KeptPlan, plan: Plan) -> dict[str, Any]:
    """What every answer about a plan says."""
    made_from = read_or_kept.inputs
    proof = plan.proof
    return {
        "branch": made_from.branch.code,
        "days": made_from.window.days,
        "hires": plan.hires.total,
        "hires_leaders": plan.hires.leaders,
        "unmet": plan.unmet_families,
        "families": sum(village.families for village in made_from.villages),
        "villages": len(made_from.villages),
        "officers": len(made_from.branch.officers),
        "sessions": len(plan.sessions),
        "gap": proof.gap,
        "hires_bound": proof.hires_bound,
        "unmet_bound": proof.unmet_bound,
        "method": proof.method,
        "seconds": round(proof.seconds, 3),
        "shortfalls": [
            {"lack": str(part.lack), "amount": part.amount, **({"area": dotted(part.area)} if part.area else {})} for part in plan.shortfalls
        ],
    }  # fmt: skip


def _data(kept: KeptPlan, assumed: Mapping[str, Any]) -> dict[str, Any]:
    days = [
        {"date": line.day, "families": line.families, "officers": line.officers, "cash_rp": line.cash_rp, "venues": line.venues,
         "online": line.online}
        for line in actions.by_day(kept)
    ]  # fmt: skip
    row = kept.row
    return {
        **numbers(kept, kept.plan), "stage": row.stage.code, "plan": row.id, "version": row.version, "first_day": row.first_day,
        "policy": row.order, "rounds": len(kept.plan.rounds), "vacancies": len(kept.roster.vacancies), "by_day": days, "assumed": assumed,
    }  # fmt: skip


def _text(data: dict[str, Any]) -> str:
    days = [
        (line["date"], f"{line['families']:,}", line["officers"], line["venues"], f"{line['cash_rp']:,}") for line in data["by_day"]
    ]  # fmt: skip
    said = (
        f"{data['branch']}/{data['version']}: {data['families']:,} families of {data['villages']} villages in {data['days']} days, "
        f"{data['officers']} own officers, {data['hires']} to hire; {data['unmet']:,} are not reached."
    )
    lacks = [
        f"missing: {part['lack']} {part['amount']:,} {part.get('area', '')}".rstrip()
        for part in data["shortfalls"][:20]
    ]
    assumed = "assumed, until the branch says otherwise: " + ", ".join(
        f"{name} {value}" for name, value in data["assumed"].items()
    )
    shown = table(("day", "families", "officers", "venues", "cash_rp"), days, right=(1, 2, 3, 4))
    return "\n".join([said, *lacks, shown, assumed])


@planning.command("solve")
@BRANCH
@STAGE
@_supposing
@click.option("--fast", is_flag=True, help="The greedy plan, in milliseconds and without a bound.")
@acting
@answers
def solve(branch: str, stage: str, seconds: float, fast: bool, actor: str, **given: Any) -> Answer:
    """Make a plan and keep it as a draft. Exit code 1 when somebody is not reached."""
    kept = actions.draft(
        stage=stage_by_code(stage),
        branch=inputs.branch_by_code(branch),
        supposed=_supposed(**given),
        seconds=seconds,
        greedily=fast,
        actor=actor,
        at=now(),
    )
    data = _data(kept, kept.row.assumed)
    return Answer(data, _text(data), needs_person=bool(kept.row.unmet))


@planning.command("solve-all")
@STAGE
@click.option("--branch", "only", multiple=True, metavar="CODE", help="Only this branch; may be repeated.")
@click.option("--again", is_flag=True, help="Also those that have a draft already; published plans stay.")
@click.option(
    "--seconds", type=click.FloatRange(0.1, 600), default=7.0, show_default=True, help="Longest time to think, each."
)
@acting
@answers
def solve_all(stage: str, only: tuple[str, ...], again: bool, seconds: float, actor: str) -> Answer:
    """A draft for every branch that has none; two at a time, and run twice it goes on where it stopped. Exit code 1 when somebody is not reached."""
    row = stage_by_code(stage)
    branches = [inputs.branch_by_code(code).id for code in only] or None
    lines = []

    def progress(done: int, total: int, say: str) -> None:
        click.echo(f"{done} of {total}: {say}", err=True)

    for line in nation.solve_all(
        stage=row, branches=branches, again=again, seconds=seconds, actor=actor, now=now, progress=progress
    ):
        lines.append(line)
    lines.sort(key=lambda line: line.branch)
    data = {
        "stage": stage, "branches": [line._asdict() for line in lines], "planned": sum(line.outcome == "planned" for line in lines),
        "hires": sum(line.hires for line in lines), "unmet": sum(line.unmet for line in lines),
    }  # fmt: skip
    shown = table(
        ("branch", "", "families", "hires", "not reached", "gap", "seconds", ""),
        [
            (x.branch, x.outcome, f"{x.families:,}", x.hires, f"{x.unmet:,}", "" if x.gap is None else f"{x.gap:.2%}", f"{x.seconds:.1f}", x.say)
            for x in lines
        ],
        right=(2, 3, 4, 5, 6),
    )  # fmt: skip
    needs_person = bool(data["unmet"]) or any(line.outcome == "refused" for line in lines)
    return Answer(data, shown, needs_person=needs_person)


@planning.command("replan")
@BRANCH
@STAGE
@_supposing
@click.option("--today", type=DAY, metavar="YYYY-MM-DD", required=True, help="The first day that is planned again.")
@click.option(
    "--keep",
    "frozen",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="So many of these days stay as published.",
)
@acting
@answers
def replan(branch: str, stage: str, seconds: float, today: Any, frozen: int, actor: str, **given: Any) -> Answer:
    """Plan the rest of a stage again, from who was paid until now; keeps a new draft."""
    kept = actions.replan(
        stage=stage_by_code(stage), branch=inputs.branch_by_code(branch), from_day=today.date(), frozen_days=frozen,
        supposed=_supposed(**given), seconds=seconds, actor=actor, at=now(),
    )  # fmt: skip
    data = _data(kept, kept.row.assumed)
    return Answer(data, _text(data), needs_person=bool(kept.row.unmet))


@planning.command("what-if")
@BRANCH
@STAGE
@_supposing
@click.option(
    "--vary",
    "varied",
    multiple=True,
    required=True,
    metavar="NAME=V1,V2,…",
    help="An input with several values, side by side.",
)
@click.option("--whole", is_flag=True, help="Order the days too (slower); else only people and what is missing.")
@answers
def what_if(branch: str, stage: str, seconds: float, varied: Sequence[str], whole: bool, **given: Any) -> Answer:
    """The same branch with other inputs, side by side; nothing is kept."""
    base = _supposed(**given)
    variants: dict[str, dict[str, Any]] = {"": base}
    for text in varied:
        name, _, values = text.partition("=")
        variants = {
            f"{before} {name}={value}".strip(): {**supposed, name: value}
            for before, supposed in variants.items()
            for value in values.split(",")
        }
    found = actions.what_if(
        stage=stage_by_code(stage),
        branch=inputs.branch_by_code(branch),
        variants=variants,
        seconds=seconds,
        order_days=whole,
    )
    rows = [{"variant": name, **numbers(read, plan)} for name, read, plan in found]
    text = table(
        ("variant", "hires", "not reached", "proven", "seconds"),
        [
            (r["variant"], r["hires"], r["unmet"], "yes" if r["hires"] == r["hires_bound"] else "", r["seconds"])
            for r in rows
        ],
        right=(1, 2, 4),
    )
    return Answer({"branch": branch, "stage": stage, "variants": rows}, text)


@planning.command("publish")
@PLAN
@acting
@answers
def publish(plan: str, actor: str) -> Answer:
    """Make a plan the one that counts, and give each family its place and time; by another person than the one who made it."""
    done = actions.publish(plan=actions.plan_by_word(plan).id, actor=actor, at=now())
    row = done.plan
    data = {
        "plan": row.id, "branch": row.branch.code, "stage": row.stage.code, "version": row.version, "slots": done.slots,
        "changed": done.changed, "superseded": done.superseded, "outcome": "exists" if done.existed else "published",
    }  # fmt: skip
    text = f"{row.branch.code}/{row.version} was published before." if done.existed else (
        f"{row.branch.code}/{row.version} is published: {done.slots:,} families have a place and time, {done.changed:,} of them another one."
    )  # fmt: skip
    return Answer(data, text)


@planning.command("plans")
@STAGE
@click.option("--branch", metavar="CODE")
@answers
def plans(stage: str, branch: str | None) -> Answer:
    """Versions of the plans of a stage, with their state."""
    only = [inputs.branch_by_code(branch).id] if branch else None
    rows = actions.plans(stage=stage_by_code(stage).id, branches=only)
    lines = [
        (f"{r.branch}/{r.version}", r.state or "draft", f"{r.families:,}", r.hires, f"{r.unmet:,}", r.made_by, r.published_by or "", r.change)
        for r in rows
    ]  # fmt: skip
    header = ("plan", "state", "families", "hires", "not reached", "made by", "published by", "change")
    return Answer({"stage": stage, "plans": [r._asdict() for r in rows]}, table(header, lines, right=(2, 3, 4)))


@planning.command("check")
@PLAN
@answers
def check(plan: str) -> Answer:
    """Let the independent checker judge a plan and its roster. Exit code 1 when it finds something."""
    kept = actions.load(actions.plan_by_word(plan))
    found = actions.violations(kept)
    return Answer(
        {"plan": kept.row.id, "ok": not found, "violations": _told(found, kept)},
        _breaks(found, kept),
        needs_person=bool(found),
    )


def _told(found: Sequence[Violation], kept: KeptPlan) -> list[dict[str, Any]]:
    window = kept.inputs.window
    return [
        {
            "rule": str(v.rule), "area": dotted(v.area) if v.area > 9 else v.area, "day": None if v.day is None else window.date(v.day),
            "found": v.found, "allowed": v.allowed,
        }
        for v in found
    ]  # fmt: skip


def _breaks(found: Sequence[Violation], kept: KeptPlan) -> str:
    if not found:
        return "No rule is broken."
    rows = [tuple(part.values()) for part in _told(found, kept)]
    return table(("rule", "where", "day", "found", "allowed"), rows, right=(3, 4))


@planning.command("move")
@PLAN
@click.option("--village", required=True, metavar="CODE")
@click.option("--from", "from_day", type=DAY, required=True, metavar="YYYY-MM-DD")
@click.option("--to", "to_day", type=DAY, required=True, metavar="YYYY-MM-DD")
@click.option("--try", "only_try", is_flag=True, help="Say what it would break, and change nothing.")
@acting
@answers
def move(plan: str, village: str, from_day: Any, to_day: Any, only_try: bool, actor: str) -> Answer:
    """Move a village to another day; checked at once. Exit code 1 when it breaks a rule: then nothing changes."""
    row = actions.plan_by_word(plan)
    edited, kept = actions.move(
        plan=row.id,
        village=_area(village),
        from_day=from_day.date(),
        day=to_day.date(),
        take=not only_try,
        actor=actor,
        at=now(),
    )
    before = actions.load(row)
    data = {
        "accepted": edited.accepted, "breaks": _told(edited.new, before), "plan": kept.row.id if kept else None,
        "version": kept.row.version if kept else None,
    }  # fmt: skip
    text = f"Kept as {row.branch.code}/{kept.row.version}." if kept else _breaks(edited.new, before)
    return Answer(data, text, needs_person=not edited.accepted)


def _area(text: str) -> int:
    try:
        return area_code(text)
    except ValueError as error:
        raise Problem(str(error)) from None


@planning.command("roster")
@PLAN
@click.option("--day", type=DAY, metavar="YYYY-MM-DD")
@answers
def roster(plan: str, day: Any) -> Answer:
    """Who works where and when; a seat without a person is still to be hired or vacant."""
    row = actions.plan_by_word(plan)
    rows = actions.team(row)
    wanted = day.date() if day else None
    lines = [
        {
            "date": r.day, "span": ("day", "morning", "afternoon")[r.span], "visit": f"{r.channel}/{r.number}", "place": r.place, "seat": r.seat,
            "leads": r.leads, "officer": r.officer_code, "name": r.officer_name, "need": -r.person if r.person and r.person < 0 else None,
        }
        for r in rows
        if wanted is None or r.day == wanted
    ]  # fmt: skip
    vacant = sum(line["officer"] is None for line in lines)
    text = table(
        ("day", "part", "visit", "place", "seat", "who"),
        [
            (x["date"], x["span"], x["visit"], x["place"], f"{x['seat']}{'*' if x['leads'] else ''}",
             x["name"] or (f"need {x['need']}" if x["need"] else "vacant"))
            for x in lines
        ],
    )  # fmt: skip
    return Answer({"plan": row.id, "duties": lines, "unnamed": vacant}, text)


@planning.command("cash")
@PLAN
@answers
def cash(plan: str) -> Answer:
    """Rupiah by day, by officer and by venue."""
    kept = actions.load(actions.plan_by_word(plan))
    window, money = kept.inputs.window, kept.cash
    names = {person.id: person.name for person in (*kept.inputs.branch.officers, *kept.roster.hired)}
    data = {
        "plan": kept.row.id,
        "days": [{"date": window.date(d.day), "cash_rp": d.amount_rp, "field_rp": d.field_rp, "counters_rp": d.counters_rp} for d in money.days],
        "floats": [{"date": window.date(f.day), "officer": names.get(f.person or 0), "amount_rp": f.amount_rp} for f in money.floats],
        "escorts": [
            {"date": window.date(e.day), "kecamatan": dotted(e.kecamatan), "village": dotted(e.host), "amount_rp": e.amount_rp} for e in money.escorts
        ],
    }  # fmt: skip
    lines = [(window.date(d.day), f"{d.field_rp:,}", f"{d.counters_rp:,}", f"{d.amount_rp:,}") for d in money.days]
    return Answer(data, table(("day", "field_rp", "counters_rp", "cash_rp"), lines, right=(1, 2, 3)))


@planning.command("briefing")
@PLAN
@click.option("--day", "chosen", type=DAY, required=True, metavar="YYYY-MM-DD")
@answers
def briefing(plan: str, chosen: Any) -> Answer:
    """One day of a branch: venues, teams, cash, guards, and which of today's villages wait for somebody's word."""
    kept = actions.load(actions.plan_by_word(plan))
    told = day.briefing(kept, chosen.date())
    visits = [
        {
            "visit": f"{v.channel}/{v.number}", "place": v.place, "venue": v.venue, "span": ("day", "morning", "afternoon")[v.span],
            "families": v.families, "cash_rp": v.amount_rp, "team": [seat._asdict() for seat in v.seats],
            "villages": [{"village": dotted(code), "name": name, "families": number} for code, name, number in v.villages],
        }
        for v in told.visits
    ]  # fmt: skip
    data = {
        "plan": kept.row.id, "date": told.day, "families": told.families, "cash_rp": told.cash_rp, "counters_rp": told.counters_rp,
        "visits": visits, "floats": [{"officer": f.officer, "name": f.name, "amount_rp": f.amount_rp} for f in told.floats],
        "guards": [{"kecamatan": dotted(code), "name": name, "venues": number, "cash_rp": rp} for code, name, number, rp in told.guards],
        "open": [{"village": dotted(code), "name": name, "bodies": [str(b) for b in waiting]} for code, name, waiting in told.open],
        "empty_seats": told.empty_seats,
    }  # fmt: skip
    rows = [
        (f"{v.channel}/{v.number}", v.venue or v.place, ("day", "morning", "afternoon")[v.span], f"{v.families:,}", f"{v.amount_rp:,}",
         ", ".join(seat.name or "-" for seat in v.seats))
        for v in told.visits
    ]  # fmt: skip
    shown = table(("visit", "place", "part", "families", "cash_rp", "team"), rows, right=(3, 4))
    return Answer(data, shown)


@planning.command("propose-floats")
@PLAN
@click.option("--day", "chosen", type=DAY, required=True, metavar="YYYY-MM-DD")
@acting
@answers
def propose_floats(plan: str, chosen: Any, actor: str) -> Answer:
    """Offer each officer of a day the cash that the published plan foresees; custody moves when the officer accepts it."""
    kept = actions.load(actions.plan_by_word(plan))
    done = day.propose_floats(kept, day=chosen.date(), actor=actor, at=now())
    lines = [
        {"officer": x.officer, "name": x.name, "amount_rp": x.amount_rp, "movement": x.movement, "outcome": x.outcome} for x in done.lines
    ]  # fmt: skip
    data = {"plan": kept.row.id, "date": done.day, "floats": lines, "unnamed_rp": done.unnamed_rp}
    shown = table(("officer", "amount_rp", ""), [(x["name"], f"{x['amount_rp']:,}", x["outcome"]) for x in lines], right=(1,))  # fmt: skip
    return Answer(data, shown, needs_person=bool(done.unnamed_rp))


# -- inputs -------------------------------------------------------------------------------------------------------


@planning.group("inputs")
def inputs_group() -> None:
    """What the branch says about itself, its villages and its officers."""


@inputs_group.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@BRANCH
@STAGE
@acting
@answers
def import_inputs(file: Path, branch: str, stage: str, actor: str) -> Answer:
    """Take in a TOML file (everything) or a CSV file (`kode` and columns named as inputs of villages)."""
    done = inputs.import_inputs(
        path=file, stage=stage_by_code(stage).id, branch=inputs.branch_by_code(branch).id, actor=actor, at=now()
    )
    text = f"{done.said:,} inputs read, {done.changed:,} of them new."
    return Answer({"branch": branch, "said": done.said, "changed": done.changed}, text, warnings=done.notes)


@inputs_group.command("set")
@BRANCH
@STAGE
@click.option("--area", metavar="CODE", help="A village or kecamatan; left out, the branch.")
@click.option("--officer", default="", metavar="CODE")
@click.argument("words", nargs=-1, required=True, metavar="NAME=VALUE…")
@acting
@answers
def set_inputs(branch: str, stage: str, area: str | None, officer: str, words: Sequence[str], actor: str) -> Answer:
    """Say one thing or several; an empty value takes an optional one back."""
    place = _area(area) if area else 0
    said = (word.partition("=") for word in words)
    items = [inputs.Item(name.strip(), value.strip(), place, officer) for name, _, value in said]
    done = inputs.set_inputs(
        stage=stage_by_code(stage).id, branch=inputs.branch_by_code(branch).id, items=items, actor=actor, at=now()
    )
    return Answer({"branch": branch, "said": done.said, "changed": done.changed}, f"{done.changed} inputs changed.")


@inputs_group.command("show")
@BRANCH
@STAGE
@answers
def show_inputs(branch: str, stage: str) -> Answer:
    """Every input of the branch: what was said, and what is assumed until it is."""
    row, office = stage_by_code(stage), inputs.branch_by_code(branch)
    said = inputs.said_of(stage=row.id, branch=office.id)
    read = inputs.read_inputs(stage=row, branch=office)
    lines = [
        {
            "name": name, "value": said.of(name) if said.known(name) else read.assumed.get(name, setting.default),
            "said": said.known(name), "what": setting.what,
        }
        for name, setting in SETTINGS.items()
        if setting.level == "branch"
    ]  # fmt: skip
    data = {
        "branch": branch, "stage": stage, "inputs": lines, "assumed": read.assumed, "villages": len(read.inputs.villages),
        "families": sum(v.families for v in read.inputs.villages), "officers": len(read.inputs.branch.officers),
        "said_of_villages": sum(1 for area, _ in said.areas if area), "said_of_officers": len(said.officers),
    }  # fmt: skip
    text = table(
        ("input", "value", "", "what"),
        [(x["name"], x["value"], "" if x["said"] else "assumed", x["what"]) for x in lines],
    )
    return Answer(data, text)


# -- coordination -------------------------------------------------------------------------------------------------


@planning.group("readiness")
def readiness_group() -> None:
    """Letters, confirmations and visits: who has agreed, and which villages are ready."""


def _body(verb: Callable[..., None]) -> Callable[..., None]:
    for option in (
        acting,
        click.option("--area", required=True, metavar="CODE", help="The kabupaten, kecamatan or village the body acts for."),
        click.option("--body", required=True, type=click.Choice([body.value for body in Body])),
        STAGE,
        BRANCH,
    ):  # fmt: skip
        verb = option(verb)
    return verb


@readiness_group.command("show")
@BRANCH
@STAGE
@answers
def show_readiness(branch: str, stage: str) -> Answer:
    """The board: which villages are ready from when, and who is still open. Exit code 1 while a body that binds is open."""
    board = bodies.readiness(stage=stage_by_code(stage).id, branch=inputs.branch_by_code(branch).id)
    rows: list[dict[str, Any]] = [
        {
            "village": dotted(v.village), "name": v.name, "families": v.families, "ready": v.is_ready, "ready_on": v.ready_on,
            "open": [str(body) for body in v.open], "bodies": {str(body): str(s.light) for body, s in v.bodies.items()},
        }
        for v in board.villages
    ]  # fmt: skip
    data = {
        "branch": branch,
        "stage": stage,
        "binding": [str(b) for b in board.binding],
        "ready": board.ready,
        "villages": rows,
    }
    text = table(
        ("village", "name", "families", "ready from", "open"),
        [(r["village"], r["name"], f"{r['families']:,}", r["ready_on"] or ("ready" if r["ready"] else ""), " ".join(r["open"])) for r in rows],
        right=(2,),
    )  # fmt: skip
    return Answer(data, text, needs_person=board.ready < len(board.villages))


def _step(kind: StepKind, *, help: str) -> None:
    @readiness_group.command({"confirmed": "confirm", "withdrawn": "withdraw"}.get(kind.value, kind.value), help=help)
    @_body
    @click.option("--on", "day", type=DAY, required=True, metavar="YYYY-MM-DD", help="The day it happened.")
    @click.option("--ready", "ready_on", type=DAY, metavar="YYYY-MM-DD", help="From when the body agrees to payments.")
    @click.option("--document", default="", help="The number of the paper.")
    @click.option("--note", default="")
    @answers
    def command(
        branch: str, stage: str, body: str, area: str, day: Any, ready_on: Any, document: str, note: str, actor: str
    ) -> Answer:
        row, new = bodies.take_step(
            stage=stage_by_code(stage).id, branch=inputs.branch_by_code(branch).id, body=Body(body), area=_area(area), kind=kind,
            day=day.date(), ready_on=ready_on.date() if ready_on else None, document=document, note=note, actor=actor, at=now(),
        )  # fmt: skip
        data = {"step": row.id, "body": body, "area": area, "kind": kind, "outcome": "created" if new else "exists"}
        return Answer(data, f"{body} {area}: {kind}{'' if new else ' (written down before)'}.")


_step(StepKind.LETTER, help="A letter was sent.")
_step(StepKind.CONFIRMED, help="A body agreed, from a day on, with a paper.")
_step(StepKind.WITHDRAWN, help="A body took its agreement back.")
_step(StepKind.VISIT, help="Somebody was there; what was agreed.")


@readiness_group.command("contact")
@_body
@click.option("--name", required=True)
@click.option("--position", default="")
@click.option("--phone", default="")
@answers
def contact(branch: str, stage: str, body: str, area: str, name: str, position: str, phone: str, actor: str) -> Answer:
    """Whom to call at a body."""
    row = bodies.write_contact(
        stage=stage_by_code(stage).id, branch=inputs.branch_by_code(branch).id, body=Body(body), area=_area(area), name=name,
        position=position, phone=phone, actor=actor, at=now(),
    )  # fmt: skip
    return Answer({"contact": row.id, "body": body, "area": area, "name": name}, f"{body} {area}: {name}.")


# -- hiring -------------------------------------------------------------------------------------------------------


@planning.group("hiring")
def hiring_group() -> None:
    """Needs of a plan, offers of work, contracts with an end date that closes access."""


@hiring_group.command("needs")
@PLAN
@answers
def needs(plan: str) -> Answer:
    """Whom the plan needs beside its own people, where to look, and what came of it."""
    row = actions.plan_by_word(plan)
    kept = actions.load(row)
    offers = {offer.need: offer for offer in hiring.offers(row) if offer.answer in (None, "accepted")}
    first = kept.inputs.window.date(kept.plan.hires.from_day)
    lines = [
        {
            "need": -p.id, "kecamatan": dotted(p.kecamatan) if p.kecamatan else None, "may_lead": p.may_lead, "from_day": first,
            "offer": offers[p.id].id if p.id in offers else None, "name": offers[p.id].name if p.id in offers else None,
            "contract": offers[p.id].contract if p.id in offers else None,
        }
        for p in kept.roster.hired
    ]  # fmt: skip
    header = ("need", "look in", "may lead", "from", "offered to", "contract")
    rows = [
        (
            x["need"],
            x["kecamatan"] or "",
            "yes" if x["may_lead"] else "",
            x["from_day"],
            x["name"] or "",
            x["contract"] or "",
        )
        for x in lines
    ]
    return Answer({"plan": row.id, "needs": lines}, table(header, rows, right=(0,)))


@hiring_group.command("offer")
@PLAN
@click.option("--need", type=click.IntRange(1), required=True)
@click.option("--code", required=True, help="What the branch will call this officer.")
@click.option("--name", required=True)
@click.option("--home", metavar="CODE", help="Where the person lives.")
@click.option("--until", type=DAY, required=True, metavar="YYYY-MM-DD", help="The contract's last day.")
@click.option("--daily", "daily_rp", type=click.IntRange(0), required=True, metavar="RP")
@acting
@answers
def offer(
    plan: str, need: int, code: str, name: str, home: str | None, until: Any, daily_rp: int, actor: str
) -> Answer:
    """Offer the work of a need to a named person."""
    row = hiring.offer(
        plan=actions.plan_by_word(plan).id, need=need, code=code, name=name, home_area=_area(home) if home else None, last_day=until.date(),
        daily_rp=daily_rp, actor=actor, at=now(),
    )  # fmt: skip
    return Answer({"offer": row.id, "need": need, "name": name}, f"Offer {row.id} for {name}.")


@hiring_group.command("accept")
@click.argument("offer", type=click.UUID)
@click.option("--contract", required=True, help="The contract's number.")
@acting
@answers
def accept(offer: UUID, contract: str, actor: str) -> Answer:
    """The person signed: an officer from now on, until the contract's last day."""
    done = hiring.accept(offer=offer, number=contract, actor=actor, at=now())
    data = {"offer": offer, "contract": done.number, "officer": done.officer_id, "last_day": done.last_day}
    return Answer(data, f"Contract {done.number} holds until {done.last_day}.")


@hiring_group.command("close")
@click.argument("offer", type=click.UUID)
@click.argument("answer", type=click.Choice(["declined", "withdrawn"]))
@click.option("--reason", required=True)
@acting
@answers
def close(offer: UUID, answer: str, reason: str, actor: str) -> Answer:
    """The person declined, or the branch takes the offer back."""
    hiring.close(offer=offer, answer=answer, reason=reason, actor=actor, at=now())
    return Answer({"offer": offer, "answer": answer}, f"The offer is {answer}.")
