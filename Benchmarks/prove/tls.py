"""HTTP/2 over TLS: how late events are, what unread answers hold, and reloads under load."""

import os
import signal
import ssl
import statistics
import threading
import time
from pathlib import Path

import certificates
import h2load
import rivals
from house import ProofError, failures, free_ports, takes_connections, wait_for

STREAMS = 500
WINDOWS = 5
# Microseconds from the origin's write to the client's read.
P50_US, P99_US = 500, 2000
# Microseconds that the gateway adds to the first byte.
FIRST_BYTE_US = 1000
# Answers that are not read: what each may hold, and all together besides.
READERS, ANSWER = 1000, 1 << 20
READER_KIB, SLACK_MIB = 64, 8
READER_BOUND_MIB = READERS * READER_KIB // 1024 + SLACK_MIB


def begin(house, origin, clients="", plain_settings="", **options):
    """The gateway with TLS and HTTP/2; or, for information, a rival in its place."""
    certificate = options.pop("certificate", None) or certificates.certificate(house)
    if house.rival:
        extra = {"settings": plain_settings} if house.rival == "nginx" else {}
        return getattr(rivals, house.rival)(house, origin, certificate=certificate, **extra)
    words = {"certificate": certificate, "protocols": "h2, http/1.1", "clients": clients}
    if refusal := house.refusal(**words):
        raise ProofError(f"the gateway refuses the settings: {refusal}")
    return house.gateway(origin, **words, **options)


def event_origin(house, every):
    (port,) = free_ports(1)
    process = house.start("event-origin", [house.loadgen, "event-origin", "--port", port, "--every", every])
    wait_for("the origin of events", lambda: takes_connections(port))
    process.port = port
    return process


def one_core():
    return {min(os.sched_getaffinity(0))}


def layouts(house, wanted):
    """So many streams: within the gateway's usual cap for a connection, and all on one. Rivals keep to their caps."""
    yield max(1, wanted // 100), ""
    if not house.rival:
        yield 1, f", max_streams: {wanted}"


def events(house, report):
    """Four events a second on many streams, spread evenly; one a second for information, where the machine is idle in between
    and its own delays show; and straight from the origin, which shows what of it is the machine's. On one core all of them:
    to wake another one costs what no proxy can help."""
    house.cores = one_core()
    for every in (250, 1000):
        origin = event_origin(house, every)
        windows = event_windows(house, origin, every, plain=True)
        event_rows(report, f"{STREAMS} event streams, direct, {STREAMS * 1000 // every}/s", windows, is_claim=False)
        origin.stop()
    for connections, clients in layouts(house, STREAMS):
        for every in (250, 1000):
            origin = event_origin(house, every)
            server = begin(house, origin, clients, "            proxy_buffering off;")
            windows = event_windows(house, server, every, connections=connections)
            what = f"{STREAMS} event streams, {connections} connection{'s' * (connections > 1)}, {STREAMS * 1000 // every}/s"
            event_rows(report, what, windows, is_claim=every == 250)
            server.stop()
            origin.stop()


def event_windows(house, server, every, seconds=5, **options):
    windows = []
    for _ in range(WINDOWS):
        before = stolen()
        summary = house.load(server.port, command="events", streams=STREAMS, seconds=seconds, warm_up=1, **options)
        # A stream that stands still shows in nothing but this.
        if summary["requests"] < 0.98 * STREAMS * seconds * 1000 / every:
            summary["failures"]["missing"] = int(STREAMS * seconds * 1000 / every - summary["requests"])
        windows.append({**summary, "stolen": (stolen() - before) / (seconds + 1)})
    return windows


def stolen():
    """Seconds that this machine's host gave to others while we had something to do (proc(5), /proc/stat)."""
    return int(Path("/proc/stat").read_text().split(maxsplit=9)[8]) / os.sysconf("SC_CLK_TCK")


def event_rows(report, what, windows, is_claim):
    failed, count = failures(*windows), sum(window["requests"] for window in windows)
    for name, key, bound in (("p50", "p50_us", P50_US), ("p99", "p99_us", P99_US)):
        values = [window[key] for window in windows]
        value = statistics.median(values)
        report.row(
            f"{what}: write to read, {name}",
            f"{value / 1000:.3f} ms, median of {WINDOWS} windows ({min(values) / 1000:.3f} to {max(values) / 1000:.3f}); "
            f"{count} events; failed: {failed or 0}; the host took {statistics.mean(each['stolen'] for each in windows):.1%}",
            f"{bound / 1000} ms" if is_claim else None,
            holds=value <= bound and not failed if is_claim else None)


def first_byte(house, report, rounds=5, requests=2000):
    """One request at a time: over TLS and HTTP/2 through the gateway, and to the origin as it is; on one core all
    of them."""
    house.cores = one_core()
    origin = house.origin()
    server = begin(house, origin)
    direct, through = [], []
    for _ in range(rounds):
        direct.append(house.load(origin.port, connections=1, requests=requests))
        through.append(house.load(server.port, command="first-byte", requests=requests))
    failed = failures(*direct, *through)
    middle = [
        statistics.median(summary[key] for summary in runs) for runs in (direct, through) for key in ("p50_us", "p99_us")]
    added = [one["p50_us"] - other["p50_us"] for one, other in zip(through, direct)]
    report.row(
        "first byte, added to direct, median",
        f"{statistics.median(added) / 1000:.3f} ms (p50 {middle[0] / 1000:.3f} direct, {middle[2] / 1000:.3f} through; p99 "
        f"{middle[1] / 1000:.3f} and {middle[3] / 1000:.3f}); failed: {failed or 0}",
        f"{FIRST_BYTE_US / 1000} ms", holds=statistics.median(added) < FIRST_BYTE_US and not failed)


def readers(house, report):
    """A thousand answers that nobody reads for a while: with the protocol's own windows, and with windows of any size, where
    only the gateway's own bounds are left."""
    for connections, clients in layouts(house, READERS):
        for what, window in (("usual windows", 65_535), ("windows without end", 0x7FFF_FFFF)):
            origin = house.origin()
            server = begin(house, origin, clients)
            h2load.load(house, server, requests=5000)
            start = most = rivals.resident_kib(server.pid)
            load = house.begin_load(
                server.port, command="readers", streams=READERS, connections=connections, bytes=ANSWER,
                path=f"/bytes/{ANSWER}", window=window, pause=5, seconds=90)
            while load.is_running:
                most = max(most, rivals.resident_kib(server.pid))
                time.sleep(0.05)
            summary = house.finish_load(load, limit=5)
            growth, failed = (most - start) / 1024, failures(summary)
            report.row(
                f"{READERS} unread answers of 1 MiB, {connections} connection{'s' * (connections > 1)}, {what}: growth",
                f"{growth:.1f} MiB ({start / 1024:.1f} to {most / 1024:.1f}); then {summary['requests']} whole in "
                f"{summary['seconds']:.1f} s, failed: {failed or 0}", f"{READER_BOUND_MIB} MiB",
                holds=growth <= READER_BOUND_MIB and not failed and summary["requests"] == READERS)
            server.stop()
            origin.stop()


class Streams:
    """h2load again and again, until told to stop."""

    def __init__(self, house, server):
        self.house, self.server = house, server
        self.requests = self.failed = 0
        self.fault = None
        self.is_wanted = True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while self.is_wanted:
                summary = h2load.load(self.house, self.server, requests=4000, connections=4, streams=8)
                self.requests += summary["requests"]
                self.failed += summary["failed"]
        except (ProofError, OSError) as error:
            self.fault = str(error)

    def finish(self):
        self.is_wanted = False
        self.thread.join(60)


class Traffic:
    """All kinds of clients at once: long connections, new ones, resumed ones, HTTP/2, and streams that stay open."""

    def __init__(self, house, server, events_server, seconds):
        self.house = house
        self.loads = [
            house.begin_load(server.port, tls=True, connections=32, seconds=300),
            house.begin_load(server.port, tls=True, connections=8, new_connection_each=True, seconds=300),
            house.begin_load(server.port, tls=True, connections=4, new_connection_each=True, resume=True, seconds=300),
        ]
        self.events = house.begin_load(
            events_server.port, command="events", streams=50, connections=2, seconds=seconds, warm_up=0.5)
        self.streams = Streams(house, server)

    def finish(self):
        """What failed, by kind, and the words for how much there was."""
        for load in self.loads:
            load.signal(signal.SIGTERM)
        self.streams.finish()
        summaries = [self.house.finish_load(load) for load in self.loads + [self.events]]
        failed = failures(*summaries)
        if self.streams.failed or self.streams.fault:
            failed["streams"] = self.streams.fault or self.streams.failed
        resumed = summaries[2]["resumed"]
        return failed, (
            f"{failed or 0} of {sum(each['requests'] for each in summaries[:3])} requests, "
            f"{sum(each['handshakes'] for each in summaries)} handshakes ({resumed} resumed), {self.streams.requests} of "
            f"HTTP/2, {summaries[3]['requests']} events")


def served(port):
    """The certificate that a new connection gets, as it stands in a file."""
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port), timeout=10))


