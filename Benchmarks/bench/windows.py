"""Measured windows: one load against one server after the other, round by round."""

import os
import subprocess
import time

import certificates
import h2load
import rivals
from house import ProofError, failures


class Stand:
    """The servers of a comparison, before the same origin. Each is started when it is first asked for, and then stays."""

    def __init__(self, house):
        self.house = house
        self.cores = sorted(os.sched_getaffinity(0))
        self.servers = {}
        self.refusals = {}

    def cores_for(self, workers):
        """Everything shares as many cores as there are workers, so that no server gets another's core for free."""
        return set(self.cores[:workers])

    def certificate(self, scenario):
        return certificates.certificate(self.house) if scenario.is_tls else None

    def refusal(self, scenario):
        """Why the gateway cannot take part; nothing where it can."""
        protocols = "h2, http/1.1" if scenario.streams else ""
        kind = (scenario.is_tls, protocols)
        if kind not in self.refusals:
            self.refusals[kind] = self.house.refusal(certificate=self.certificate(scenario), protocols=protocols)
        return self.refusals[kind]

    def contenders(self, scenario):
        # The origin speaks neither TLS nor HTTP/2.
        names = [] if scenario.is_tls else ["direct"]
        names += ["nginx", "nginx64k", "nginx1m"] if scenario.has_big_buffers else ["nginx"]
        return names + ["haproxy"] + ([] if self.refusal(scenario) else ["floodgate"])

    def server(self, name, scenario):
        key = (name, scenario.workers, scenario.access_log, scenario.is_tls and name != "direct")
        if key not in self.servers:
            self.servers[key] = self.begin(name, scenario)
        return self.servers[key]

    def begin(self, name, scenario):
        house, workers, log = self.house, scenario.workers, scenario.access_log
        house.cores = self.cores_for(workers)
        if name == "direct":
            return rivals.origin(house, workers)
        origin, certificate = self.server("direct", scenario), self.certificate(scenario)
        if name == "floodgate":
            return house.gateway(
                origin, workers=workers, access_log=house.folder / "access.log" if log else "off", certificate=certificate)
        if name == "haproxy":
            return rivals.haproxy(house, origin, workers=workers, access_log=log, certificate=certificate)
        counts = {"nginx64k": 8, "nginx1m": 16}
        settings = rivals.BIG_BUFFERS.format(count=counts[name]) if name in counts else ""
        return rivals.nginx(house, origin, workers=workers, access_log=log, settings=settings, certificate=certificate)

    def window(self, name, scenario, seconds, warm_up):
        """One window of load on a server that runs already."""
        server = self.server(name, scenario)
        self.house.cores = self.cores_for(scenario.workers)
        load = self.streams if scenario.streams else self.exchanges
        summary = load(server, scenario, seconds, warm_up)
        if summary["failed"] or not summary["requests"]:
            raise ProofError(f"requests of the measurement failed: {name} {summary}")
        return {
            "cpu_us": summary["process_ns"] / summary["requests"] / 1000, "rps": summary["rps"],
            "p50_us": summary["p50_us"], "p99_us": summary["p99_us"], "requests": summary["requests"],
            "resident_kib": rivals.resident_kib(server.pid)}

    def exchanges(self, server, scenario, seconds, warm_up):
        """HTTP/1.1 by our own load."""
        options = {
            "path": scenario.path, "connections": scenario.connections, "seconds": seconds, "warm_up": warm_up,
            "watch": rivals.processes(server.pid), "expect_bytes": LENGTHS[scenario.path]}
        for name, is_chosen in (
                ("new_connection_each", scenario.new_connection_each), ("tls", scenario.is_tls), ("resume", scenario.resumes)):
            if is_chosen:
                options[name] = True
        summary = self.house.load(server.port, **options)
        summary["failed"] = sum(failures(summary).values())
        # The first connection of each slot has nothing to resume.
        full = summary["handshakes"] - summary["resumed"]
        if full > scenario.connections if scenario.resumes else summary["resumed"]:
            raise ProofError(f"{full} full handshakes where {scenario.name} was asked for: {summary}")
        return summary

    def streams(self, server, scenario, seconds, warm_up):
        """HTTP/2 by h2load: as many requests as fit into the time at the rate of the warming up. What few requests cost on as
        many connections goes off, and the handshakes with it: only requests of a connection in use count."""
        options = {"path": scenario.path, "connections": scenario.connections, "streams": scenario.streams}
        rate = h2load.load(self.house, server, requests=int(warm_up * 10_000), **options)["rps"]
        few = h2load.load(self.house, server, requests=scenario.connections * scenario.streams, **options)
        summary = h2load.load(self.house, server, requests=max(int(rate * seconds), few["requests"] * 4), **options)
        if summary["protocol"] != "h2" or summary["received_bytes"] != summary["requests"] * LENGTHS[scenario.path]:
            raise ProofError(f"not what was asked for came: {summary}")
        summary["process_ns"] -= few["process_ns"]
        summary["failed"] += few["failed"]
        summary["requests"] -= few["requests"]
        return summary

    def stop(self):
        for server in self.servers.values():
            server.stop()
        self.servers.clear()


