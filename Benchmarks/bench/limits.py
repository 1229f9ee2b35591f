#!/usr/bin/env python3
"""Rate limits beside nginx's limit_req and HAProxy's stick tables: what a request costs and how exact they are; what counting
in Redis adds; and how many commands Redis gets.

Usage: limits.py [--rounds N] [--seconds S] [cost | exactness | redis | commands]. Ends with 1 where a claim is not held."""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks/shared"))

import limiters
import rivals
from house import House, ProofError, failures
from limiters import COMPARED, COUNTED, MEMORY, OPEN, REDIS, SHUT, Limit
from redis_server import RedisServer

# Microseconds of the gateway's processor time per request, and milliseconds of the 99th percentile, that counting in Redis
# may add to counting in memory.
REDIS_BARS = {"cpu": 3.0, "p99": 1.0}
# A steady load for that percentile: what a closed loop waits for is the queue before a busy core.
STEADY = {"connections": 64, "think": 32}

# A burst that nothing comes back in, and a rate that is asked for much faster: to be cut off just before a second is full.
BURST, BURST_REQUESTS = Limit(100, 3600), 10_000
RATE, RATE_SECONDS = Limit(100, 1), 9.5

RULES = 5


def progress(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, house, options):
        self.house, self.options = house, options
        self.cores = sorted(os.sched_getaffinity(0))
        self.servers = {}
        self.held = True
        self.store = None

    def redis(self):
        """One Redis for all, on the last core: the load, the gateway and the origin have the first."""
        if not self.store:
            kept, self.house.cores = self.house.cores, {self.cores[-1]}
            self.store = RedisServer(self.house)
            self.house.cores = kept
        return self.store

    def taking_part(self, those):
        """Without the gateways that refuse the settings, which is said."""
        found = []
        for each in those:
            algorithm = next((name for name in ("sliding_window", "fixed_window") if name in each.title), "gcra")
            refusal = None
            if "Floodgate" in each.title:
                redis = self.redis() if "Redis" in each.title else None
                refusal = self.house.refusal(**limiters.gateway_settings(BURST, algorithm, redis))
            if refusal:
                print(f"{each.title}: not measured, the gateway refuses the settings: {refusal}")
                self.held = False
            else:
                found.append(each)
        return found

    def judge(self, value, bar):
        self.held = self.held and value <= bar
        return f"at most {bar}: {'held' if value <= bar else 'missed'}"

    # What a request costs.

    def window(self, server, limit, seconds, **load):
        summary = self.house.load(
            server.port, seconds=seconds, warm_up=0.3, any_status=True, watch=rivals.processes(server.pid),
            **{"connections": 64, **load})
        statuses = {int(status): count for status, count in summary["statuses"].items()}
        wanted = 200 if limit == OPEN else 429
        # A limit that lets one pass in a minute lets one pass in a minute.
        others = sum(count for status, count in statuses.items() if status != wanted)
        if sum(failures(summary).values()) or not summary["requests"] or others > (0 if limit == OPEN else 3):
            raise ProofError(f"not what was asked for came: {summary}")
        return {
            "cpu": summary["process_ns"] / summary["requests"] / 1000, "rps": summary["rps"],
            "p99": summary["p99_us"] / 1000}

    def cost(self):
        self.house.cores = {self.cores[0]}
        origin, those, found = rivals.origin(self.house), self.taking_part(COMPARED), {}
        servers = {
            (each.name, limit): each.begin(self.house, origin, limit, 1, self.redis)[0]
            for limit in (OPEN, SHUT) for each in those}
        for turn in range(self.options.rounds):
            for key, server in servers.items():
                found.setdefault(key, []).append(self.window(server, key[1], self.options.seconds))
            progress(f"cost: round {turn + 1} of {self.options.rounds}")
        for server in servers.values():
            server.stop()
        return found

    def cost_cells(self, found, name, limit):
        """Microseconds of a request, and what a gateway's is of nginx's and HAProxy's in the same round."""
        if (name, limit) not in found:
            return f"{'':>8}{'':>24}"
        own = [each["cpu"] for each in found[name, limit]]
        ratios = []
        for rival in ("nginx", "haproxy") if name in ("memory", "redis") else ():
            ratios.append(statistics.median(a / b["cpu"] for a, b in zip(own, found[rival, limit])))
        return f"{statistics.median(own):>8.2f}" + "".join(f"{ratio:>12.2f}" for ratio in ratios).ljust(24)

    # Exactness.

    def admitted(self, each, origin, limit, **load):
        """Requests that were admitted, and that might have been: two workers, 64 connections, on all gateways at once."""
        servers = each.begin(self.house, origin, limit, 2, self.redis)
        loads = [
            self.house.begin_load(server.port, any_status=True, connections=64 // each.count, **load) for server in servers]
        summaries = [self.house.finish_load(process) for process in loads]
        for server in servers:
            server.stop()
        if any(sum(failures(summary).values()) for summary in summaries):
            raise ProofError(f"requests failed: {each.title} {summaries}")
        odd = {status for summary in summaries for status in summary["statuses"]} - {"200", "429"}
        if odd:
            raise ProofError(f"other answers than 200 and 429: {each.title} {summaries}")
        longest = max(summary["seconds"] for summary in summaries)
        return sum(summary["statuses"].get("200", 0) for summary in summaries), each.allowed(limit, longest)

    def exactness(self):
        self.house.cores = None
        origin, found = rivals.origin(self.house), {}
        for each in self.taking_part(COUNTED):
            bursts = []
            for _ in range(self.options.bursts):
                # What was counted before counts no more.
                if each.count > 1:
                    self.redis().ask("FLUSHALL")
                bursts.append(self.admitted(each, origin, BURST, requests=BURST_REQUESTS // each.count))
            if each.count > 1:
                self.redis().ask("FLUSHALL")
            rate = self.admitted(each, origin, RATE, seconds=RATE_SECONDS)
            found[each.name] = {"bursts": bursts, "rate": rate}
            progress(f"exactness: {each.title}: {found[each.name]}")
        return found

    def exactness_cells(self, each, found):
        if each.name not in found:
            return ""
        counts, (_, allowed) = [count for count, _ in found[each.name]["bursts"]], found[each.name]["bursts"][0]
        admitted, might = found[each.name]["rate"]
        least, most = min(counts), max(counts)
        burst = f"{least}" if least == most else f"{least}-{most}"
        text = f"{burst:>12} of {allowed:<5.0f}{admitted:>8} of {might:<6.0f}{admitted / might:>6.2f}"
        if "Floodgate" in each.title:
            is_exact = least == most == allowed and admitted <= might
            self.held = self.held and is_exact
            text += "   exact: held" if is_exact else "   exact: MISSED"
        return text

    def table(self, cost, exactness):
        print(
            f"\n{'':<36}{'admitting, µs, to nginx, HAProxy':>32}{'refusing, µs, to nginx, HAProxy':>34}"
            f"{'burst':>14}{'rate':>16}")
        # The store in memory counts with gcra.
        rows = {each.name: each for each in COUNTED}
        for each in COMPARED:
            counted = {"memory": "gcra", "redis": "two gcra"}.get(each.name, each.name)
            print(
                f"{each.title:<36}{self.cost_cells(cost, each.name, OPEN)}  {self.cost_cells(cost, each.name, SHUT)}"
                f"{self.exactness_cells(rows[counted], exactness)}")
            del rows[counted]
        for each in rows.values():
            print(f"{each.title:<36}{'':66}{self.exactness_cells(each, exactness)}")
        print(
            f"Burst: admitted of {BURST_REQUESTS:,} requests over 64 connections, two workers, against {BURST.count} "
            f"({self.options.bursts} times; least-most).\nRate: admitted, and how many might have been, in "
            f"{RATE_SECONDS} s against {RATE.rate}, asked for as fast as it goes. CPU: medians of "
            f"{self.options.rounds} rounds.")

    # Redis on the same machine.

    def added(self):
        self.house.cores = {self.cores[0]}
        origin, those, found = rivals.origin(self.house), self.taking_part([MEMORY, REDIS]), {}
        if len(those) < 2:
            return
        servers = {each.name: each.begin(self.house, origin, OPEN, 1, self.redis)[0] for each in those}
        for turn in range(self.options.rounds):
            for name, server in servers.items():
                window = self.window(server, OPEN, self.options.seconds)
                window["steady"] = self.window(server, OPEN, self.options.seconds, **STEADY)["p99"]
                found.setdefault(name, []).append(window)
            progress(f"redis: round {turn + 1} of {self.options.rounds}")
        for server in servers.values():
            server.stop()
        print("\nRedis on the same machine, 64 connections, above the store in memory")
        for key, words, bar in (
                ("cpu", "µs of processor time per request", REDIS_BARS["cpu"]),
                ("steady", "ms of the 99th percentile, steady load", REDIS_BARS["p99"]),
                ("p99", "ms of the 99th percentile, closed loop", None)):
            memory, redis = ([window[key] for window in found[name]] for name in ("memory", "redis"))
            more = [b - a for a, b in zip(memory, redis)]
            line = (
                f"  {words:<44}{statistics.median(memory):>8.2f}{statistics.median(redis):>8.2f}"
                f"{statistics.median(more):>+8.2f}   {min(more):.2f}-{max(more):.2f}")
            print(line + (f"   {self.judge(statistics.median(more), bar)}" if bar else ""))

    # Commands.

    def commands(self):
        self.house.cores = None
        redis, origin = self.redis(), rivals.origin(self.house)
        names = [f"rule{index}" for index in range(RULES)]
        limits = "\n".join(f"  {name}: {{ rate: {1_000_000 + index} per 1h, by: ip }}" for index, name in enumerate(names))
        limits += f"\n  few: {{ rate: {BURST.rate}, by: ip }}"
        routes = (
            f"  - {{ path: /stacked, upstream: app, strip_prefix: /stacked, limits: [{', '.join(names)}] }}\n"
            "  - { path: /*, upstream: app, limits: [few] }")
        gateway = self.house.gateway(
            origin, workers=2, limits=limits, settings=f"redis: {redis.address}", routes=routes)
        # The first requests teach Redis the script.
        self.house.load(gateway.port, requests=200, path="/stacked")
        time.sleep(0.5)
        for what, path, requests, status, wanted in (
                (f"{RULES} rules on one request", "/stacked", 1, 200, 1),
                (f"{RULES} rules on each of 1,000 requests", "/stacked", 1000, 200, 1000),
                (f"{BURST.count} admitted by one rule", "/", BURST.count, 200, BURST.count),
                # The gateway knows already that nothing is left.
                ("the first that is refused", "/", 1, 429, 0),
                ("10,000 that are refused after it", "/", 10_000, 429, 0)):
            watch = redis.watch()
            self.house.load(gateway.port, requests=requests, path=path, status=status, connections=min(64, requests))
            counts = watch.end()
            others = {name: count for name, count in counts.items() if name != "EVALSHA"}
            asked = counts.get("EVALSHA", 0)
            is_exact = asked == wanted and not others
            self.held = self.held and is_exact
            print(f"  {what:<44}{asked:>8} EVALSHA   {wanted}: {'held' if is_exact else 'missed'} {others or ''}")
        gateway.stop()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binaries", default=ROOT / ".build/release")
    arguments.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS") or 7))
    arguments.add_argument("--seconds", type=float, default=float(os.environ.get("WINDOW") or 1))
    arguments.add_argument("--bursts", type=int, default=5, help="bursts of each limiter")
    arguments.add_argument("names", nargs="*", choices=[[], "cost", "exactness", "redis", "commands"], metavar="NAME")
    options = arguments.parse_args()
    names = options.names or ["cost", "exactness", "redis", "commands"]
    begun = time.monotonic()
    with House(options.binaries) as house:
        bench = Bench(house, options)
        said = [
            subprocess.run(words, capture_output=True, text=True) for words in (["nginx", "-v"], ["haproxy", "-v"])]
        print(said[0].stderr.strip(), "; ", said[1].stdout.splitlines()[0], sep="")
        if "cost" in names or "exactness" in names:
            cost = bench.cost() if "cost" in names else {}
            bench.table(cost, bench.exactness() if "exactness" in names else {})
        if "redis" in names:
            bench.added()
        if "commands" in names:
            print("\nCommands at Redis")
            bench.commands()
        print(f"\n{time.monotonic() - begun:.0f} s, {'all held' if bench.held else 'NOT all held'}")
        return 0 if bench.held else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ProofError as error:
        sys.exit(f"limits: {error}")
