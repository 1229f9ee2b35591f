"""What a request costs: system calls, allocations, processor time."""

import re
import shutil
import signal
import statistics
import struct
import subprocess
import time

from house import ProofError, free_ports, takes_connections, wait_for


def system_calls(house, report):
    """System calls per request in the steady state, counted by strace over a bounded number of requests."""
    if not shutil.which("strace"):
        return report.skip("system calls per request", "strace is not installed")
    for connections, workers, bound in ((64, 1, 4.2), (64, 2, None), (1, 1, None)):
        requests = 20_000 if connections > 1 else 3_000
        origin = house.origin()
        gateway = house.gateway(origin, workers=workers)
        house.load(gateway.port, requests=20_000, connections=connections)
        # The load's own connects and closes count for nothing: it rests while strace comes and goes.
        counts = count_calls(house, gateway, connections, requests)
        calls = sum(counts.values())
        most = ", ".join(f"{name} {count / requests:.3f}" for name, count in sorted(
            counts.items(), key=lambda item: -item[1])[:4])
        report.row(
            f"system calls per request, {connections} connections, {workers} worker{'s' * (workers > 1)}",
            f"{calls / requests:.3f} ({most})", bound, calls / requests)
        gateway.stop()
        origin.stop()


def count_calls(house, gateway, connections, requests):
    trace = house.start("strace", ["strace", "-c", "-f", "-p", gateway.pid])
    wait_for("strace", lambda: "attached" in trace.text)
    summary = house.load(gateway.port, requests=requests, connections=connections, timeout=60)
    trace.signal(signal.SIGINT)
    trace.wait()
    if summary["failed"]:
        raise ProofError(f"requests failed under strace: {summary}")
    counts = {}
    for line in trace.text.splitlines():
        match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
        if match and match[2] != "total":
            counts[match[2]] = int(match[1])
    return counts


def allocations(house, report):
    """Heap allocations per request: two runs of different lengths under a counting allocator, the difference divided by
    the requests."""
    library = house.folder / "allocations.so"
    source = __file__.rsplit("/", 1)[0] + "/allocations.c"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), source], check=True)
    counts = house.folder / "allocations.counts"
    for what, access_log, path in (
            ("plain path", "off", "/"), ("with the access log", house.folder / "access.log", "/"),
            ("answers of 100 KiB", "off", "/bytes/102400")):
        counts.unlink(missing_ok=True)
        origin = house.origin()
        gateway = house.gateway(
            origin, access_log=access_log,
            environment={"LD_PRELOAD": str(library), "FLOODGATE_ALLOCATION_COUNTS": str(counts)})
        house.load(gateway.port, requests=20_000, path=path)
        made = []
        lengths = (5_000, 45_000)
        for length in lengths:
            before = read_counts(counts)
            house.load(gateway.port, requests=length, path=path)
            made.append(read_counts(counts) - before)
        each = (made[1] - made[0]) / (lengths[1] - lengths[0])
        report.row(f"heap allocations per request, {what}", f"{each:.4f} ({made[0]}, then {made[1]})", 0.01, abs(each))
        gateway.stop()
        origin.stop()


def read_counts(file):
    made, grown, _ = struct.unpack("3Q", file.read_bytes())
    return made + grown


NGINX = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    limit_req_zone $binary_remote_addr zone=everyone:10m rate=1000000r/s;
    upstream app {{ server 127.0.0.1:{origin}; keepalive 1000; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            limit_req zone=everyone burst=1000000 nodelay;
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Request-Id $request_id;
            proxy_hide_header X-Powered-By;
            add_header X-Request-Id $request_id always;
            add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;
            add_header X-Frame-Options SAMEORIGIN always;
            add_header X-Content-Type-Options nosniff always;
            add_header Referrer-Policy no-referrer always;
            add_header Cross-Origin-Opener-Policy same-origin always;
            add_header Cross-Origin-Resource-Policy same-origin always;
            add_header Origin-Agent-Cluster ?1 always;
            add_header X-XSS-Protection 0 always;
        }}
    }}
}}
"""


def processor_time(house, report, rounds=5, requests=40_000):
    """Processor time per request beside nginx with the same work, interleaved, medians: for information."""
    origin = house.origin()
    gateway = house.gateway(origin)
    pairs = [("floodgate", gateway, gateway)]
    if shutil.which("nginx"):
        (port,) = free_ports(1)
        file = house.folder / "nginx.conf"
        file.write_text(NGINX.format(folder=house.folder, origin=origin.port, port=port))
        master = house.start("nginx", ["nginx", "-p", house.folder, "-c", file])
        wait_for("nginx", lambda: takes_connections(port) or not master.is_running)
        if master.is_running:
            master.port = port
            pairs.append(("nginx", master, NginxWorker(master)))
    times = {name: [] for name, _, _ in pairs}
    for turn in range(rounds + 1):
        for name, server, measured in pairs:
            before = measured.cpu_nanoseconds
            summary = house.load(server.port, requests=requests)
            spent = measured.cpu_nanoseconds - before
            if summary["failed"]:
                raise ProofError(f"requests of the measurement failed: {name} {summary}")
            # The first turn warms up.
            if turn:
                times[name].append(spent / requests / 1000)
    medians = {name: statistics.median(values) for name, values in times.items()}
    text = ", ".join(f"{name} {value:.2f} µs" for name, value in medians.items())
    if "nginx" in medians:
        text += f", ratio {medians['floodgate'] / medians['nginx']:.2f}"
    report.row("processor time per request, 64 connections, 1 worker", text)
    for _, server, _ in pairs:
        server.stop()
    origin.stop()


class NginxWorker:
    """nginx's one worker, which does the work."""

    def __init__(self, master):
        children = wait_for("nginx's worker", lambda: subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(master.pid)], capture_output=True, text=True).stdout.split())
        self.pid = int(children[0])

    @property
    def cpu_nanoseconds(self):
        with open(f"/proc/{self.pid}/schedstat") as file:
            return int(file.read().split()[0])
