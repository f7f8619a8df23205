"""`salur verify`: every invariant recounted from the facts, in every folder that keeps a counter or a balance."""

from collections.abc import Iterator

from salur.audit import actions as audit
from salur.cases import actions as cases
from salur.custody import actions as custody
from salur.danom import actions as danom
from salur.evaluation import actions as evaluation
from salur.evidence import actions as evidence
from salur.field import actions as field
from salur.ledger import actions as ledger
from salur.lib.sql import Recount
from salur.monitoring import actions as monitoring
from salur.oversight import actions as oversight
from salur.payments import actions as payments
from salur.planning import actions as planning
from salur.programmes.actions import stage_by_code, stages
from salur.reconciliation import actions as reconciliation


def verify(*, stage_code: str | None = None) -> Iterator[Recount]:
    """One recount after the other: of one stage, or of everything when none is named. Raises ``NotFound`` for an unknown stage."""
    chosen = [stage_by_code(stage_code)] if stage_code else stages()
    for stage in chosen:
        for recount in (
            danom.recount,
            payments.recount,
            evidence.recount,
            ledger.recount,
            custody.recount,
            planning.recount,
            oversight.recount,
            evaluation.recount,
            reconciliation.recount,
            monitoring.recount,
        ):
            for found in recount(stage=stage.id):
                yield found._replace(name=f"{stage.code}: {found.name}")
    if stage_code is None:
        yield custody.recount_counts()
        yield oversight.recount_complaints()
        yield from cases.recount()
        yield from field.recount()
        yield audit.verify()
