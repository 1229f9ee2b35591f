"""Processes of a proof or a measurement: the gateway, origins and loads, on free ports of the loopback, in a folder that goes with them."""

import itertools
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path


class ProofError(Exception):
    """A proof or a measurement could not be carried out."""


# Below the ports that the kernel gives to clients, from a place of this process' own on; none is given twice.
PORT_RANGE = range(10_000, 32_768)
next_port = itertools.count(os.getpid() * 997)


def free_ports(count):
    """Ports that were free a moment ago, all different."""
    ports = []
    for step in itertools.islice(next_port, len(PORT_RANGE)):
        if len(ports) == count:
            break
        port = PORT_RANGE[step % len(PORT_RANGE)]
        try:
            socket.create_server(("127.0.0.1", port)).close()
            ports.append(port)
        except OSError:
            continue
    if len(ports) < count:
        raise ProofError("no free ports left")
    return ports


def wait_for(what, condition, limit=10.0, pause=0.005):
    """Waits until the condition gives something true, and returns that."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise ProofError(f"timed out waiting for {what}")
        time.sleep(pause)


def takes_connections(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Process:
    """A program in the background, whose output goes to a file."""

    def __init__(self, arguments, log, environment=None, descriptors=None, cores=None):
        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
            if cores:
                os.sched_setaffinity(0, cores)

        self.log = Path(log)
        with open(self.log, "wb") as output:
            self.child = subprocess.Popen(
                [str(part) for part in arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **(environment or {})}, preexec_fn=limit if descriptors or cores else None)

    @property
    def pid(self):
        return self.child.pid

    @property
    def text(self):
        return self.log.read_text(errors="replace")

    @property
    def is_running(self):
        return self.child.poll() is None

    def signal(self, number):
        if self.is_running:
            self.child.send_signal(number)

    def wait(self, limit=30):
        try:
            return self.child.wait(limit)
        except subprocess.TimeoutExpired as error:
            raise ProofError(f"{self.child.args[0]} does not end") from error

    def stop(self, limit=5):
        """Ends it, whatever it takes."""
        self.signal(signal.SIGTERM)
        try:
            self.child.wait(limit)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    @property
    def resident_kib(self):
        """What is resident, counted page by page: the number in /proc/PID/status is an estimate."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1])
        raise ProofError(f"process {self.pid} is gone")

    @property
    def cpu_nanoseconds(self):
        """Time on a core of all its threads."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


class House:
    """Everything that a proof starts. Nothing of it is left when the block ends."""

    # The cores that what is started from now on may run on; all of them where there are none here.
    cores = None
    # What stands in the gateway's place, where proofs of TLS are to be seen with nginx or HAProxy.
    rival = None

    def __init__(self, binaries):
        self.floodgate = Path(binaries) / "floodgate"
        self.loadgen = Path(binaries) / "loadgen"
        for binary in (self.floodgate, self.loadgen):
            if not binary.exists():
                raise ProofError(f"{binary} is not there: build it first")

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="floodgate-prove-"))
        self.processes = []
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, arguments, **options):
        log = self.folder / f"{len(self.processes)}-{name}.log"
        process = Process(arguments, log, cores=self.cores, **options)
        self.processes.append(process)
        return process

    def origin(self, *options):
        (port,) = free_ports(1)
        process = self.start("origin", [self.loadgen, "origin", "--port", port, *options])
        wait_for("the origin", lambda: takes_connections(port))
        process.port = port
        return process

    def gateway(
            self, origin, settings="", routes=None, workers=1, access_log="off", clients="", upstream="",
            address="127.0.0.1", admin="off", idle_timeout="5m", certificate=None, protocols="", limits="", **options):
        """A gateway that proxies everything to the origin. `settings` are further lines of its file, `limits` further limits."""
        (port,) = free_ports(1)
        file = self.folder / f"gateway-{port}.yaml"
        text = gateway_settings(
            port, origin.port, workers, access_log, settings, routes, clients, upstream, address, admin, idle_timeout,
            certificate, protocols, limits)
        file.write_text(text)
        process = self.start("gateway", [self.floodgate, "run", file], **options)
        wait_for("the gateway", lambda: takes_connections(port) or not process.is_running)
        if not process.is_running:
            raise ProofError(f"the gateway does not start: {process.text}")
        process.port, process.file, process.settings = port, file, text
        return process

    def refusal(self, **settings):
        """Why the gateway would not start with settings of this kind; nothing where it would."""
        port, origin = free_ports(2)
        file = self.folder / f"check-{port}.yaml"
        file.write_text(gateway_settings(port, origin, **settings))
        said = subprocess.run([self.floodgate, "check", file], capture_output=True, text=True)
        words = (said.stdout + said.stderr).strip().replace(str(file), "settings")
        return words.splitlines()[0] if said.returncode else None

    def begin_load(self, port, command="load", **options):
        """A load in the background; `finish_load` gives its summary."""
        words = [self.loadgen, command, "--port", port]
        for name, value in options.items():
            name = "--" + name.replace("_", "-")
            if value is True:
                words += [name]
            elif isinstance(value, list):
                words += [word for each in value for word in (name, each)]
            else:
                words += [name, value]
        return self.start("load", words)

    def finish_load(self, load, limit=120):
        if load.wait(limit) != 0:
            raise ProofError(f"the load ended badly: {load.text}")
        return json.loads(load.text)

    def load(self, port, **options):
        return self.finish_load(self.begin_load(port, **options))


def gateway_settings(
        port, origin, workers=1, access_log="off", settings="", routes=None, clients="", upstream="", address="127.0.0.1",
        admin="off", idle_timeout="5m", certificate=None, protocols="", limits=""):
    tls = ""
    if protocols:
        tls += f", protocols: [{protocols}]"
    if certificate:
        tls += (
            f", tls: {{ certificates: [{{ certificate: {certificate.certificate}, key: {certificate.key} }}] }}")
        # All clients come from one address here, and the others have no such limit.
        clients += ", handshakes_per_second: off"
    return f"""\
workers: {workers}
listeners: [{{ address: {address}:{port}{tls} }}]
admin: {{ address: {admin} }}
access_log: {{ path: {access_log} }}
clients: {{ idle_timeout: {idle_timeout}, max_requests_per_connection: 1000000000{clients} }}
limits:
  everyone: {{ rate: 100000000 per 1m, by: ip }}
{limits}
upstreams:
  app: {{ servers: [127.0.0.1:{origin}], idle_connections: 2000, idle_timeout: 5m{upstream} }}
{settings}
routes:
{routes or "  - { path: /*, upstream: app, limits: [everyone], upgrade: [websocket] }"}
"""


def failures(*summaries):
    """Failed requests of the loads by kind; connects that were refused are none."""
    kinds = {}
    for summary in summaries:
        for kind, count in summary["failures"].items():
            if count and kind != "refused":
                kinds[kind] = kinds.get(kind, 0) + count
    return kinds