LENGTHS = {"/": len(rivals.SMALL), "/16k": rivals.FILES["16k"], "/1m": rivals.FILES["1m"]}


def measure(stand, scenarios, rounds, seconds, progress):
    """Windows by scenario and server: lists with one entry for each round.

    Within a round each scenario is measured on all servers, one right after the other, so that what else happens on the
    machine meets all of them alike."""
    results = {scenario.name: {name: [] for name in stand.contenders(scenario)} for scenario in scenarios}
    for scenario in scenarios:
        for name in stand.contenders(scenario):
            stand.server(name, scenario)
    begun = time.monotonic()
    for turn in range(rounds):
        for scenario in scenarios:
            for name in stand.contenders(scenario):
                window = stand.window(name, scenario, seconds * scenario.share, warm_up=0.3)
                results[scenario.name][name].append(window)
        progress(f"round {turn + 1} of {rounds}, {time.monotonic() - begun:.0f} s")
    return results


def check_features(stand, scenario, report):
    """Each proxy does the same work: what it adds to a request and to an answer, and takes from it, is looked at once."""
    scheme, protocol = "https" if scenario.is_tls else "http", "--http2" if scenario.streams else "--http1.1"
    for name in stand.contenders(scenario):
        if name == "direct":
            continue
        url = f"{scheme}://127.0.0.1:{stand.server(name, scenario).port}/fields"
        answer = subprocess.run(
            ["curl", "--silent", "--insecure", "--include", "--max-time", "10", protocol, url], capture_output=True, text=True)
        head, _, body = answer.stdout.replace("\r", "").partition("\n\n")
        fields = {key.lower(): value for key, _, value in (line.partition(": ") for line in head.splitlines()[1:])}
        said = dict(line.split(": ", 1) for line in body.splitlines() if line.split(": ", 1)[1:])
        missing = [field for field in rivals.FORWARDED_FIELDS if not said.get(field)]
        missing += [field for field, value in rivals.SECURITY_FIELDS.items() if fields.get(field.lower()) != value]
        missing += [] if fields.get("x-request-id") else ["X-Request-Id of the answer"]
        missing += [] if said.get("x-forwarded-proto") == scheme else ["the right scheme"]
        missing += [] if head.startswith("HTTP/2 " if scenario.streams else "HTTP/1.1 ") else ["the right protocol"]
        if missing or "x-powered-by" in fields:
            raise ProofError(f"{name} does not do the same work: {missing} {head} {answer.stderr}")
    report(
        f"same work, {scheme} {protocol[2:]}: {len(rivals.FORWARDED_FIELDS)} fields to the origin, "
        f"{len(rivals.SECURITY_FIELDS)} and the id to the client")
