"""I spread networks over workers; a result never depends on how."""
