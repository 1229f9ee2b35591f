#!/usr/bin/env python3
"""The gateway beside nginx and HAProxy, with the same work, in the same minutes, on the same cores.

Usage: bench.py [--rounds N] [--seconds S] [--output FOLDER] [NAME ...]. Without names everything is measured; names are those
of scenarios. Ends with 1 where a claim is not held."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks/shared"))

import tables
import windows
from house import House, ProofError
from scenarios import SCENARIOS


def progress(text):
    print(text, file=sys.stderr, flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binaries", default=ROOT / ".build/release")
    arguments.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS") or 5))
    arguments.add_argument("--seconds", type=float, default=float(os.environ.get("WINDOW") or 1.5))
    arguments.add_argument("--output", type=Path, default=Path(os.environ.get("OUTPUT") or ROOT / ".build/bench"))
    arguments.add_argument("names", nargs="*", choices=[[], *(each.name for each in SCENARIOS)], metavar="NAME")
    options = arguments.parse_args()
    chosen = [each for each in SCENARIOS if not options.names or each.name in options.names]
    with House(options.binaries) as house:
        stand = windows.Stand(house)
        windows.check_features(stand, chosen[0], progress)
        results = windows.measure(stand, chosen, options.rounds, options.seconds, progress)
    print(tables.text(results, chosen))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "bench.json").write_text(json.dumps({"windows": results}, indent=1))
    (options.output / "bench.md").write_text(tables.markdown(results, chosen) + "\n")
    missed = [each for scenario in chosen for each in tables.comparisons(results, scenario)
              if each["bar"] and each["ratio"] > each["bar"]]
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ProofError as error:
        sys.exit(f"bench: {error}")
