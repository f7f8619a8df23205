"""Words of the pages: what was counted and never what it means, names of rows; in the language of who reads."""

from typing import Any

from django.utils.translation import get_language, gettext, gettext_lazy

from salur.lib import indonesian
from salur.oversight.rules import About, Check, Found, Kind, Method, Said, Step, Way

KINDS = {
    Kind.IDENTICAL_PLACE: gettext_lazy("One place for many houses"),
    Kind.CROWDED_PLACE: gettext_lazy("Houses crowded together"),
    Kind.SAME_PHOTO: gettext_lazy("One photo for many houses"),
    Kind.SPEED: gettext_lazy("Faster than anybody travels"),
    Kind.PACE: gettext_lazy("Seconds between payments"),
    Kind.HOURS: gettext_lazy("Outside working hours"),
    Kind.FAR: gettext_lazy("Far from the village"),
    Kind.PROXY: gettext_lazy("One person collected for many"),
    Kind.NO_PLACE: gettext_lazy("Without a place"),
    Kind.FAILURES: gettext_lazy("Visits in vain"),
    Kind.CASH: gettext_lazy("Cash counted short"),
    Kind.VOICE: gettext_lazy("Families say otherwise"),
}
COUNTED = {
    Kind.IDENTICAL_PLACE: gettext_lazy(
        "%(count)s of %(of)s houses are at a place shared to the centimetre by three families or more"
    ),
    Kind.CROWDED_PLACE: gettext_lazy("%(count)s of %(of)s houses lie with five others within eleven metres"),
    Kind.SAME_PHOTO: gettext_lazy("%(count)s of %(of)s photos of houses look like another family's"),
    Kind.SPEED: gettext_lazy("%(count)s of %(of)s ways between two places were faster than 80 km/h"),
    Kind.PACE: gettext_lazy("%(count)s of %(of)s payments came less than ten seconds after the one before"),
    Kind.HOURS: gettext_lazy("%(count)s of %(of)s payments were before 06.00 or after 20.00"),
    Kind.FAR: gettext_lazy("%(count)s of %(of)s places are farther from the village than others are seen there"),
    Kind.PROXY: gettext_lazy("%(count)s of %(of)s payments went to somebody who collected for three families or more"),
    Kind.NO_PLACE: gettext_lazy("%(count)s of %(of)s payments came without a place"),
    Kind.FAILURES: gettext_lazy("%(count)s of %(of)s visits did not pay"),
    Kind.CASH: gettext_lazy("%(count)s of %(of)s counts of cash were short"),
    Kind.VOICE: gettext_lazy("%(count)s of %(of)s families who were asked or complained say otherwise than the books"),
}
# What may be behind it without anybody doing wrong: the first thing to ask about.
INNOCENT = {
    Kind.IDENTICAL_PLACE: gettext_lazy("A long house, a relocation barrack, or a phone that remembers an old place."),
    Kind.CROWDED_PLACE: gettext_lazy("Flats, barracks, or houses located at the venue with the families' consent."),
    Kind.SAME_PHOTO: gettext_lazy("Families under one roof, or a photo sent twice by mistake."),
    Kind.SPEED: gettext_lazy("A wrong clock, a bad fix, or two people with one phone."),
    Kind.PACE: gettext_lazy("Payments written down after paper lists were used during a failure."),
    Kind.HOURS: gettext_lazy("Families who work by day, or a crossing that waited for the tide."),
    Kind.FAR: gettext_lazy("A venue agreed in another village, or a wrong middle of the village."),
    Kind.PROXY: gettext_lazy("A care home, or an approved collection in a remote hamlet."),
    Kind.NO_PLACE: gettext_lazy("An old phone, or a place under trees and roofs."),
    Kind.FAILURES: gettext_lazy("A village that many have left, or a list of bad quality."),
    Kind.CASH: gettext_lazy("A miscount, or a bundle short from the bank."),
    Kind.VOICE: gettext_lazy("A misunderstanding, another programme's money, or a relative who collected."),
}
SAIDS = {
    Said.AS_BOOKED: gettext_lazy("As in the books"),
    Said.NOT_PAID: gettext_lazy("Received nothing"),
    Said.LESS: gettext_lazy("Received less"),
    Said.CUT_TAKEN: gettext_lazy("Somebody took a part afterwards"),
    Said.SOMEBODY_ELSE: gettext_lazy("Somebody else took the money"),
    Said.WRONG_PHOTO: gettext_lazy("The photo shows somebody else"),
    Said.UNREACHABLE: gettext_lazy("Not reached"),
    Said.DECLINED: gettext_lazy("Did not want to answer"),
}
METHODS = {Method.CALL: gettext_lazy("call"), Method.VISIT: gettext_lazy("visit")}
ABOUTS = {
    About.NOT_PAID: gettext_lazy("I received nothing"),
    About.LESS: gettext_lazy("I received less than the amount"),
    About.CUT_TAKEN: gettext_lazy("Somebody asked for a part of the money"),
    About.SOMEBODY_ELSE: gettext_lazy("Somebody else took my money"),
    About.NOT_ON_LIST: gettext_lazy("I am not on the list"),
    About.STAFF: gettext_lazy("How I was treated"),
    About.PLACE: gettext_lazy("The place or the time"),
    About.OTHER: gettext_lazy("Something else"),
}
WAYS = {
    Way.WEB: gettext_lazy("on the web"),
    Way.PHONE: gettext_lazy("by telephone"),
    Way.PAPER: gettext_lazy("on paper"),
    Way.VISIT: gettext_lazy("at a visit"),
}
STEPS = {
    Step.RECEIVED: gettext_lazy("Received"),
    Step.TAKEN: gettext_lazy("Somebody is responsible"),
    Step.ANSWERED: gettext_lazy("Answered"),
    Step.REOPENED: gettext_lazy("Opened again"),
}
CHECKS = {
    Check.LIST_POSTED: gettext_lazy("The list of names and amounts hangs where everybody can read it"),
    Check.IDENTITY_CHECKED: gettext_lazy("Identity cards are compared with the list"),
    Check.FULL_AMOUNT: gettext_lazy("Families count the whole amount before they go"),
    Check.NO_CUTS: gettext_lazy("Nobody collects a part of the money near the venue"),
    Check.PHOTOS_TAKEN: gettext_lazy("Photos are taken of each recipient with the money"),
    Check.GEOTAG_AT_HOUSE: gettext_lazy("Houses are located at the house"),
    Check.CASH_GUARDED: gettext_lazy("The cash is guarded"),
    Check.QUEUE_ORDERLY: gettext_lazy("The queue is orderly, the old and the ill come first"),
    Check.COMPLAINTS_ANNOUNCED: gettext_lazy("Families are told where to complain"),
}
FOUNDS = {Found.YES: gettext_lazy("yes"), Found.NO: gettext_lazy("no"), Found.NOT_SEEN: gettext_lazy("not seen")}


def counted(row: Any) -> str:
    """What a signal counted (a row with kind, count and of)."""
    language = "en" if (get_language() or "id").startswith("en") else "id"
    numbers = {"count": indonesian.number(row.count, language), "of": indonesian.number(row.of, language)}
    return str(COUNTED[Kind(row.kind)]) % numbers


def sentence(row: Any, name: str) -> str:
    """The same with the name, and what others count."""
    said = {"name": name, "counted": counted(row), "peers": f"{row.peers_ppm / 10_000:.2f}"}
    return gettext("%(name)s: %(counted)s; among the others at the branch %(peers)s %%.") % said


# What is said to who has no account, in their language; the same sentences as where they are raised (a test compares them).
REFUSALS = (
    gettext_lazy("No letter has this code: compare it with the letter, or leave it empty."),
    gettext_lazy("Give the code of the letter, or choose the post office."),
    gettext_lazy("Choose what it is about."),
    gettext_lazy("Say what happened, in 5 to 2,000 characters."),
    gettext_lazy("A telephone number or an address of at most 200 characters is enough."),
    gettext_lazy("There were too many requests from here: try again in an hour."),
    gettext_lazy("There is no complaint with this number."),
)
