#!/usr/bin/env python3
"""A gateway between clients and origins of which many misbehave, for minutes, with reloads in between.

Every request carries a token of its own, and every byte of every request and answer is held to what was sent: nobody
gets another's answer, nothing that is cut looks whole, nothing is sent twice that must not be. In the end nothing is
open. Ends with 1 where anything of this does not hold.

Usage: soak.py [--seconds N] [--seed N] [--clients N] [--log FILE] [--binaries FOLDER]"""

import argparse
import asyncio
import json
import random
import shutil
import signal
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "shared"))

from clients import Client
from house import Process, free_ports, takes_connections, wait_for
from origins import OriginConnection
from plan import Ledger

BROKEN = ["routes: [", "listeners: [{ adress: 127.0.0.1:1 }]\n", "upstreams: { app: { servers: [] } }\n", ""]


def settings(port, admin, servers, turn, log):
    """Settings that differ from turn to turn in what a reload may change under traffic."""
    first, second, closed, path = servers
    addresses = [f"127.0.0.1:{first}", f"127.0.0.1:{second}", f"127.0.0.1:{closed}", f"unix:{path}"]
    if turn % 3 == 1:
        addresses.pop(2)
    if turn % 4 == 2:
        addresses.pop(0)
    balance = ("round_robin", "least_requests")[turn % 2]
    # Long enough for a machine that has others to serve: only what is meant to be late is.
    times = "connect_timeout: 5s, response_timeout: 8s, read_timeout: 8s, write_timeout: 8s, idle_timeout: 1s"
    return f"""\
workers: 2
listeners: [{{ address: 127.0.0.1:{port} }}]
admin: {{ address: 127.0.0.1:{admin} }}
access_log: {{ path: {log} }}
security_headers: {{ set: {{ x-turn: '{turn}' }} }}
clients: {{ head_timeout: 1m, idle_timeout: 2m, body_timeout: 4s, write_timeout: 20s }}
upstreams:
  app: {{ servers: [{', '.join(addresses)}], balance: {balance}, {times} }}
  few: {{ servers: [127.0.0.1:{second}], connections: {8 + turn % 5}, queue: {{ size: 200, wait: 5s }}, {times} }}
routes:
  - {{ path: /s/*, upstream: app, upgrade: [websocket] }}
  - {{ path: /q/*, upstream: few }}
"""


