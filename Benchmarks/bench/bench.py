#!/usr/bin/env python3
"""The gateway beside nginx and HAProxy, with the same work, in the same minutes, on the same cores.

Usage: bench.py [--rounds N] [--seconds S] [--output FOLDER] [NAME ...]. Without names everything is measured. Writes
bench.json and bench.md, a table for the README, into the folder. Ends with 1 where a claim is not held."""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks/shared"))

import extras
import tables
import windows
from house import House, ProofError
from scenarios import SCENARIOS

EXTRAS = {
    "calls": lambda house: extras.system_calls(house),
    "instructions": lambda house: extras.instructions(house),
    "idle": lambda house: extras.idle(house, progress),
}


def progress(text):
    print(text, file=sys.stderr, flush=True)


def version(*command):
    """The first line of what a program says of itself."""
    said = subprocess.run(command, capture_output=True, text=True)
    return (said.stdout + said.stderr).strip().splitlines()[0]


def conditions(options):
    model = next(
        (line.split(": ")[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")),
        platform.machine())
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()), "processor": model, "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(), "nginx": version("nginx", "-v").split("/")[-1],
        "haproxy": version("haproxy", "-v").split()[2].split("-")[0], "rounds": options.rounds, "seconds": options.seconds}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binaries", default=ROOT / ".build/release")
    arguments.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS") or 9))
    arguments.add_argument("--seconds", type=float, default=float(os.environ.get("WINDOW") or 1))
    arguments.add_argument("--output", type=Path, default=Path(os.environ.get("OUTPUT") or ROOT / ".build/bench"))
    known = [each.name for each in SCENARIOS] + list(EXTRAS)
    arguments.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    options = arguments.parse_args()
    if unknown := set(options.names) - set(known):
        arguments.error(f"no measurement is named {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    begun = time.monotonic()
    chosen = [each for each in SCENARIOS if not options.names or each.name in options.names]
    report = tables.Report(conditions(options), chosen)
    with House(options.binaries) as house:
        stand = windows.Stand(house)
        kinds = {(each.is_tls, each.streams > 0): each for each in reversed(chosen)}
        for scenario in kinds.values():
            windows.check_features(stand, scenario, progress)
        for scenario in chosen:
            if refusal := stand.refusal(scenario):
                report.problems.append(f"{scenario.name}: without Floodgate, which refuses the settings: {refusal}")
        report.windows = windows.measure(stand, chosen, options.rounds, options.seconds, progress)
        stand.stop()
        house.cores = None
        for name, measure in EXTRAS.items():
            if not options.names or name in options.names:
                progress(f"{name}, {time.monotonic() - begun:.0f} s")
                try:
                    report.extras[name] = measure(house)
                except (ProofError, OSError) as error:
                    report.extras[name] = None
                    report.problems.append(f"{name}: not carried out: {error}")
    print(report.text())
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "bench.json").write_text(json.dumps(report.data(), indent=1) + "\n")
    (options.output / "bench.md").write_text(report.markdown())
    missed = [verdict for verdict in report.verdicts() if not verdict["held"]]
    print(f"\n{time.monotonic() - begun:.0f} s; {options.output}/bench.json, bench.md; {len(missed)} of "
          f"{len(report.verdicts())} claims missed" + (f", {len(report.problems)} not carried out" if report.problems else ""))
    return 1 if missed or report.problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ProofError as error:
        sys.exit(f"bench: {error}")
