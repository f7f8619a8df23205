"""The control of the fault campaign: the simulation's server with its idempotency turned off. Never started by anything but that test.

Whatever arrives is taken for new: nobody looks whether an event is here already, and a payment that comes again is given an id of its own,
as when ids are made where the message comes instead of where the cash changes hands. That is how a system pays twice when an answer is lost.
"""

from datetime import datetime
from typing import Any

import msgspec

from salur.simulate.served import application  # first, because it sets Django up

# isort: split
from salur.field import actions
from salur.field.wire import Pay
from salur.lib.ids import uuid7

__all__ = ["application"]


def _settle(inbox: Any, at: datetime) -> None:
    for seq in sorted(inbox._arrived):
        _, reading = inbox._arrived[seq]
        if isinstance(reading.event, Pay) and seq <= inbox.owner.last_seq:
            reading.event = msgspec.structs.replace(reading.event, id=uuid7(at))
        inbox._append(reading)
    inbox.last_seq = max(inbox.owner.last_seq, inbox.last_seq)


# A family that is paid already puts the amount into suspense, as ever: so each repetition moves the cash again.
actions._Inbox.settle = _settle  # type: ignore[method-assign]
