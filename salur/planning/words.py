"""What the pages say where the kernel has a word: rules, lacks, bodies, steps, orders."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from salur.planning.check import Rule
from salur.planning.coordination import Body, Light, StepKind
from salur.planning.rules import Channel, Lack, Order, Span

RULES: dict[Rule, Promise] = {
    Rule.UNKNOWN_VILLAGE: gettext_lazy("a village that the branch does not serve"),
    Rule.NOT_SERVED_ONCE: gettext_lazy("families planned twice or not at all"),
    Rule.NOT_WHOLE: gettext_lazy("a visit without families"),
    Rule.CLOSED_DAY: gettext_lazy("nobody works on this day"),
    Rule.NOT_READY: gettext_lazy("the village is not ready yet"),
    Rule.BLOCKED_DAY: gettext_lazy("a market day or event in the village"),
    Rule.SESSION_OVERFULL: gettext_lazy("more families than the team can pay"),
    Rule.SESSION_TOO_SMALL: gettext_lazy("too few families for a session"),
    Rule.TEAM_SIZE: gettext_lazy("the team is too small or too large"),
    Rule.FLOAT_EXCEEDED: gettext_lazy("more cash than an officer may carry"),
    Rule.DOORS_OVERFULL: gettext_lazy("more houses than can be visited"),
    Rule.DOORS_BEFORE_SESSION: gettext_lazy("visits at home before the session"),
    Rule.COUNTERS_OVERFULL: gettext_lazy("more families than the counters can pay"),
    Rule.VAULT_EXCEEDED: gettext_lazy("more cash than the vault gives out in a day"),
    Rule.ESCORTS_EXCEEDED: gettext_lazy("more venues than can be guarded"),
    Rule.ESCORTS_IN_KECAMATAN_EXCEEDED: gettext_lazy("more venues than the kecamatan can guard"),
    Rule.TOO_FEW_OFFICERS: gettext_lazy("too few officers on this day"),
    Rule.TOO_FEW_LEADERS: gettext_lazy("too few leaders on this day"),
    Rule.TOO_MANY_HIRES: gettext_lazy("more people than may be hired"),
    Rule.REST_DAY_MISSED: gettext_lazy("somebody has no rest day"),
    Rule.KEPT_CHANGED: gettext_lazy("families were told another day"),
    Rule.UNKNOWN_PERSON: gettext_lazy("a person who is not of the branch"),
    Rule.PERSON_ABSENT: gettext_lazy("somebody who is absent"),
    Rule.TWO_PLACES_AT_ONCE: gettext_lazy("somebody in two places at once"),
    Rule.SEAT_EMPTY: gettext_lazy("a seat that nobody fills"),
    Rule.WITHOUT_LEADER: gettext_lazy("a session without a leader"),
}
LACKS: dict[Lack, Promise] = {
    Lack.OFFICERS: gettext_lazy("officers"),
    Lack.LEADERS: gettext_lazy("people who may lead a session"),
    Lack.VAULT: gettext_lazy("rupiah a day from the vault"),
    Lack.ESCORTS: gettext_lazy("guarded venues a day"),
    Lack.COUNTERS: gettext_lazy("staffed counters"),
    Lack.DAYS: gettext_lazy("days more, instead"),
    Lack.READINESS: gettext_lazy("families in villages that nobody has confirmed in time"),
    Lack.OPEN_DAY: gettext_lazy("families in villages that are blocked on every day"),
    Lack.FLOAT: gettext_lazy("rupiah that an officer must be allowed to carry"),
    Lack.RATE: gettext_lazy("families so far away that the way takes the whole day"),
    Lack.FAMILIES: gettext_lazy("families on the list"),
}
BODIES: dict[Body, str | Promise] = {
    Body.PEMDA: gettext_lazy("Local government"),
    Body.DINSOS: "Dinsos",
    Body.POLRES: "Polres",
    Body.KODIM: "Kodim",
    Body.CAMAT: "Camat",
    Body.POLSEK: "Polsek",
    Body.KORAMIL: "Koramil",
    Body.TKSK: "TKSK",
    Body.VILLAGE_HEAD: gettext_lazy("Village head"),
    Body.OPERATOR: gettext_lazy("Village operator"),
    Body.RT_RW: "RT/RW",
}
STEPS: dict[StepKind, Promise] = {
    StepKind.LETTER: gettext_lazy("letter sent"),
    StepKind.CONFIRMED: gettext_lazy("agreed"),
    StepKind.WITHDRAWN: gettext_lazy("agreement withdrawn"),
    StepKind.VISIT: gettext_lazy("visited"),
}
LIGHTS: dict[Light, Promise] = {
    Light.NOTHING: gettext_lazy("nothing yet"),
    Light.LETTER: gettext_lazy("letter sent"),
    Light.CONFIRMED: gettext_lazy("agreed"),
    Light.WITHDRAWN: gettext_lazy("withdrawn"),
}
ORDERS: dict[Order, Promise] = {
    Order.ONLINE_FIRST: gettext_lazy("villages with signal first"),
    Order.HARD_FIRST: gettext_lazy("hard villages first"),
    Order.TRAVEL: gettext_lazy("least travel"),
}
CHANNELS: dict[Channel, Promise] = {
    Channel.SESSION: gettext_lazy("session"),
    Channel.DOOR: gettext_lazy("at home"),
    Channel.OFFICE: gettext_lazy("counter"),
}
SPANS: dict[Span, Promise] = {
    Span.DAY: gettext_lazy("the whole day"),
    Span.MORNING: gettext_lazy("morning"),
    Span.AFTERNOON: gettext_lazy("afternoon"),
}
