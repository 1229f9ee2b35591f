"""Floods of HTTP/2: what they cost the gateway, and what another client notices of them."""

import json
import time

import rivals
import tls
from house import ProofError
from slow import Neighbour

KINDS = {
    "reset": "requests taken back at once",
    "continuation": "field blocks without end",
    "settings": "SETTINGS",
    "ping": "PING",
    "empty": "DATA without a byte",
    "hpack": "references to a long field",
}
SECONDS = 6
# Seconds on a core in that time.
CPU_BOUND = 0.5
# The neighbour's p99 over that in calm.
RATIO = 2
ROUNDS = 2
# Milliseconds until a connection that was ended is followed by the next: handshakes are no flood of frames.
PAUSE = 100


def floods(house, report):
    origin = house.origin()
    server = tls.begin(house, origin)
    neighbour = Neighbour(house, server.port, tls=True)
    neighbour.window("calm")
    for kind, title in KINDS.items():
        alone, spent = flood_alone(house, server, kind, PAUSE)
        report.row(
            f"flood of {title}, {SECONDS} s: CPU", f"{spent:.3f} s; {alone}", f"{CPU_BOUND} s",
            holds=spent < CPU_BOUND and server.is_running)
        alone, spent = flood_alone(house, server, kind, 0)
        report.row("the same, connecting again at once: CPU", f"{spent:.3f} s; {alone}")
        neighbour = Neighbour(house, server.port, tls=True)
        neighbour.window("calm")
        for _ in range(ROUNDS):
            flood = begin(house, server, kind, PAUSE, SECONDS)
            neighbour.window("beside")
            finish(flood)
            settle(server)
            neighbour.window("calm")
        report.row(
            f"flood of {title}: the neighbour", neighbour.text, f"100 %, {RATIO}.0",
            holds=not neighbour.failed and neighbour.ratio <= RATIO)
    server.stop()


def begin(house, server, kind, pause, seconds):
    return house.start("flood", [
        "nice", "-n", 19, house.loadgen, "flood", "--port", server.port, "--kind", kind, "--seconds", seconds, "--pause",
        pause])


def finish(flood):
    if flood.wait(SECONDS + 20) != 0:
        raise ProofError(f"the flood ended badly: {flood.text}")
    return json.loads(flood.text)


def settle(server):
    """Waits until the server has done with what it was sent: it uses less than a twentieth of a core."""
    for _ in range(100):
        before = rivals.nanoseconds(server.pid)
        time.sleep(0.2)
        if rivals.nanoseconds(server.pid) - before < 10_000_000:
            return
    raise ProofError("the server does not come to rest after the flood")


def flood_alone(house, server, kind, pause):
    """Words for what was sent, and the server's seconds on a core until it has done with it."""
    before = rivals.nanoseconds(server.pid)
    told = finish(begin(house, server, kind, pause, SECONDS))
    settle(server)
    spent = (rivals.nanoseconds(server.pid) - before) / 1e9
    return f"{told['connections']} connections, {told['refused']} refused, {told['sent_bytes'] / 1e6:.1f} MB sent", spent
