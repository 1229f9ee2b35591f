#!/usr/bin/env python3
"""Pages of an allowed and of a foreign origin in a headless Chromium: who can read the gateway's refusals, and who cannot.

Usage: cors.py --floodgate PATH. Needs Debian's chromium. Ends with 1 where something did not work."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from browser import LIMIT, free_ports

PAGE = """<!doctype html><title>a page</title><script>
const api = new URLSearchParams(location.search).get('api'), report = {};
const read = async (name, path, options) => {
  try {
    const answer = await fetch(api + path, options), text = await answer.text();
    let body = text;
    try { body = JSON.parse(text); } catch {}
    report[name] = {
      status: answer.status, body, id: answer.headers.get('x-request-id') !== null,
      retry: answer.headers.get('retry-after') !== null };
  } catch (error) { report[name] = 'blocked'; }
};
(async () => {
  await read('sign-in', '/sign-in');
  await read('limited', '/limited');
  await read('limited', '/limited');
  await read('away', '/away');
  await read('nowhere', '/nowhere');
  await read('missing with a preflight', '/nowhere', { method: 'PUT', headers: { 'X-Client': 'page' } });
  await read('cookie', '/cookie', { credentials: 'include' });
  await read('put', '/orders', {
    method: 'PUT', credentials: 'include', body: '{}',
    headers: { 'X-Client': 'page', 'Content-Type': 'application/json' } });
  await fetch('/report', { method: 'POST', body: JSON.stringify(report) });
})();
</script>"""

# An origin is scheme, host and port: a port for the API, one for the allowed page, one for the foreign one.
SETTINGS = """\
x-tls: &tls {{ certificates: [{{ certificate: {folder}/certs/site.pem, key: {folder}/certs/site.key }}] }}
listeners:
  - address: 127.0.0.1:{plain[0]}
  - address: 127.0.0.1:{plain[1]}
  - address: 127.0.0.1:{plain[2]}
  - {{ address: 127.0.0.1:{secure[0]}, tls: *tls }}
  - {{ address: 127.0.0.1:{secure[1]}, tls: *tls }}
  - {{ address: 127.0.0.1:{secure[2]}, tls: *tls }}
admin: {{ address: 127.0.0.1:{admin} }}
access_log: {{ path: {folder}/access.log }}
cors: {{ origins: "${{ALLOWED_ORIGINS}}", credentials: true }}
limits: {{ once: {{ rate: 1 per 1h }} }}
upstreams:
  app: {{ servers: [127.0.0.1:{backend}] }}
  pages: {{ servers: [127.0.0.1:{pages}] }}
  away: {{ servers: ["nowhere.invalid:80"] }}
routes:
  - {{ path: /page, upstream: pages, security_headers: off }}
  - {{ path: /report, upstream: pages }}
  - path: /sign-in
    respond: {{ status: 401, headers: {{ WWW-Authenticate: Bearer }}, json: {{ error: Missing token }} }}
  - {{ path: /limited, upstream: app, limits: [once] }}
  - {{ path: /away, upstream: away }}
  - {{ path: /cookie, upstream: app }}
  - {{ path: /orders, methods: [PUT], upstream: app }}
"""


class Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", fields=()):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


class Pages(Quiet):
    """Serves the page and takes what it has found out."""

    def do_GET(self):
        self.answer(200, PAGE.encode(), [("Content-Type", "text/html")])

    def do_POST(self):
        self.server.report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(204)
        self.server.arrived.set()


class Backend(Quiet):
    """Would let everybody read, and says which PUT it has seen."""

    puts = []
    own = [("Access-Control-Allow-Origin", "*"), ("Vary", "Accept")]

    def do_GET(self):
        self.answer(200, b"{}", self.own + [("Set-Cookie", "sid=1; Path=/; SameSite=Lax")])

    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        Backend.puts.append(self.headers["Origin"])
        seen = {"client": self.headers["X-Client"], "cookie": self.headers["Cookie"]}
        self.answer(200, json.dumps(seen).encode(), self.own)

    def do_OPTIONS(self):
        raise AssertionError("a preflight has reached the backend")


def serve(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.arrived, server.report = threading.Event(), None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def browse(pages, page, api, folder):
    pages.arrived.clear()
    browser = subprocess.Popen(
        ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors", "--no-first-run",
         f"--user-data-dir={folder}/browser-{time.monotonic_ns()}", "--remote-debugging-port=0",
         f"{page}/page?api={api}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return pages.report if pages.arrived.wait(LIMIT) else f"nothing was reported within {LIMIT} s"
    finally:
        browser.terminate()
        browser.wait(20)


def problems(report):
    """What an allowed page should have read and has not."""
    found = []

    def expect(name, holds):
        answer = report.get(name)
        if answer == "blocked" or not holds(answer):
            found.append(f"{name}: {answer}")

    expect("sign-in", lambda a: a["status"] == 401 and a["body"] == {"error": "Missing token"} and a["id"])
    expect("limited", lambda a: a["status"] == 429 and a["body"]["rule"] == "once" and a["retry"] and a["id"])
    expect("away", lambda a: a["status"] == 503 and a["body"]["title"] == "Service unavailable" and a["retry"])
    expect("nowhere", lambda a: a["status"] == 404 and a["body"]["request_id"] and a["id"])
    expect("missing with a preflight", lambda a: a["status"] == 404)
    expect("cookie", lambda a: a["status"] == 200)
    expect("put", lambda a: a["status"] == 200 and a["body"] == {"client": "page", "cookie": "sid=1"})
    return found


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--floodgate", type=Path, required=True)
    floodgate = arguments.parse_args().floodgate
    if not shutil.which("chromium"):
        sys.exit("cors: chromium is missing (apt-get install chromium)")
    pages, backend = serve(Pages), serve(Backend)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        admin, *ports = free_ports(7)
        plain, secure = ports[:3], ports[3:]
        subprocess.run([floodgate, "certs", "dev", "--directory", f"{folder}/certs"], check=True, stdout=subprocess.DEVNULL)
        settings = Path(folder, "gateway.yaml")
        settings.write_text(SETTINGS.format(
            plain=plain, secure=secure, admin=admin, backend=backend.server_port, pages=pages.server_port, folder=folder))
        origins = f"http://localhost:{plain[1]},https://localhost:{secure[1]}"
        gateway = subprocess.Popen([floodgate, "run", settings], env={"ALLOWED_ORIGINS": origins}, stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{plain[0]}/healthz", timeout=1)
                    break
                except OSError:
                    time.sleep(0.1)
            for way, scheme, ports in [("HTTP/2 over TLS", "https", secure), ("plain HTTP/1.1", "http", plain)]:
                api, allowed, foreign = (f"{scheme}://localhost:{port}" for port in ports)
                report = browse(pages, allowed, api, folder)
                wrong = problems(report) if isinstance(report, dict) else [report]
                print(f"{way}, allowed origin: {'reads' if not wrong else 'FAILS'}: {json.dumps(wrong or report)}")
                seen = len(Backend.puts)
                other = browse(pages, foreign, api, folder)
                is_closed = isinstance(other, dict) and len(other) == 7 and set(other.values()) == {"blocked"}
                is_closed &= len(Backend.puts) == seen
                print(f"{way}, foreign origin: {'reads nothing' if is_closed else 'FAILS'}: {json.dumps(other)}")
                failed |= bool(wrong) or not is_closed
        finally:
            gateway.send_signal(15)
            gateway.wait(40)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
