"""Claims about the static site, measured: 50,000 people, 12,000 of them listed, in under 20 seconds, no page over 3 MB.

Run with ``python benchmarks/pages.py`` (``PEOPLE=N LISTED=N`` for fewer, ``JSON=path`` for a file). Every declared rule is
there; the listed stand on four to five lists each with two records behind every criterion. Wall time and CPU seconds of
this process are of the first rendering, with the templates and the drawing still to be compiled; the imports are counted.
The claim is checked on CPU seconds, which a busy machine does not change.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from test_support.parcels import Made, made_parcel

CLAIM_SECONDS = 20.0
CLAIM_BYTES = 3_000_000


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    size = Made(
        people=int(given.get("PEOPLE", 50_000)),
        listed=int(given.get("LISTED", 12_000)),
        practices=6,
        rules=10_000,
        records=2,
    )
    parcel = made_parcel(size)
    start, cpu = time.perf_counter(), time.process_time()
    from pophealth.delivery.pages import render_site

    with tempfile.TemporaryDirectory() as folder:
        written = render_site(parcel, Path(folder))
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
        pages = [path for path in written if path.suffix == ".html"]
        largest = max(pages, key=lambda path: path.stat().st_size)
        found = {
            "people": size.people,
            "listed": parcel.worklist.height,
            "rules": len(parcel.summary["rules"]),
            "evidence_rows": parcel.evidence.height,
            "pages": len(pages),
            "charts": sum(path.suffix == ".svg" for path in written),
            "seconds": round(seconds, 2),
            "cpu_seconds": round(cpu_seconds, 2),
            "largest_page": str(largest.relative_to(folder)),
            "largest_page_bytes": largest.stat().st_size,
            "megabytes": round(sum(path.stat().st_size for path in written) / 1e6, 1),
        }
    for name, value in found.items():
        print(f"{name:20} {value}")
    if "JSON" in given:
        Path(given["JSON"]).write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    if size.people >= 50_000 and (cpu_seconds > CLAIM_SECONDS or found["largest_page_bytes"] > CLAIM_BYTES):
        sys.exit(f"claim missed: {CLAIM_SECONDS:g} seconds and {CLAIM_BYTES / 1e6:g} MB a page")


if __name__ == "__main__":
    main()
