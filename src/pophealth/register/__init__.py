"""I keep a practice's records: archive, index, concept dictionary, manifest."""

from pophealth.register.snapshot import Bucket, Snapshot, open_snapshot, prune
from pophealth.register.writer import Writer, open_writer

__all__ = ["Bucket", "Snapshot", "Writer", "open_snapshot", "open_writer", "prune"]
