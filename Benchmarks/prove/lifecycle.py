"""Reload, drain, and the ends of what the system gives."""

import os
import resource
import signal
import statistics
import time

from clients import Asker, Tunnel
from house import ProofError, failures, free_ports, gateway_settings, wait_for

BROKEN = ["routes: [", "limits:\n  everyone: { rate: often, by: ip }\n", "listeners: [{ adress: 127.0.0.1:1 }]\n", ""]


def resident(process, seconds):
    """Median of what is resident over a while."""
    samples = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        samples.append(process.resident_kib)
        time.sleep(0.02)
    return statistics.median(samples)


def valid_settings(gateway, origin, turn):
    """Settings that differ from turn to turn: limits, routes, an upstream and a listener come, change and go."""
    (extra,) = free_ports(1) if turn % 4 == 0 else (None,)
    settings = f"security_headers: {{ set: {{ x-turn: '{turn}' }} }}"
    routes = "  - { path: /*, upstream: app, limits: [everyone], upgrade: [websocket] }\n"
    if turn % 2:
        routes += f"  - {{ path: /turn/{turn}, respond: {{ status: 204 }} }}\n"
    text = gateway_settings(gateway.port, origin.port, 2, "off", settings, routes)
    text = text.replace("rate: 100000000", f"rate: {100000000 + turn}")
    if turn % 3 == 0:
        text = text.replace("upstreams:\n", f"upstreams:\n  other: {{ servers: [127.0.0.1:{origin.port}] }}\n")
    if extra:
        text = text.replace("listeners: [", f"listeners: [{{ address: 127.0.0.1:{extra} }}, ")
    return text


