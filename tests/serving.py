"""Serves a built site as GitHub Pages does: below a path, gzipped, its own
404.html for what is not there."""

import gzip
import mimetypes
import threading
import xml.etree.ElementTree as ElementTree
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

TYPES = {
    ".md": "text/markdown; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
}
PACKED = ("text/", "application/json", "application/xml", "image/svg")


def base_path(site: Path) -> str:
    """The path that the site was built for, such as /Daily-ML-Dose/."""
    name = "{*}url/{*}loc"
    addresses = ElementTree.parse(site / "sitemap.xml").findall(name)
    return min((urlsplit(loc.text).path for loc in addresses), key=len)


def content_type(file: Path) -> str:
    guessed = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    if guessed == "text/html":
        guessed += "; charset=utf-8"
    return TYPES.get(file.suffix, guessed)


class Pages(BaseHTTPRequestHandler):
    site: Path
    base: str

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        file = self.site / path.removeprefix(self.base)
        status = 200
        if not path.startswith(self.base) or ".." in file.parts:
            status, file = 404, None
        elif file.is_dir() and not path.endswith("/"):
            self.send_response(301)
            self.send_header("Location", path + "/")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        elif file.is_dir():
            file = file / "index.html"
        if file is None or not file.is_file():
            status, file = 404, self.site / "404.html"
        body, kind = file.read_bytes(), content_type(file)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        accepted = self.headers.get("Accept-Encoding", "")
        if "gzip" in accepted and kind.startswith(PACKED):
            body = gzip.compress(body, 1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Cache-Control", "max-age=600")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@contextmanager
def serving(site: Path):
    """Yields the address of the site's first page."""
    base = base_path(site)
    handler = type("Handler", (Pages,), {"site": site, "base": base})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # a browser hangs up as it likes
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{base}"
    finally:
        server.shutdown()
        server.server_close()
