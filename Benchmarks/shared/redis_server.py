"""A real redis-server of a proof or a measurement, and what it is asked beside the gateway."""

import signal
import socket

from house import ProofError, free_ports, wait_for


class RedisServer:
    """One server on a port of its own. What it holds outlives its end only where it persists."""

    def __init__(self, house, persists=False):
        (self.port,) = free_ports(1)
        self.house, self.persists = house, persists
        self.folder = house.folder / f"redis-{self.port}"
        self.folder.mkdir()
        self.start()

    @property
    def address(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        words = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder, "--save", ""]
        if self.persists:
            words += ["--appendonly", "yes", "--appendfsync", "always"]
        self.process = self.house.start("redis", words)
        wait_for("Redis", lambda: self.answers() or not self.process.is_running)
        if not self.process.is_running:
            raise ProofError(f"Redis does not start: {self.process.text}")

    def answers(self):
        try:
            return self.ask("PING") == "PONG"
        except (OSError, ProofError):
            return False

    def hang(self):
        """It goes on taking connections and bytes, and does nothing with them."""
        self.process.signal(signal.SIGSTOP)

    def go_on(self):
        self.process.signal(signal.SIGCONT)

    def kill(self):
        self.process.signal(signal.SIGKILL)
        self.process.wait()

    def forget(self):
        """What is on the disk goes: the next start finds nothing."""
        for file in sorted(self.folder.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()

    def ask(self, *words):
        """What it says to a command: a text; the items of an array by lines."""
        text = f"*{len(words)}\r\n" + "".join(f"${len(str(word))}\r\n{word}\r\n" for word in words)
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(text.encode())
            with connection.makefile("rb") as stream:
                return reply(stream)

    def watch(self):
        """What gateways ask about limits from now on, as MONITOR tells it; `end` gives the commands by name."""
        return Watch(self)


class Watch:
    """Without what scripts do themselves, and without what gateways say beside limits."""

    def __init__(self, server):
        self.server = server
        self.connection = socket.create_connection(("127.0.0.1", server.port), 20)
        self.stream = self.connection.makefile("rb")
        self.connection.sendall(b"MONITOR\r\n")
        reply(self.stream)

    def end(self):
        mark, counts = f"the end of {id(self)}", {}
        self.server.ask("ECHO", mark)
        for line in self.stream:
            if mark.encode() in line:
                break
            if b" lua] " not in line and b"limit:{" in line:
                word = line.split(b'"')[1].decode().upper()
                counts[word] = counts.get(word, 0) + 1
        self.connection.close()
        return counts


def reply(stream):
    line = stream.readline().decode().rstrip("\r\n")
    kind, rest = line[:1], line[1:]
    if kind in ("+", ":"):
        return rest
    if kind == "$":
        return "" if rest == "-1" else stream.read(int(rest) + 2)[:-2].decode(errors="replace")
    if kind == "*":
        return "\n".join(reply(stream) for _ in range(int(rest)))
    raise ProofError(f"Redis says {line!r}")