def reloads(house, report, count=100):
    """SIGHUPs, every other with a broken file, under load with long downloads and open tunnels."""
    origin = house.origin()
    gateway = house.gateway(origin, workers=2)
    tunnels = [Tunnel(gateway.port) for _ in range(8)]
    load = house.begin_load(gateway.port, connections=64, seconds=300)
    downloads = house.begin_load(
        gateway.port, connections=8, path="/bytes/40000000", expect_bytes=40_000_000, read_rate=8_000_000, seconds=300)
    try:
        time.sleep(5)
        before = resident(gateway, 1.5)
        slowest = 0.0
        for turn in range(count):
            is_broken = turn % 2 == 1
            gateway.file.write_text(
                BROKEN[turn // 2 % len(BROKEN)] if is_broken else valid_settings(gateway, origin, turn // 2))
            words = "settings refused" if is_broken else "settings reloaded"
            heard = gateway.text.count(words)
            begun = time.monotonic()
            gateway.signal(signal.SIGHUP)
            wait_for(f"'{words}' in turn {turn}", lambda: gateway.text.count(words) > heard)
            slowest = max(slowest, time.monotonic() - begun)
            time.sleep(0.05)
        gateway.file.write_text(gateway.settings.replace("workers: 1", "workers: 2"))
        gateway.signal(signal.SIGHUP)
        time.sleep(4)
        after = resident(gateway, 1.5)
    finally:
        load.signal(signal.SIGTERM)
        downloads.signal(signal.SIGTERM)
    summary, streamed = house.finish_load(load), house.finish_load(downloads)
    for tunnel in tunnels:
        tunnel.close()
    dropped = [tunnel.fault for tunnel in tunnels if tunnel.fault]
    failed = failures(summary, streamed)
    requests = summary["requests"] + streamed["requests"]
    change = (after - before) / before * 100
    report.row(
        f"{count} SIGHUPs under load: failed requests",
        f"{failed or 0} of {requests} ({streamed['requests']} long downloads); slowest reload {slowest * 1000:.0f} ms",
        0, holds=not failed)
    echoes = sum(tunnel.echoes for tunnel in tunnels)
    report.row(
        f"{count} SIGHUPs under load: dropped tunnels", f"{dropped or 0} of {len(tunnels)} ({echoes} echoes)", 0,
        holds=not dropped)
    report.row(
        f"{count} SIGHUPs under load: resident memory",
        f"{change:+.1f} % ({before / 1024:.1f} to {after / 1024:.1f} MiB)", "5 %", holds=change <= 5)


DEADLINE = 15


def drain(house, report, rounds=3):
    """SIGTERM under load, with keep-alive connections, with a connection for each request, and with long downloads."""
    failed, refused, took, codes, requests = {}, 0, [], [], 0
    for turn in range(rounds):
        origin = house.origin()
        gateway = house.gateway(origin, f"drain: {{ announce: 1s, deadline: {DEADLINE}s }}", workers=2)
        loads = [
            house.begin_load(gateway.port, connections=64, seconds=300),
            house.begin_load(gateway.port, connections=8, seconds=300, new_connection_each=True),
            house.begin_load(
                gateway.port, connections=8, path="/bytes/30000000", expect_bytes=30_000_000, read_rate=10_000_000,
                seconds=300),
        ]
        try:
            time.sleep(2)
            begun = time.monotonic()
            gateway.signal(signal.SIGTERM)
            codes.append(gateway.wait(DEADLINE + 10))
            took.append(time.monotonic() - begun)
        finally:
            for load in loads:
                load.signal(signal.SIGTERM)
        summaries = [house.finish_load(load) for load in loads]
        for kind, count in failures(*summaries).items():
            failed[kind] = failed.get(kind, 0) + count
        refused += sum(summary["failures"]["refused"] for summary in summaries)
        requests += sum(summary["requests"] for summary in summaries)
        origin.stop()
    report.row(
        f"SIGTERM under load, {rounds} times: failed requests",
        f"{failed or 0} of {requests}; {refused} connects refused once the doors were closed", 0, holds=not failed)
    report.row(
        f"SIGTERM under load: time to exit, deadline {DEADLINE} s", ", ".join(f"{value:.2f} s" for value in took), DEADLINE,
        holds=max(took) <= DEADLINE)
    report.row("SIGTERM under load: exit code", str(codes), 0, holds=all(code == 0 for code in codes))


def descriptors(house, report, limit=128, clients=200):
    """More connections than there are descriptors, with a limit on connections that is too high for them."""
    origin = house.origin()
    for what, settings in (("connections: auto", ""), ("connections: 10000", ", max_connections: 10000")):
        gateway = house.gateway(origin, clients=settings, descriptors=limit)
        crowd = [Asker(gateway.port) for _ in range(clients)]
        try:
            for asker in crowd:
                asker.send()
            answers = answers_of(crowd, 1.5)
            served = [asker for asker, answer in zip(crowd, answers) if answer == 200]
            again = [asker.ask() for asker in served]
            odd = sorted({answer for answer in answers + again if answer not in (200, None)})
            for asker in served:
                asker.close()
            waiting = [asker for asker in crowd if asker not in served]
            late = answers_of(waiting, 3)
            for asker in crowd:
                asker.close()
            recovered = 0
            for _ in range(20):
                fresh = Asker(gateway.port, limit=2)
                recovered += fresh.ask() == 200
                fresh.close()
        finally:
            for asker in crowd:
                asker.close()
        says = any(word in gateway.text for word in ("accept failed, pausing", "connections at their limit"))
        served_late = sum(answer == 200 for answer in late)
        holds = (
            bool(served) and all(answer == 200 for answer in again) and says and recovered == 20 and gateway.is_running
            and not odd)
        report.row(
            f"{limit} descriptors, {clients} clients, {what}",
            f"{len(served)} served at once and {sum(a == 200 for a in again)} of them again, {served_late} of the "
            f"{len(waiting)} that waited served after them, other answers {odd}, "
            f"{'said so' if says else 'silent'}, then {recovered} of 20 new", "no refusal", holds=holds)
        gateway.stop()


def answers_of(crowd, limit):
    """What comes for each within the time, None where nothing does."""
    end = time.monotonic() + limit
    answers = []
    for asker in crowd:
        asker.socket.settimeout(max(0.01, end - time.monotonic()))
        answers.append(asker.answer())
        asker.socket.settimeout(10)
    return answers


def idle_connections(house, report, wanted=10_000, bound=40):
    """What idle connections hold that have each had a request: 64 at a time, and for information all of them at once."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # All at once need a connection to the server each.
    for what, at_once, count in (("64 at a time", 64, min(wanted, hard - 1000)), ("all at once", 0, min(wanted, hard // 2 - 500))):
        gateway = house.gateway(house.origin(), clients=f", max_connections: {count + 300}, max_connections_per_address: {count + 300}")
        house.load(gateway.port, requests=5_000)
        before = gateway.resident_kib
        load = house.begin_load(
            gateway.port, connections=count, requests=count, at_once=at_once, hold=60, timeout=60)
        wait_for("the connections", lambda: descriptors_of(gateway) >= count, limit=60, pause=0.1)
        # What the last requests held is given back.
        time.sleep(4)
        after, there = gateway.resident_kib, descriptors_of(gateway)
        load.signal(signal.SIGTERM)
        summary = house.finish_load(load)
        if summary["failed"] or there < count:
            raise ProofError(f"{there} of {count} connections stayed: {summary}")
        each = (after - before) * 1024 / count
        text = f"{after * 1024 / 1e6:.1f} MB (from {before * 1024 / 1e6:.1f}; {each:.0f} bytes each)"
        claim = f"{count} idle connections that asked {what}: resident memory"
        if at_once:
            report.row(claim, text, f"{bound} MB", holds=after * 1024 / 1e6 <= bound)
        else:
            report.row(claim, text)
        gateway.stop()


def descriptors_of(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))
