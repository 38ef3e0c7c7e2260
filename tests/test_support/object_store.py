"""An object store on the loopback that speaks as much of S3 as reading needs: HEAD, GET with a range, and lists."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "made-up",
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What a client must have in its environment; nobody checks it."""


@contextmanager
def object_store(folder: Path) -> Iterator[str]:
    """Give the URL of ``s3://bucket`` whose objects are the files below `folder`, for as long as the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"folder": folder}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"s3://bucket/?scheme=http&endpoint_override=127.0.0.1%3A{server.server_port}&region=local"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    folder: Path
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet: nobody waits for an acknowledgement

    def do_HEAD(self) -> None:
        self._object(with_body=False)

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path.strip("/").count("/") == 0:
            prefix = parse_qs(asked.query).get("prefix", [""])[0]
            names = sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
            keys = "".join(
                f"<Contents><Key>{name}</Key><Size>1</Size></Contents>" for name in names if name.startswith(prefix)
            )
            self._send(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{keys}</ListBucketResult>".encode())
        else:
            self._object(with_body=True)

    def _object(self, *, with_body: bool) -> None:
        path = self.folder / unquote(urlsplit(self.path).path).lstrip("/").partition("/")[2]
        if not path.is_file():
            self._send(404, b"<Error><Code>NoSuchKey</Code></Error>" if with_body else b"")
            return
        content, status, place = path.read_bytes(), 200, {}
        if wanted := self.headers.get("Range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            stop = min(int(last) + 1, len(content)) if last else len(content)
            place = {"Content-Range": f"bytes {first}-{stop - 1}/{len(content)}"}
            content, status = content[int(first) : stop], 206
        self._send(status, content, with_body=with_body, **place)

    def _send(self, status: int, content: bytes, *, with_body: bool = True, **more: str) -> None:
        self.send_response(status)
        heads = {"Content-Length": str(len(content)), "ETag": '"1"', "Last-Modified": "Sat, 01 Jan 2000 00:00:00 GMT"}
        for name, value in (heads | more).items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""
