"""Gives networks worked through as tasks of Apache Spark: a task is handed a network and its practices, never a row.

Rows streamed through Spark are cut into batches anywhere, also in the middle of a person: partial people came out
without an error when that was tried. Here Spark carries names only, one network a job. What a worker makes it puts in
place itself, once, however often Spark starts it.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pophealth.errors import ConfigError
from pophealth.runs.engines.threads import Outcome, attempt
from pophealth.runs.engines.worker import Handed, deliver_once

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.lib import RecordBatch
    from pyspark.sql import SparkSession

ANSWER = "folder string, error_type string, place string"
JOBS_AT_ONCE = 256
"""Jobs waiting in Spark's queue; it runs as many as it has cores, and an autoscaling cluster sees what is to come."""

HERE = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
"""Settings of a Spark that this process starts on its own machine: no page, no port beyond the loopback."""

QUIET = """\
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %p %c{1}: %m%n
"""
"""What the same Spark may say (Log4j 2): errors. Spark reads it from a file, before any of its settings."""

TRIES = 4
"""How often a task may lose its worker on this machine; a cluster has its own setting (spark.task.maxFailures)."""

Attempt = Callable[[str], Path]


def run_networks(
    pending: Mapping[str, tuple[str, ...]],
    told: Handed,
    threads: int,
    ended: Callable[[Outcome[Path]], None],
) -> list[Outcome[Path]]:
    """Give the outcome of every network, in the order of `pending`; one failing leaves the others alone.

    Parameters
    ----------
    pending
        Network to its practices.
    threads
        Workers, if no Spark is there and one is started on this machine.
    ended
        Called in this thread as each network ends.

    Raises
    ------
    ConfigError
        Spark or Java is not installed.
    """
    outcomes: dict[str, Outcome[Path]] = {}
    with session(threads) as spark, ThreadPoolExecutor(min(len(pending), JOBS_AT_ONCE)) as pool:
        jobs = [pool.submit(_job, spark, network, work_of(told, practices)) for network, practices in pending.items()]
        for job in as_completed(jobs):
            outcome = job.result()
            outcomes[outcome.network] = outcome
            ended(outcome)
    return [outcomes[network] for network in pending]


def work_of(told: Handed, practices: tuple[str, ...]) -> Attempt:
    """Give what a worker does for one network."""

    def deliver(network: str) -> Path:
        return deliver_once(told, network, practices)

    return deliver


def _job(spark: SparkSession, network: str, work: Attempt) -> Outcome[Path]:
    """Give how one network ended, from a job of one task: Spark tries it again where it loses the worker."""

    def task(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        import pyarrow as pa

        for _ in batches:
            made = attempt(network, work)
            folder = None if made.value is None else str(made.value)
            yield _answer(pa, folder, made.error_type, made.place)

    try:
        folder, error_type, place = spark.range(0, 1, 1, 1).mapInArrow(task, ANSWER).collect()[0]
    except Exception as error:  # noqa: BLE001 - other networks must go on; the text of a foreign error can hold a value
        return Outcome(network, None, type(error).__name__, "spark: its task gave no answer; see the executors' logs")
    return Outcome(network, None if folder is None else Path(folder), error_type, place)


def _answer(arrow: Any, *values: str | None) -> pa.RecordBatch:
    names = [column.split()[0] for column in ANSWER.split(", ")]
    return arrow.RecordBatch.from_arrays([arrow.array([value], arrow.string()) for value in values], names)


@contextmanager
def session(threads: int) -> Iterator[SparkSession]:
    """Give the Spark this process runs in; where there is none, one on this machine, stopped in the end.

    `spark-submit`, a notebook or PYSPARK_SUBMIT_ARGS decide where tasks run; nothing of theirs is set anew.

    Raises
    ------
    ConfigError
        Spark or Java is not installed.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        msg = "engine spark: pyspark is not installed here. Install `pophealth[spark]`, or run with --engine threads."
        raise ConfigError(msg) from None
    there = SparkSession.getActiveSession()
    if there is not None:
        yield there
        return
    with TemporaryDirectory() as folder:
        builder = SparkSession.builder.appName("pophealth")
        if not {"PYSPARK_GATEWAY_PORT", "PYSPARK_SUBMIT_ARGS"} & set(os.environ):
            for name, value in _here(threads, Path(folder)).items():
                builder = builder.config(name, value)
        spark = builder.getOrCreate()
        try:
            yield spark
        finally:
            spark.stop()


def _here(threads: int, folder: Path) -> dict[str, str]:
    """Give the settings of a Spark on this machine, whose workers run under this very Python."""
    _require_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    said = folder / "log4j2.properties"
    said.write_text(QUIET, "utf-8")
    return HERE | {
        "spark.master": f"local[{threads},{TRIES}]",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={said.as_uri()}",
    }


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=f"{home}/bin" if home else None) is None:
        msg = (
            "engine spark: no Java here (JAVA_HOME, or java on the path). Spark 4 needs 17 or newer: "
            "install openjdk-17-jre-headless, or run with --engine threads."
        )
        raise ConfigError(msg)
