"""From OBX segments to results: what one patient's part of an ORU message says about our analytes."""

from engine.results.coded import codings
from engine.results.order import Header, order_number, specimen_type
from engine.results.reading import Reported, read_facts, read_results
from engine.results.specimen import index_of
from engine.results.versions import promote, settled

__all__ = [
    "Header",
    "Reported",
    "codings",
    "index_of",
    "order_number",
    "promote",
    "read_facts",
    "read_results",
    "settled",
    "specimen_type",
]
