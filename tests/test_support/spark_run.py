"""Runs a site on a small Spark cluster of this machine whose executors die under two networks, once each.

``python -m test_support.spark_run CONFIG INDEX_DATE MARKS`` prints one line of JSON. The executor of the first network
is killed before it delivers, that of the second when it has delivered and not yet answered; a file in MARKS says that it
was done.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import date
from pathlib import Path

CLUSTER = "local-cluster[2,1,1024]"


def killing(marks: Path, first: str, second: str):
    """Give `work_of` with the two deaths in it. What it gives is nested: Spark sends it whole, no worker imports it."""
    from pophealth.runs.engines.spark import work_of

    def killing_work_of(told, practices):
        deliver = work_of(told, practices)

        def work(network: str) -> Path:
            import os
            import signal

            def kill_executor() -> None:
                (marks / network).touch()
                daemon = int(Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1])
                os.kill(daemon, signal.SIGKILL)  # the parent of the worker's parent: the executor's Java
                os.kill(os.getpid(), signal.SIGKILL)

            if network == first and not (marks / network).exists():
                kill_executor()
            folder = deliver(network)
            if network == second and not (marks / network).exists():
                kill_executor()
            return folder

        return work

    return killing_work_of


def main(config: Path, index_date: date, marks: Path) -> None:
    """Run the site and print what came of it."""
    from pyspark.sql import SparkSession

    from pophealth.config import load_config
    from pophealth.runs.engines import spark as engine
    from pophealth.runs.night import open_night, run
    from pophealth.terms import Engine

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    builder = SparkSession.builder.master(CLUSTER)
    for name, value in engine.HERE.items():
        builder = builder.config(name, value)
    spark = builder.config("spark.executor.memory", "512m").getOrCreate()
    site = load_config(config)
    first, second, *_ = open_night(site, index_date).networks
    engine.work_of = killing(marks, first, second)
    told: list[str] = []
    report = run(site, index_date, on_network=lambda network, how: told.append(f"{network} {how}"), engine=Engine.SPARK)
    spark.stop()
    said = {"delivered": sorted(report.delivered), "failed": report.failed, "told": told, "killed": [first, second]}
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), date.fromisoformat(sys.argv[2]), Path(sys.argv[3]))
