"""The durable state: SQLAlchemy Core on SQLite, one transaction for each batch of deliveries."""

from engine.store.auditing import Verdict, export, verify
from engine.store.codec import storable
from engine.store.condition import Condition
from engine.store.holding import HeldAlert
from engine.store.lock import only_engine
from engine.store.packing import order_of
from engine.store.reading import newest_versions
from engine.store.rehearsing import rehearsal
from engine.store.rows import InboxKey, OutboxRow, QuarantineRow, TakenMessage, TechnicalAlert
from engine.store.schema import SCHEMA_VERSION
from engine.store.sql import Store
from engine.store.statements import SAME_MESSAGE
from engine.store.technical import Feed, Technical
from engine.store.together import MOST_TOGETHER, open_together
from engine.store.unit import Unit
from engine.store.upgrading import Hand, NoStoreError, migrate
from engine.store.upkeep import check, purge

__all__ = [
    "MOST_TOGETHER",
    "SAME_MESSAGE",
    "SCHEMA_VERSION",
    "Condition",
    "Feed",
    "Hand",
    "HeldAlert",
    "InboxKey",
    "NoStoreError",
    "OutboxRow",
    "QuarantineRow",
    "Store",
    "TakenMessage",
    "Technical",
    "TechnicalAlert",
    "Unit",
    "Verdict",
    "check",
    "export",
    "migrate",
    "newest_versions",
    "only_engine",
    "open_together",
    "order_of",
    "purge",
    "rehearsal",
    "storable",
    "verify",
]
