"""What is counted and not timed: system calls, instructions, and the memory of idle connections."""

import os
import resource
import signal
import time

import counting
import rivals
from house import ProofError, free_ports, gateway_settings, takes_connections, wait_for
from scenarios import IDLE_BARS

PROXIES = ("nginx", "haproxy", "floodgate")


def begin(house, name, origin, **options):
    if name == "floodgate":
        connections, address = options.get("connections", 0), options.get("address", "127.0.0.1")
        # With a cap on the upstream, what the system allows is left for clients (README, limits of the system).
        clients = f", max_connections: {connections}, max_connections_per_address: {connections}" if connections else ""
        upstream = ", connections: 200" if connections else ""
        return house.gateway(origin, clients=clients, upstream=upstream, address=address)
    return getattr(rivals, name)(house, origin, **options)


def worker(name, server):
    """The process that does the work."""
    return rivals.processes(server.pid)[-1] if name == "nginx" else server.pid


def system_calls(house):
    """Calls per request and their names, by proxy."""
    origin = rivals.origin(house)
    calls = {}
    for name in PROXIES:
        server = begin(house, name, origin)
        calls[name] = counting.calls_per_request(house, server, 64, 10_000, worker(name, server))
        server.stop()
    origin.stop()
    return calls


def instructions(house, lengths=(200, 1_200)):
    """Instructions in user space per request by proxy: two runs under callgrind, one connection."""
    origin = rivals.origin(house)
    found = {}
    for name in PROXIES:
        totals = []
        for length in lengths:
            (port,) = free_ports(1)
            file = house.folder / f"counted-{port}"
            arguments = program(house, name, file, origin, port)
            server = house.start("callgrind", [*counting.CALLGRIND, *arguments], environment=counting.STEADY)
            wait_for(name, lambda: takes_connections(port) or not server.is_running, limit=60)
            summary = house.load(port, requests=length, connections=1, timeout=60)
            # HAProxy and nginx end at once on SIGTERM, the gateway on SIGINT when nothing is in work.
            server.signal(signal.SIGINT if name == "floodgate" else signal.SIGTERM)
            server.wait(60)
            if summary["failed"]:
                raise ProofError(f"requests failed under callgrind: {name} {summary}")
            totals.append(counting.instructions(server))
        found[name] = (totals[1] - totals[0]) / (lengths[1] - lengths[0])
    origin.stop()
    return found


def program(house, name, file, origin, port):
    """The proxy's settings in a file, and its command line, as one process without a master."""
    if name == "floodgate":
        file.write_text(gateway_settings(port, origin.port))
        return [house.floodgate, "run", file]
    if name == "haproxy":
        file.write_text(rivals.haproxy_settings(port, origin))
        return ["haproxy", "-db", "-f", file]
    file.write_text("master_process off;\n" + rivals.nginx_settings(house, port, origin))
    return ["nginx", "-p", house.folder, "-c", file]


def descriptors_allowed():
    """The hard limit of open files, raised where that is allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200_000, max(hard, 200_000)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def idle(house, progress):
    """Resident megabytes with idle connections that have each had a request: a list of what was measured."""
    allowed = descriptors_allowed()
    found = []
    for wanted, names in ((10_000, PROXIES), (50_000, ("floodgate",))):
        # Beside the clients: connections to the origin, the log, the loop's own.
        count = min(wanted, allowed - 600)
        for name in names:
            found.append({"name": name, "wanted": wanted, "bar": IDLE_BARS[wanted], **idle_of(house, name, count)})
            progress(f"idle: {count} connections to {name}")
    return found


def idle_of(house, name, count):
    origin = rivals.origin(house)
    # One address has about 28,000 ports for its clients.
    addresses = 1 + count // 20_000
    # nginx gives idle connections up when less than a sixteenth of its connections are free.
    room = count + count // 8 + 300 if name == "nginx" else count + 300
    server = begin(house, name, origin, connections=room, address="0.0.0.0")
    house.load(server.port, requests=5_000)
    before = rivals.resident_kib(server.pid)
    load = house.begin_load(
        server.port, connections=count, requests=count, at_once=64, addresses=addresses, hold=120, timeout=60)
    pid = worker(name, server)
    wait_for(
        f"{count} connections to {name}", lambda: clients_of(pid) >= count or not load.is_running or not server.is_running,
        limit=90, pause=0.2)
    # What the last requests held for a while is given back.
    time.sleep(3)
    after, there = rivals.resident_kib(server.pid), clients_of(pid)
    load.signal(signal.SIGTERM)
    summary = house.finish_load(load)
    if summary["failed"] or there < count:
        raise ProofError(f"only {there} of {count} connections to {name} stayed: {summary} {server.text[-300:]}")
    server.stop()
    origin.stop()
    return {
        "count": count, "megabytes": after * 1024 / 1e6, "before": before * 1024 / 1e6,
        "bytes_each": (after - before) * 1024 / count}


def clients_of(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0
