"""Slow clients and many of them, beside a neighbour that behaves: what the neighbour notices, and when they are gone."""

import resource
import shutil
import statistics
import time
import urllib.request

from house import ProofError, failures, free_ports, wait_for

CROWD = 1000
# The neighbour: so many connections, each resting so many milliseconds between its requests.
NEIGHBOUR, THINK = 16, 20
WINDOW = 3
ROUNDS = 2
# An answer that no socket buffer holds.
LONG = 50_000_000


class Gateway:
    """A gateway with its admin listener, on the settings' defaults but for what is given."""

    def __init__(self, house, clients="", settings=""):
        (admin,) = free_ports(1)
        self.admin = admin
        self.process = house.gateway(
            house.origin(), workers=2, clients=clients, settings=settings, admin=f"127.0.0.1:{admin}", idle_timeout="60s",
            descriptors=20_000)
        self.port = self.process.port

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=10) as page:
            for line in page.read().decode().splitlines():
                if line.startswith(name + " "):
                    return int(line.rsplit(" ", 1)[1])
        raise ProofError(f"no metric {name}")

    @property
    def open(self):
        return self.metric("floodgate_connections_open")


class Neighbour:
    """A client at another address that asks at a steady, modest pace, in windows of a few seconds."""

    def __init__(self, house, port, **options):
        self.house, self.port, self.options = house, port, options
        self.windows = {"calm": [], "beside": []}
        self.failed, self.requests = {}, 0

    def begin(self, seconds=WINDOW):
        return self.house.begin_load(
            self.port, connections=NEIGHBOUR, think=THINK, seconds=seconds, timeout=5, **{"from": 2}, **self.options)

    def finish(self, load, kind):
        summary = self.house.finish_load(load)
        self.windows[kind].append(summary["p99_us"])
        self.requests += summary["requests"]
        for name, count in failures(summary).items():
            self.failed[name] = self.failed.get(name, 0) + count
        return summary

    def window(self, kind):
        return self.finish(self.begin(), kind)

    @property
    def ratio(self):
        return statistics.median(self.windows["beside"]) / statistics.median(self.windows["calm"])

    @property
    def text(self):
        calm, beside = (statistics.median(self.windows[kind]) / 1000 for kind in ("calm", "beside"))
        return (
            f"availability {'100 %' if not self.failed else f'not 100 %: {self.failed}'} of {self.requests}; p99 "
            f"{beside:.2f} ms beside, {calm:.2f} ms calm, ratio {self.ratio:.2f}")


def slow(house, report, what, options, path, limit, slack):
    """`slowhttptest` with a thousand connections, in windows that take turns with calm ones."""
    if not shutil.which("slowhttptest"):
        return report.skip(what, "slowhttptest is not installed")
    gateway = Gateway(house)
    neighbour = Neighbour(house, gateway.port)
    neighbour.window("calm")
    neighbour.windows["calm"].clear()
    peaks, lives = [], []
    for _ in range(ROUNDS):
        for _ in range(2):
            neighbour.window("calm")
        attack = house.start("slowhttptest", [
            "nice", "-n", 19, "slowhttptest", *options, "-c", CROWD, "-r", 1000, "-l", 240, "-p", 5, "-u",
            f"http://127.0.0.1:{gateway.port}{path}"])
        # The crowd is there.
        wait_for("the slow connections", lambda: gateway.open >= CROWD * 0.95, limit=20, pause=0.1)
        there = time.monotonic()
        peak = gateway.open
        while time.monotonic() - there + WINDOW < limit - 1:
            load = neighbour.begin()
            while load.is_running:
                peak = max(peak, gateway.open)
                time.sleep(0.1)
            neighbour.finish(load, "beside")
        # Gone: but for what slowhttptest asks itself, whether the server still lives.
        wait_for("the slow connections to go", lambda: gateway.open <= 5, limit=120, pause=0.1)
        lives.append(time.monotonic() - there)
        peaks.append(peak)
        attack.stop()
        neighbour.window("calm")
    report.row(f"{what}: the neighbour", neighbour.text, "100 %, 2.0", holds=not neighbour.failed and neighbour.ratio <= 2)
    report.row(
        f"{what}: gone within", f"{', '.join(f'{life:.1f} s' for life in lives)} after all {min(peaks)} were there",
        f"{limit}+{slack} s", holds=max(lives) <= limit + slack)
    gateway.process.stop()


