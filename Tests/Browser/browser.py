#!/usr/bin/env python3
"""A headless Chromium before the gateway: pages, bodies, an EventSource and a WebSocket, by HTTP/2 over TLS and in plain.

Usage: browser.py --floodgate PATH. Needs Debian's chromium. Ends with 1 where something did not work."""

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Seconds for a browser to start and to do all that it is asked to.
LIMIT = 60

PAGE = "<!doctype html><title>floodgate</title><script src=/page.js></script>"

SCRIPT = """
const report = {};
const tell = () => fetch('/report', { method: 'POST', body: JSON.stringify(report) });
const events = () => new Promise((done, fail) => {
  const source = new EventSource('/api/events'), seen = [];
  source.addEventListener('clock', event => {
    seen.push(event.lastEventId);
    if (seen.length == 3) { source.close(); done(seen.length); }
  });
  source.onerror = () => fail('the event stream broke');
});
const socket = () => new Promise((done, fail) => {
  const url = (location.protocol == 'https:' ? 'wss://' : 'ws://') + location.host + '/api/ws';
  const webSocket = new WebSocket(url), large = 'x'.repeat(100000);
  webSocket.onopen = () => webSocket.send(large);
  webSocket.onmessage = event => { webSocket.close(1000); done(event.data === large ? 'the same' : 'another'); };
  webSocket.onerror = () => fail('the WebSocket broke');
});
(async () => {
  try {
    const hello = await fetch('/api/hello');
    report.hello = hello.status;
    await hello.text();
    report.protocol = performance.getEntriesByType('navigation')[0].nextHopProtocol;
    const body = 'b'.repeat(300000);
    const echo = await fetch('/api/echo', { method: 'POST', body, headers: { 'Content-Type': 'text/plain' } });
    report.echo = await echo.text() === body ? 'the same' : 'another';
    const many = await Promise.all([...Array(40).keys()].map(n => fetch('/api/hello?' + n).then(a => a.status)));
    report.many = many.filter(status => status == 200).length;
    report.events = await events();
    report.socket = await socket();
  } catch (error) { report.error = String(error); }
  await tell();
})();
"""

SETTINGS = """\
listeners:
  - address: 127.0.0.1:{plain}
  - address: 127.0.0.1:{secure}
    tls: {{ certificates: [{{ certificate: {folder}/certs/site.pem, key: {folder}/certs/site.key }}] }}
admin: {{ address: 127.0.0.1:{admin} }}
access_log: {{ path: {folder}/access.log }}
upstreams:
  app: {{ servers: [127.0.0.1:{origin}], read_timeout: 5m }}
  reports: {{ servers: [127.0.0.1:{reports}] }}
routes:
  - {{ path: /, respond: {{ status: 200, headers: {{ Content-Type: text/html }}, text: "{page}" }} }}
  - {{ path: /page.js, respond: {{ status: 200, headers: {{ Content-Type: text/javascript }}, text: {script} }} }}
  - {{ path: /report, upstream: reports }}
  - {{ path: /api/ws, upstream: app, upgrade: [websocket] }}
  - {{ path: /api/*, upstream: app }}
"""


class Reports(BaseHTTPRequestHandler):
    arrived = threading.Event()
    last = None

    def do_POST(self):
        Reports.last = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        Reports.arrived.set()

    def log_message(self, *words):
        pass


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def browse(url, folder):
    """What the page at `url` reports of itself."""
    Reports.arrived.clear()
    browser = subprocess.Popen(
        ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors", "--no-first-run",
         f"--user-data-dir={folder}/browser-{time.monotonic_ns()}", "--remote-debugging-port=0", url],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if not Reports.arrived.wait(LIMIT):
            return {"error": f"nothing was reported within {LIMIT} s"}
        return Reports.last
    finally:
        browser.terminate()
        browser.wait(20)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--floodgate", type=Path, required=True)
    floodgate = arguments.parse_args().floodgate
    if not shutil.which("chromium"):
        sys.exit("browser: chromium is missing (apt-get install chromium)")
    reports = ThreadingHTTPServer(("127.0.0.1", 0), Reports)
    threading.Thread(target=reports.serve_forever, daemon=True).start()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        plain, secure, admin, origin = free_ports(4)
        subprocess.run([floodgate, "certs", "dev", "--directory", f"{folder}/certs"], check=True, stdout=subprocess.DEVNULL)
        settings = Path(folder, "gateway.yaml")
        settings.write_text(SETTINGS.format(
            plain=plain, secure=secure, admin=admin, origin=origin, reports=reports.server_port, folder=folder, page=PAGE,
            script=json.dumps(SCRIPT)))
        demo = subprocess.Popen(
            [floodgate, "demo", "--file", settings, "--origin-port", str(origin)], stdout=subprocess.PIPE, text=True)
        try:
            for line in demo.stdout:
                if "Ctrl-C" in line:
                    break
            threading.Thread(target=demo.stdout.read, daemon=True).start()
            for name, url, protocol in [
                    ("HTTP/2 over TLS", f"https://localhost:{secure}/", "h2"),
                    ("plain HTTP/1.1", f"http://127.0.0.1:{plain}/", "http/1.1")]:
                expected = {
                    "hello": 200, "protocol": protocol, "echo": "the same", "many": 40, "events": 3, "socket": "the same"}
                found = browse(url, folder)
                failed |= found != expected
                print(f"{name}: {'works' if found == expected else 'FAILS'}: {json.dumps(found)}")
        finally:
            demo.send_signal(2)
            demo.wait(20)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
