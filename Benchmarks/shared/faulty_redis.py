"""A Redis that does wrong: everything goes through to a real one until it is told otherwise."""

import socket
import threading
import time

FAULTS = {
    # Behind each request of the gateway a while passes, longer than anybody waits for a limit.
    "answers after 200 ms": ("slow", 0.2),
    "-ERR": ("error", b"-ERR unknown command 'EVALSHA'\r\n"),
    "-READONLY": ("error", b"-READONLY You can't write against a read only replica.\r\n"),
    "-OOM": ("error", b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"),
    "-NOAUTH": ("error", b"-NOAUTH Authentication required.\r\n"),
    "garbage": ("error", b"%\x00\xff no reply at all \r\n\r\n*-7\r\n"),
    "closes mid-reply": ("cut", None),
}


class FaultyRedis:
    """Stands before a Redis on a port of its own."""

    def __init__(self, server):
        self.server = server
        self.fault = None
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def address(self):
        return f"redis://127.0.0.1:{self.port}"

    def stop(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.server.port))
            except OSError:
                return
            for one, other, way in ((client, server, self.ask), (server, client, self.answer)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.carry, args=(one, other, way), daemon=True).start()

    def carry(self, one, other, way):
        try:
            while data := one.recv(65536):
                way(data, one, other)
        except OSError:
            pass
        for each in (one, other):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def ask(self, data, client, server):
        kind, value = self.fault or (None, None)
        if kind == "slow":
            time.sleep(value)
        if kind == "error":
            # The gateway's commands are arrays that begin a line; none of its words does.
            client.sendall(value * max(1, data.count(b"\r\n*") + data.startswith(b"*")))
        else:
            server.sendall(data)

    def answer(self, data, server, client):
        if self.fault and self.fault[0] == "cut":
            client.sendall(data[:len(data) // 2])
            raise ConnectionError("cut")
        client.sendall(data)
