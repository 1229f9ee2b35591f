"""A Redis that hangs, dies, comes back or does wrong, under load on two gateways that share limits in it."""

import time

import rivals
from faulty_redis import FAULTS, FaultyRedis
from house import ProofError, failures, wait_for
from redis_server import RedisServer

# A limit that is asked for much faster than it lets pass, and one that lets everything pass.
TIGHT, WIDE = 200, 10_000_000
LIMITS = (
    f"  tight: {{ rate: {TIGHT} per 1s, by: ip, on_store_error: local }}\n"
    f"  wide: {{ rate: {WIDE} per 1m, by: everyone, on_store_error: local }}")
ROUTES = (
    "  - { path: /tight, upstream: app, strip_prefix: /tight, limits: [tight] }\n"
    "  - { path: /wide, upstream: app, strip_prefix: /wide, limits: [wide] }")
PATHS = ("/tight", "/wide")
STEADY = {"connections": 32, "think": 32, "any_status": True}
# Milliseconds that the 99th percentile may be above the usual once 100 ms have passed, and seconds until Redis counts again.
SLOWER, RETURN = 5, 2
SETTLING = 0.1


class Fleet:
    """Two gateways before one origin, and loads on both."""

    def __init__(self, house, address):
        self.house = house
        self.origin = rivals.origin(house)
        self.gateways = [
            house.gateway(self.origin, workers=2, limits=LIMITS, routes=ROUTES, settings=f"redis: {address}")
            for _ in range(2)]
        self.begun = self.ended = None
        self.admitted, self.statuses, self.failed = 0, {}, {}

    def begin(self, seconds, warm_up):
        self.begun = self.begun or time.monotonic()
        return [
            (path, self.house.begin_load(gateway.port, path=path, seconds=seconds, warm_up=warm_up, **STEADY))
            for gateway in self.gateways for path in PATHS]

    def finish(self, loads):
        """The slowest 99th percentile of the loads, in milliseconds."""
        slowest = 0
        for path, process in loads:
            summary = self.house.finish_load(process)
            for status, count in summary["statuses"].items():
                self.statuses[status] = self.statuses.get(status, 0) + count
            if path == "/tight":
                self.admitted += summary["statuses"].get("200", 0)
            for kind, count in failures(summary).items():
                self.failed[kind] = self.failed.get(kind, 0) + count
            slowest = max(slowest, summary["p99_us"] / 1000)
        self.ended = time.monotonic()
        return slowest

    @property
    def allowed(self):
        """What both gateways together may have admitted of the tight limit from the first request to the last."""
        return TIGHT + TIGHT * (self.ended - self.begun)

    def back(self, times, since):
        """Seconds until both gateways say that they count in Redis again."""
        for gateway in self.gateways:
            wait_for("'redis is back'", lambda: gateway.text.count("redis is back") >= times, limit=30)
        return time.monotonic() - since

    def lost(self):
        return [gateway.text.count("redis lost") for gateway in self.gateways]

    def stop(self):
        for process in self.gateways + [self.origin]:
            process.stop()


def outage(house, report, what, address, begin, end, seconds=10.0, back_within=RETURN):
    """`begin` and `end` make the trouble and undo it."""
    fleet = Fleet(house, address)
    usual = fleet.finish(fleet.begin(3, 0.5))
    # Windows open once the trouble has been there for as long as it may be felt.
    loads = fleet.begin(seconds, 1)
    time.sleep(1 - SETTLING)
    begin()
    during = fleet.finish(loads)
    lost = fleet.lost()
    loads = fleet.begin(3, 0)
    time.sleep(0.5)
    undone = time.monotonic()
    end()
    back = fleet.back(1, undone) if all(lost) else None
    after = fleet.finish(loads)
    share = fleet.admitted / fleet.allowed
    odd = {status: count for status, count in fleet.statuses.items() if status not in ("200", "429")}
    report.row(f"{what}: admitted", f"{fleet.admitted} of {fleet.allowed:.0f}, {share:.3f}", "1.1 x limit", holds=share <= 1.1)
    report.row(
        f"{what}: answers of 5xx, failures", f"{odd or 0}, {fleet.failed or 0} of {sum(fleet.statuses.values())}", 0,
        holds=not odd and not fleet.failed)
    report.row(
        f"{what}: p99 behind the first {SETTLING * 1000:.0f} ms", f"{during:.2f} ms, usual {usual:.2f}, afterwards {after:.2f}",
        f"+{SLOWER} ms", holds=during <= usual + SLOWER)
    if back is None:
        # An answer is an answer: each request is counted here, and the next one asks again.
        said = [gateway.text.count("redis answers with an error") for gateway in fleet.gateways]
        report.row(f"{what}: told", f"{said} events, never lost: {lost}", holds=all(said) or any(lost))
    elif back_within is None:
        report.row(f"{what}: back", f"{back:.2f} s")
    else:
        report.row(f"{what}: back", f"{back:.2f} s", f"{back_within} s", holds=back <= back_within)
    if not all(gateway.is_running for gateway in fleet.gateways):
        raise ProofError("a gateway has ended")
    fleet.stop()


def hang(house, report):
    """Redis is stopped for ten seconds and goes on."""
    redis = RedisServer(house)
    outage(house, report, "Redis hangs for 10 s", redis.address, redis.hang, redis.go_on, 11.0, back_within=None)
    redis.process.stop()


def killed(house, report):
    """Redis is killed, and starts with its data, or with nothing."""
    for persists, what in ((True, "Redis killed, back with its data"), (False, "Redis killed, back empty")):
        redis = RedisServer(house, persists=persists)
        outage(house, report, what, redis.address, redis.kill, redis.start, 5.0)
        redis.process.stop()


def wrong(house, report):
    """Redis answers late, with errors, with garbage, or with half a reply."""
    for name, fault in FAULTS.items():
        redis = RedisServer(house)
        faulty = FaultyRedis(redis)

        def begin(fault=fault):
            faulty.fault = fault

        def end():
            faulty.fault = None

        outage(house, report, f"Redis: {name}", faulty.address, begin, end, 5.0)
        faulty.stop()
        redis.process.stop()
