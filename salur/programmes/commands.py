"""`salur programmes …`: programmes, stages, windows, policies."""

from pathlib import Path

import click

from salur.areas.rules import dotted
from salur.lib.command import Answer, answers, table
from salur.programmes import actions
from salur.programmes.models import Stage


@click.group("programmes")
def programmes() -> None:
    """Programmes and their stages: windows and policies."""


@programmes.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@answers
def import_(file: Path) -> Answer:
    """Import programmes and stages from a TOML file."""
    found = actions.import_programmes(path=file)
    nothing_new = not (found.created or found.changed)
    changed = [
        {change.of: change.code, "what": change.what, "before": change.before, "after": change.after}
        for change in found.changed
    ]
    data = {
        "programmes": found.programmes,
        "stages": found.stages,
        "created": found.created,
        "changed": changed,
        "nothing_new": nothing_new,
    }
    if nothing_new:
        text = f"Nothing changed: the file's programmes ({found.programmes}) and stages ({found.stages}) are known."
    else:
        new = f"new: {', '.join(found.created)}" if found.created else "none is new"
        text = f"Programmes: {found.programmes}, stages: {found.stages}; {new}; policies changed: {len(changed)}."
    warnings = [
        f"{change.of} {change.code}: {change.what} changed from {_shown(change.before)} to {_shown(change.after)}."
        for change in found.changed
    ]
    return Answer(data, text, warnings=warnings)


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


@programmes.command("list")
@answers
def list_() -> Answer:
    """The programmes with their stages."""
    found = list(actions.programmes())
    data = [
        {
            "code": programme.code,
            "name": programme.name,
            "proxy": programme.proxy,
            "amount_ceiling_rp": programme.amount_ceiling_rp,
            "stages": [_stage(stage) for stage in programme.stages.all()],
        }
        for programme in found
    ]
    lines = [
        [programme.code, stage.code, stage.opens, stage.deadline, stage.target_days, stage.order]
        for programme in found
        for stage in programme.stages.all()
    ]
    header = ("programme", "stage", "opens", "deadline", "target days", "order")
    shown = (
        table(header, lines, right=[4]) if lines else "There is no stage yet: `salur programmes import FILE` makes one."
    )
    return Answer({"programmes": data}, shown)


def _stage(stage: Stage) -> dict[str, object]:
    """As the file writes it."""
    return {
        "code": stage.code,
        "period": f"{stage.period_from:%Y-%m}/{stage.period_to:%Y-%m}",
        "opens": stage.opens,
        "target_days": stage.target_days,
        "deadline": stage.deadline,
        "order": stage.order,
        "geotag": {"counter": stage.geotag_counter, "community": stage.geotag_community, "door": stage.geotag_door},
        "approval": {
            "second_person": stage.second_person,
            "above_lines": stage.second_person_above_lines,
            "above_rp": stage.second_person_above_rp,
        },
        "extensions": [
            {"area": dotted(extension.area_id), "deadline": extension.deadline, "reason": extension.reason}
            for extension in stage.extensions.all()
        ],
    }
