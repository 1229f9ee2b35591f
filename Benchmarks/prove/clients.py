"""Clients that stay: tunnels that echo, and connections that hold still."""

import socket
import threading
import time

UPGRADE = (
    "GET /socket HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


class Tunnel:
    """A WebSocket connection that sends a message every few milliseconds and waits for its echo."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.echoes = 0
        self.fault = None
        self.socket.sendall(UPGRADE.encode())
        head = b""
        while b"\r\n\r\n" not in head:
            part = self.socket.recv(4096)
            if not part:
                break
            head += part
        if not head.startswith(b"HTTP/1.1 101 "):
            raise OSError(f"no tunnel: {head[:200]!r}")
        self.is_open = True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while self.is_open:
                # A masked text frame; the origin gives every byte back.
                text = f"{self.echoes:08d}".encode()
                message = bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text
                self.socket.sendall(message)
                got = b""
                while len(got) < len(message):
                    part = self.socket.recv(len(message) - len(got))
                    if not part:
                        raise OSError("closed by the gateway")
                    got += part
                if got != message:
                    raise OSError(f"another message came back: {got!r}")
                self.echoes += 1
                time.sleep(0.02)
        except OSError as error:
            self.fault = str(error)

    def close(self):
        self.is_open = False
        self.thread.join(10)
        self.socket.close()


class Asker:
    """One keep-alive connection that asks when it is told to."""

    def __init__(self, port, limit=10.0):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.settimeout(limit)

    def send(self, path="/"):
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())

    def answer(self):
        """The answer's status; None where none comes in time or the connection ends."""
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                part = self.socket.recv(65536)
                if not part:
                    return None
                head += part
            text, _, body = head.partition(b"\r\n\r\n")
            length = int(text.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            while len(body) < length:
                part = self.socket.recv(65536)
                if not part:
                    return None
                body += part
            return int(text[9:12])
        except OSError:
            return None

    def ask(self, path="/"):
        self.send(path)
        return self.answer()

    def close(self):
        self.socket.close()