def reloads(house, report, certificates_count=10, count=100):
    """New certificates, and then nothing new, under load. Streams of events pass through the same gateway by a route of
    their own where it has one."""
    origin = house.origin()
    site = certificates.certificate(house, "changing")
    others = [certificates.certificate(house, f"next-{turn}") for turn in range(certificates_count)]
    server, events_server = with_events(house, origin, site)
    traffic = Traffic(house, server, events_server, seconds=15)
    slowest = 0.0
    try:
        time.sleep(2)
        for turn, other in enumerate(others):
            site.replace_by(other)
            wanted = ssl.PEM_cert_to_DER_cert(other.certificate.read_text())
            begun = time.monotonic()
            server.signal(signal.SIGHUP)
            wait_for(f"certificate {turn}", lambda: served(server.port) == wanted, pause=0.02)
            slowest = max(slowest, time.monotonic() - begun)
            time.sleep(0.5)
    finally:
        failed, words = traffic.finish()
    report.row(
        f"{certificates_count} new certificates under load: failed requests",
        f"{words}; slowest until served {slowest * 1000:.0f} ms", 0, holds=not failed)
    traffic = Traffic(house, server, events_server, seconds=20)
    try:
        time.sleep(1)
        for turn in range(count):
            heard = server.text.count("settings reloaded")
            server.signal(signal.SIGHUP)
            if house.rival:
                time.sleep(0.2)
            else:
                wait_for(f"reload {turn}", lambda: server.text.count("settings reloaded") > heard)
            time.sleep(0.05)
    finally:
        failed, words = traffic.finish()
    report.row(f"{count} SIGHUPs under TLS load: failed requests", words, 0, holds=not failed)


def with_events(house, origin, certificate):
    """The gateway, and the same once more as the one that leads to events: rivals have no route for them here."""
    source = event_origin(house, 200)
    if house.rival:
        return begin(house, origin, certificate=certificate), begin(house, source, "", "            proxy_buffering off;")
    server = begin(
        house, origin, certificate=certificate,
        upstream=f" }}\n  events: {{ servers: [127.0.0.1:{source.port}]",
        routes="  - { path: /events, upstream: events, limits: [everyone] }\n"
        "  - { path: /*, upstream: app, limits: [everyone] }")
    return server, server
