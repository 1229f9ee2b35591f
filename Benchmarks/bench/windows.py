"""Measured windows: one load against one server after the other, round by round."""

import os
import time

import rivals
from house import ProofError, failures


class Stand:
    """The servers of a comparison, before the same origin. Each is started when it is first asked for, and then stays."""

    def __init__(self, house):
        self.house = house
        self.cores = sorted(os.sched_getaffinity(0))
        self.servers = {}

    def cores_for(self, workers):
        """Everything shares as many cores as there are workers, so that no server gets another's core for free."""
        return set(self.cores[:workers])

    def server(self, name, scenario):
        key = (name, scenario.workers, scenario.access_log)
        if key not in self.servers:
            self.servers[key] = self.begin(name, scenario)
        return self.servers[key]

    def begin(self, name, scenario):
        house, workers, log = self.house, scenario.workers, scenario.access_log
        house.cores = self.cores_for(workers)
        if name == "direct":
            return rivals.origin(house, workers)
        origin = self.server("direct", scenario)
        if name == "floodgate":
            return house.gateway(origin, workers=workers, access_log=house.folder / "access.log" if log else "off")
        if name == "haproxy":
            return rivals.haproxy(house, origin, workers=workers, access_log=log)
        counts = {"nginx64k": 8, "nginx1m": 16}
        settings = rivals.BIG_BUFFERS.format(count=counts[name]) if name in counts else ""
        return rivals.nginx(house, origin, workers=workers, access_log=log, settings=settings)

    def window(self, name, scenario, seconds, warm_up):
        """One window of load on a server that runs already."""
        server = self.server(name, scenario)
        self.house.cores = self.cores_for(scenario.workers)
        options = {
            "path": scenario.path, "connections": scenario.connections, "seconds": seconds, "warm_up": warm_up,
            "watch": rivals.processes(server.pid), "expect_bytes": LENGTHS[scenario.path]}
        if scenario.new_connection_each:
            options["new_connection_each"] = True
        summary = self.house.load(server.port, **options)
        if failures(summary) or not summary["requests"]:
            raise ProofError(f"requests of the measurement failed: {name} {summary}")
        return {
            "cpu_us": summary["process_ns"] / summary["requests"] / 1000, "rps": summary["rps"],
            "p50_us": summary["p50_us"], "p99_us": summary["p99_us"], "requests": summary["requests"],
            "resident_kib": rivals.resident_kib(server.pid)}

    def stop(self):
        for server in self.servers.values():
            server.stop()
        self.servers.clear()


LENGTHS = {"/": len(rivals.SMALL), "/16k": rivals.FILES["16k"], "/1m": rivals.FILES["1m"]}


def contenders(scenario):
    names = ["direct", "nginx", "haproxy", "floodgate"]
    return names[:2] + ["nginx64k", "nginx1m"] + names[2:] if scenario.has_big_buffers else names


def measure(stand, scenarios, rounds, seconds, progress):
    """Windows by scenario and server: lists with one entry for each round.

    Within a round each scenario is measured on all servers, one right after the other, so that what else happens on the
    machine meets all of them alike."""
    results = {scenario.name: {name: [] for name in contenders(scenario)} for scenario in scenarios}
    for scenario in scenarios:
        for name in contenders(scenario):
            stand.server(name, scenario)
    begun = time.monotonic()
    for turn in range(rounds):
        for scenario in scenarios:
            for name in contenders(scenario):
                window = stand.window(name, scenario, seconds * scenario.share, warm_up=0.3)
                results[scenario.name][name].append(window)
        progress(f"round {turn + 1} of {rounds}, {time.monotonic() - begun:.0f} s")
    return results


def check_features(stand, scenario, report):
    """Each proxy does the same work: what it adds to a request and to an answer, and takes from it, is looked at once."""
    import http.client

    for name in contenders(scenario)[1:]:
        server = stand.server(name, scenario)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/fields")
        answer = connection.getresponse()
        said = dict(line.split(": ", 1) for line in answer.read().decode().splitlines() if line.split(": ", 1)[1:])
        missing = [field for field in rivals.FORWARDED_FIELDS if not said.get(field)]
        missing += [field for field, value in rivals.SECURITY_FIELDS.items() if answer.headers[field] != value]
        missing += [] if answer.headers["X-Request-Id"] else ["X-Request-Id of the answer"]
        if missing or answer.headers["X-Powered-By"]:
            raise ProofError(f"{name} does not do the same work: {missing} {answer.headers}")
        connection.close()
    report(f"same work: {len(rivals.FORWARDED_FIELDS)} fields to the origin, {len(rivals.SECURITY_FIELDS)} and the id to the client")
