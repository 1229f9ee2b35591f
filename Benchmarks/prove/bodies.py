"""Memory while long bodies pass slowly."""

import time

from house import failures

SIZE = 2 << 30
BOUND_MIB = 8


def upload(house, report):
    """2 GiB to an origin that reads slowly, with pauses."""
    origin = house.origin("--upload-rate", 400_000_000, "--upload-pause", 300)
    options = {"method": "POST", "body_bytes": SIZE, "connections": 1, "requests": 1}
    measure(house, report, "upload to a slow origin", origin, options)


def download(house, report):
    """2 GiB to a client that reads slowly."""
    options = {"path": f"/bytes/{SIZE}", "expect_bytes": SIZE, "connections": 1, "requests": 1, "read_rate": 280_000_000}
    measure(house, report, "download to a slow client", house.origin(), options)


def measure(house, report, what, origin, options):
    gateway = house.gateway(origin)
    house.load(gateway.port, requests=5_000)
    start = most = gateway.resident_kib
    begun = time.monotonic()
    load = house.begin_load(gateway.port, **options)
    while load.is_running and time.monotonic() - begun < 120:
        most = max(most, gateway.resident_kib)
        time.sleep(0.01)
    summary = house.finish_load(load, limit=1)
    seconds = time.monotonic() - begun
    growth = (most - start) / 1024
    failed = failures(summary)
    report.row(
        f"resident growth, 2 GiB {what}",
        f"{growth:.2f} MiB ({start / 1024:.1f} to {most / 1024:.1f}), {SIZE / 1e6 / seconds:.0f} MB/s, failed: {failed or 0}",
        f"{BOUND_MIB} MB", holds=growth * 1.048576 < BOUND_MIB and not failed and summary["requests"] == 1)
