"""Who takes a thiopurine, since when, at which dose: roster and pharmacy orders in, therapy episodes out."""

from engine.therapy.order_group import UnrecognisedDrug, unmapped_drugs
from engine.therapy.orders import OrderMessage, OrderNotice, OrdersRead, events_from_orders
from engine.therapy.roster import RosterRow, read_roster, write_roster
from engine.therapy.spans import THIOPURINES, facts, other_drugs, spans
from engine.therapy.telling import newest, news, told_until, version_of

__all__ = [
    "THIOPURINES",
    "OrderMessage",
    "OrderNotice",
    "OrdersRead",
    "RosterRow",
    "UnrecognisedDrug",
    "events_from_orders",
    "facts",
    "newest",
    "news",
    "other_drugs",
    "read_roster",
    "spans",
    "told_until",
    "unmapped_drugs",
    "version_of",
    "write_roster",
]
