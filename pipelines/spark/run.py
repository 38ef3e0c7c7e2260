"""Gives `spark-submit` the run of a site: whatever stands behind CONFIG goes to `pophealth run` as it is.

    spark-submit --master yarn pipelines/spark/run.py /shared/site.toml --index-date 2025-01-30 [--network U12345 ...]

Driver and workers need the same installed release and see the same paths (docs/spark.md).
"""

from __future__ import annotations

import sys

from pophealth.cli import main

if __name__ == "__main__":
    sys.argv = ["pophealth", "run", *sys.argv[1:], "--engine", "spark"]
    main()