class Soak:
    def __init__(self, options):
        self.options = options
        self.ledger = Ledger(options.seed)
        self.reloads = {"taken over": 0, "refused": 0}
        self.resident = []
        self.folder = Path(tempfile.mkdtemp(prefix="floodgate-soak-"))

    async def run(self):
        loop = asyncio.get_running_loop()
        self.port, self.admin, closed = free_ports(3)
        path = self.folder / "origin.sock"
        servers = [
            await loop.create_server(lambda: OriginConnection(self.ledger), "127.0.0.1", 0, backlog=1024)
            for _ in range(2)
        ]
        servers.append(await loop.create_unix_server(lambda: OriginConnection(self.ledger), path, backlog=1024))
        self.servers = (*(server.sockets[0].getsockname()[1] for server in servers[:2]), closed, path)
        self.file = self.folder / "gateway.yaml"
        self.file.write_text(self.settings(0))
        self.gateway = Process(
            [Path(self.options.binaries) / "floodgate", "run", self.file], self.folder / "gateway.log")
        try:
            wait_for("the gateway", lambda: takes_connections(self.admin) and takes_connections(self.port))
            await self.soak()
        finally:
            self.gateway.stop()
            for server in servers:
                server.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def settings(self, turn):
        return settings(self.port, self.admin, self.servers, turn, self.options.log)

    async def soak(self):
        idle = await self.status()
        begun = time.monotonic()
        end = begun + self.options.seconds
        clients = [Client(self.ledger, self.port, number) for number in range(self.options.clients)]
        tasks = [asyncio.create_task(client.run(lambda: time.monotonic() > end)) for client in clients]
        watcher = asyncio.create_task(self.watch(begun, end))
        reloader = asyncio.create_task(self.reload(end))
        for done in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(done, BaseException):
                self.ledger.violate(f"a client of the soak itself failed: {done!r}")
        await asyncio.gather(watcher, reloader)
        self.seconds = time.monotonic() - begun
        await self.check_rest(idle)

    async def watch(self, begun, end):
        """Takes note of the memory, and shows that the soak goes on."""
        shown = begun
        while time.monotonic() < end:
            if not self.gateway.is_running:
                self.ledger.violate(f"the gateway ended with {self.gateway.child.returncode}: {self.gateway.text[-3000:]}")
                return
            self.resident.append(self.gateway.resident_kib)
            if time.monotonic() - shown > 30:
                shown = time.monotonic()
                print(
                    f"{shown - begun:4.0f} s  {self.ledger.ended} exchanges, {self.resident[-1] / 1024:.1f} MiB, "
                    f"{self.ledger.violation_count} violations", flush=True)
            await asyncio.sleep(0.5)

    async def reload(self, end):
        dice = random.Random(f"{self.options.seed} reloads")
        turn = 0
        while time.monotonic() < end - 1 and self.gateway.is_running:
            await asyncio.sleep(dice.uniform(0.5, 4))
            turn += 1
            is_broken = turn % 5 == 0
            text = dice.choice(BROKEN) if is_broken else self.settings(turn)
            words = "settings refused" if is_broken else "settings reloaded"
            heard = self.gateway.text.count(words)
            self.file.write_text(text)
            self.gateway.signal(signal.SIGHUP)
            limit = time.monotonic() + 20
            while self.gateway.text.count(words) == heard:
                if time.monotonic() > limit:
                    self.ledger.violate(f"the gateway did not say '{words}': {self.gateway.text[-1000:]}")
                    return
                await asyncio.sleep(0.02)
            self.reloads["refused" if is_broken else "taken over"] += 1

    async def status(self):
        """The gateway's own account, with the numbers that only the metrics have."""
        def ask(path):
            return urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=10).read()

        loop = asyncio.get_running_loop()
        status = json.loads(await loop.run_in_executor(None, ask, "/status"))
        metrics = (await loop.run_in_executor(None, ask, "/metrics")).decode()
        values = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if line and not line.startswith("#"))
        status["buffer_bytes"] = float(values["floodgate_buffer_bytes"])
        status["retries"] = float(values["floodgate_retries_total"])
        return status

    async def check_rest(self, idle):
        """Once everybody has left, nothing is open, and what the gateway counted is what happened."""
        ledger = self.ledger
        limit = time.monotonic() + 15
        while True:
            status = await self.status()
            upstreams = {upstream["name"]: upstream["connections_open"] for upstream in status["upstreams"]}
            left = {
                "clients": status["connections_open"], "tunnels": status["tunnels_open"], **upstreams,
                "buffers": status["buffer_bytes"] - idle["buffer_bytes"],
                "descriptors": status["open_descriptors"] - idle["open_descriptors"],
            }
            if all(value <= 0 for value in left.values()):
                break
            if time.monotonic() > limit:
                ledger.violate(f"something is left open: {left}")
                break
            await asyncio.sleep(0.2)
        self.left, self.counted = left, status
        if ledger.open:
            ledger.violate(f"{len(ledger.open)} exchanges have no end")
        if ledger.repeats > status["retries"]:
            ledger.violate(f"the origins saw {ledger.repeats} requests again, {status['retries']:.0f} retries are counted")
        quarter = max(1, len(self.resident) // 4)
        self.early, self.late = max(self.resident[:quarter]), max(self.resident[-quarter:])
        if self.late > self.early * 1.25 + 8192:
            ledger.violate(f"memory has grown from {self.early} to {self.late} KiB")

    def report(self):
        ledger = self.ledger
        def table(title, counts):
            print(f"\n{title}")
            for name, count in sorted(counts.items(), key=lambda entry: -entry[1]):
                print(f"  {name:<24} {count:>9}")

        print(f"\n{ledger.ended} exchanges in {self.seconds:.0f} s ({ledger.ended / self.seconds:.0f} a second)")
        table("As clients saw them", ledger.results)
        table("As the gateway logged them", {entry["name"]: entry["count"] for entry in self.counted["outcomes"]}
              if isinstance(self.counted["outcomes"], list) else self.counted["outcomes"])
        table("Of these with an origin's fault", ledger.by_origin_fault)
        table("Of these with a client's fault", ledger.by_client_fault)
        table("Reloads", self.reloads)
        print(f"\nRequests that origins saw: {ledger.sightings}, {ledger.repeats} of them again; "
              f"retries that the gateway counted: {self.counted['retries']:.0f}")
        print(f"Resident memory: {self.early / 1024:.1f} MiB at most in the first quarter, {self.late / 1024:.1f} in the last")
        print(f"Open at the end: {self.left}")
        print(f"Violations: {ledger.violation_count} (seed {ledger.seed})")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=600)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments.add_argument("--clients", type=int, default=128)
    arguments.add_argument("--log", default="off", help="the gateway's access log: a file, to look for a reason in")
    arguments.add_argument("--binaries", default=Path(__file__).resolve().parents[2] / ".build/release")
    options = arguments.parse_args()
    print(f"seed {options.seed}, {options.seconds:.0f} s, {options.clients} clients", flush=True)
    soak = Soak(options)
    asyncio.run(soak.run())
    soak.report()
    return 1 if soak.ledger.violation_count else 0


if __name__ == "__main__":
    sys.exit(main())