def slow_heads(house, report):
    slow(house, report, "1,000 slow heads", ["-H", "-i", 2], "/", limit=10, slack=3)


def slow_bodies(house, report):
    slow(house, report, "1,000 slow bodies", ["-B", "-i", 2, "-x", 10, "-s", 100_000], "/", limit=30, slack=4)


def slow_readers(house, report):
    slow(house, report, "1,000 slow readers", ["-X", "-n", 1, "-w", 1, "-y", 512, "-z", 5], f"/bytes/{LONG}", limit=30, slack=8)


def many_idle(house, report, count=10_000):
    """Connections that ask once and then hold still."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gateway = Gateway(house, clients=f", max_connections: {count + 2000}, max_connections_per_address: {count + 1000}")
    neighbour = Neighbour(house, gateway.port)
    neighbour.window("calm")
    neighbour.windows["calm"].clear()
    for _ in range(ROUNDS):
        for _ in range(2):
            neighbour.window("calm")
        load = house.begin_load(gateway.port, connections=count, requests=count, hold=60, timeout=30)
        wait_for("the connections", lambda: gateway.open >= count, limit=60, pause=0.2)
        # Each has asked once; from here on they hold still.
        time.sleep(2)
        for _ in range(3):
            neighbour.window("beside")
        load.signal(15)
        house.finish_load(load)
        wait_for("the connections to go", lambda: gateway.open <= 5, limit=60, pause=0.2)
        neighbour.window("calm")
    report.row(
        f"{count} idle connections: the neighbour", neighbour.text, "100 %, 2.0",
        holds=not neighbour.failed and neighbour.ratio <= 2)
    gateway.process.stop()


def flood(house, report, cap=500, wanted=2000):
    """One address opens connections as fast as it can, and keeps as many as it may."""
    gateway = Gateway(house, clients=f", max_connections_per_address: {cap}")
    neighbour = Neighbour(house, gateway.port)
    neighbour.window("calm")
    neighbour.windows["calm"].clear()
    for _ in range(ROUNDS):
        neighbour.window("calm")
        load = house.begin_load(gateway.port, connections=wanted, seconds=WINDOW * 3, think=1000)
        wait_for("the flood", lambda: gateway.open >= cap, limit=20, pause=0.05)
        for _ in range(2):
            neighbour.window("beside")
        load.signal(15)
        load.wait()
        wait_for("the flood to go", lambda: gateway.open <= 5, limit=30, pause=0.2)
        neighbour.window("calm")
    refused = gateway.metric('floodgate_connections_refused_total{reason="address_limit"}')
    report.row(
        f"{wanted} connections of one address that may have {cap}: the neighbour",
        f"{neighbour.text}; {refused} refused", "100 %", holds=not neighbour.failed and refused > 0)
    gateway.process.stop()


def memory(house, report, limit=64, count=2000):
    """Answers that nobody reads, of which the gateway would hold far more than its memory limit bears."""
    gateway = Gateway(house, settings=f"memory_limit: {limit}MiB")
    load = house.begin_load(
        gateway.port, connections=count, path=f"/bytes/{LONG}", read_rate=1, timeout=60, seconds=20)
    most, level, requests = 0, 0, 0
    end = time.monotonic() + 15
    while time.monotonic() < end:
        most = max(most, gateway.process.resident_kib)
        level = max(level, gateway.metric("floodgate_memory_level"))
        time.sleep(0.05)
    shed = gateway.metric("floodgate_requests_shed_total")
    healthy = house.load(gateway.port, path="/healthz", requests=100, connections=1, **{"from": 2})
    load.signal(15)
    load.stop()
    wait_for("the level to fall", lambda: gateway.metric("floodgate_memory_level") == 0, limit=30, pause=0.2)
    after = house.load(gateway.port, requests=1000, connections=16, **{"from": 2})
    holds = most < limit * 1024 and not failures(healthy, after) and after["requests"] == 1000
    report.row(
        f"{count} answers that nobody reads, memory limit {limit} MiB: resident",
        f"{most / 1024:.1f} MiB at most, level {level}, {shed} requests shed; health checks failed: "
        f"{failures(healthy) or 0}; afterwards failed: {failures(after) or 0} of 1000",
        f"{limit} MiB", holds=holds)
    gateway.process.stop()
