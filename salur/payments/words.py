"""What the screens call the reasons for which a family is not paid; looked up when shown, because the language is the reader's."""

from django.utils.translation import gettext_lazy

# By the reason's word; the first is none of the officer's.
REASONS = {
    "not_visited": gettext_lazy("Not visited yet"),
    "not_home": gettext_lazy("Not at home"),
    "ill": gettext_lazy("Ill"),
    "away": gettext_lazy("Travelling"),
    "not_collected": gettext_lazy("Did not come"),
    "data_differs": gettext_lazy("Data differ"),
    "dead": gettext_lazy("Died"),
    "moved": gettext_lazy("Moved away"),
    "unknown": gettext_lazy("Not known there"),
    "duplicate": gettext_lazy("On the list twice"),
    "not_entitled": gettext_lazy("No longer entitled"),
    "refused": gettext_lazy("Refused"),
}
