"""What a request costs: system calls and allocations."""

import shutil

import counting


def system_calls(house, report):
    """System calls per request in the steady state, counted by strace over a bounded number of requests."""
    if not shutil.which("strace"):
        return report.skip("system calls per request", "strace is not installed")
    for connections, workers, bound in ((64, 1, 4.2), (64, 2, None), (1, 1, None)):
        requests = 20_000 if connections > 1 else 3_000
        origin = house.origin()
        gateway = house.gateway(origin, workers=workers)
        counts = counting.calls_per_request(house, gateway, connections, requests)
        calls = sum(counts.values())
        most = ", ".join(f"{name} {count:.3f}" for name, count in list(counts.items())[:4])
        report.row(
            f"system calls per request, {connections} connections, {workers} worker{'s' * (workers > 1)}",
            f"{calls:.3f} ({most})", bound, calls)
        gateway.stop()
        origin.stop()


def allocations(house, report):
    """Heap allocations per request: two runs of different lengths under a counting allocator."""
    for what, access_log, path in (
            ("plain path", "off", "/"), ("with the access log", house.folder / "access.log", "/"),
            ("answers of 100 KiB", "off", "/bytes/102400")):
        each, made = counting.allocations_per_request(house, path=path, access_log=access_log)
        report.row(f"heap allocations per request, {what}", f"{each:.4f} ({made[0]}, then {made[1]})", 0.01, abs(each))
