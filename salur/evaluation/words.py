"""Words of the meeting: sentences about what was printed and names of rows, in the language of the page or paper."""

from decimal import Decimal

from django.utils.translation import get_language, gettext, gettext_lazy, ngettext

from salur.evaluation.rules import Agreement, Measure, Mixed, Published, Side, Sum, Tag, Terrain
from salur.lib import indonesian
from salur.lib.template_filters import quoted_percent
from salur.payments.rules import Channel


def _number(value: int | Decimal) -> str:
    return indonesian.number(value, "en" if (get_language() or "id").startswith("en") else "id")


def _percent(value: Decimal) -> str:
    return quoted_percent(str(value))


def sentence_of(each: Published) -> str:
    """What a printed number is, beside the counted one."""
    percent = each.measure is Measure.PAID_PERCENT
    shown = _percent if percent else _number
    said = {"printed": shown(each.value), "counted": _number(each.counted), "whole": _number(each.whole)}
    match each.agreement:
        case Agreement.UNKNOWN:
            return gettext("Nothing is counted here that %(printed)s could be compared with.") % said
        case Agreement.NOT_COMPLETE:
            said["missing"] = _number(each.whole - each.counted)
            return (
                gettext(
                    "Printed as complete, but %(counted)s of %(whole)s families were paid: %(missing)s are missing."
                )
                % said
            )
        case Agreement.CUT_OFF:
            assert each.rounded is not None
            said["rounded"] = shown(each.rounded)
            return gettext("%(printed)s is cut off: %(counted)s of %(whole)s is %(rounded)s when rounded.") % said
        case Agreement.DIFFERS:
            assert each.rounded is not None
            assert each.difference is not None
            said["rounded"] = shown(each.rounded)
            said["difference"] = f"{'+' if each.difference > 0 else ''}{_number(each.difference)}"
            if percent:
                return (
                    gettext(
                        "%(printed)s differs from the counted %(rounded)s (%(counted)s of %(whole)s) by %(difference)s points."
                    )
                    % said
                )
            return gettext("%(printed)s differs from the counted %(counted)s by %(difference)s.") % said
    if percent:
        return gettext("Agrees with the counted %(counted)s of %(whole)s.") % said
    return gettext("Agrees with the count.")


def sentence_of_mixed(each: Mixed) -> str:
    said = {"rounded": ", ".join(each.rounded), "cut_off": ", ".join(each.cut_off), "source": each.source}
    return (
        gettext(
            "One source, two rules: rounded for %(rounded)s, cut off for %(cut_off)s. Kept as printed. (%(source)s)"
        )
        % said
    )


def sentence_of_sum(each: Sum) -> str:
    said = {
        "printed": _number(each.printed),
        "sum": _number(each.sum),
        "difference": f"{'+' if each.difference > 0 else ''}{_number(each.difference)}",
        "parts": len(each.parts),
        "missing": len(each.missing),
    }
    if not each.agrees and each.missing:
        return (
            gettext("%(printed)s is less than the sum of those below that were published, %(sum)s: %(difference)s.")
            % said
        )
    if not each.agrees:
        return gettext("%(printed)s differs from the sum of the %(parts)s below it, %(sum)s, by %(difference)s.") % said
    if each.missing:
        lacking = ngettext(
            "%(missing)s branch below it was not published",
            "%(missing)s branches below it were not published",
            len(each.missing),
        )
        return f"{gettext('The sum of those that were published is %(sum)s') % said}; {lacking % said}."
    return gettext("Equals the sum of the %(parts)s below it.") % said


# Words of the tables; looked up when shown, because the language is the reader's.
CHANNELS = {
    Channel.OFFICE.word: gettext_lazy("Post office"),
    Channel.COMMUNITY.word: gettext_lazy("Community"),
    Channel.DOOR.word: gettext_lazy("Door-to-door"),
}
TERRAINS = {
    Terrain.TOWN: gettext_lazy("Kelurahan (town)"),
    Terrain.VILLAGE: gettext_lazy("Desa"),
    Terrain.NO_SIGNAL: gettext_lazy("Without signal"),
}
SIDES = {Side.HELPED: gettext_lazy("What helped"), Side.HINDERED: gettext_lazy("What hindered")}
TAGS = {
    Tag.RECRUITMENT: gettext_lazy("Recruitment"),
    Tag.COORDINATION: gettext_lazy("Coordination"),
    Tag.COMMUNICATION: gettext_lazy("Communication"),
    Tag.FIELD_CONTROL: gettext_lazy("Field control"),
    Tag.ONLINE_FIRST: gettext_lazy("Online areas first"),
    Tag.GEOTAGGING: gettext_lazy("Geotagging"),
    Tag.CASH: gettext_lazy("Cash"),
    Tag.SIGNAL: gettext_lazy("Signal"),
    Tag.TERRAIN: gettext_lazy("Terrain and weather"),
    Tag.LIST_QUALITY: gettext_lazy("Quality of the list"),
    Tag.OTHER: gettext_lazy("Other"),
}
MEASURES = {
    Measure.ALLOCATED: gettext_lazy("Families allocated"),
    Measure.PAID: gettext_lazy("Families paid"),
    Measure.GEOTAGGED: gettext_lazy("Houses located"),
    Measure.AMOUNT_PAID_RP: gettext_lazy("Rupiah paid"),
    Measure.PAID_PERCENT: gettext_lazy("Realisation"),
}


def printed(each: Published) -> str:
    """The digits as they were printed; only a percentage's sign follows the language."""
    return quoted_percent(each.printed) if each.measure is Measure.PAID_PERCENT else each.printed
