"""I keep a practice's records: archive, index, concept dictionary, manifest."""

from pophealth.register.bucket import Bucket
from pophealth.register.snapshot import Snapshot, open_snapshot, prune
from pophealth.register.store import Store
from pophealth.register.writer import Writer, open_writer

__all__ = ["Bucket", "Snapshot", "Store", "Writer", "open_snapshot", "open_writer", "prune"]
