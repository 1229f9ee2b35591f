"""Origins of a soak: they check every byte of a request, and answer as its exchange has it, faults included."""

import asyncio
import socket
import struct

RESET = struct.pack("ii", 1, 0)


class OriginConnection(asyncio.Protocol):
    """One connection from the gateway."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.received = bytearray()
        # The exchange whose request is being read, and the one that waits for its answer.
        self.reading = None
        self.exchange = None
        self.body_reader = None
        self.is_busy = False
        self.is_tunnel = False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if self.is_tunnel:
            self.transport.write(data)
            return
        self.received += data
        self.advance()

    def advance(self):
        while not self.is_busy and not self.transport.is_closing():
            if self.body_reader is None and not self.read_head():
                return
            if self.body_reader is not None and not self.read_body():
                return
            if self.exchange is not None:
                self.answer()

    def read_head(self):
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        lines = bytes(self.received[:end]).split(b"\r\n")
        del self.received[: end + 4]
        fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(b": ")
            fields.setdefault(name.lower(), []).append(value)
        method, path, version = lines[0].split(b" ")
        token = path.rpartition(b"/")[2].decode()
        exchange = self.ledger.seen(token)
        if exchange is None:
            self.transport.abort()
            return False
        is_intact = (
            version == b"HTTP/1.1" and method.decode() == exchange.method and path.decode() == exchange.path
            and fields.get(b"x-token") == [token.encode()]
            and len(fields.get(b"content-length", []) + fields.get(b"transfer-encoding", [])) <= 1)
        if not is_intact:
            self.ledger.violate(f"the request {token} came as {lines!r}")
        self.exchange = self.reading = exchange
        if b"transfer-encoding" in fields:
            self.body_reader = ("chunked", bytearray())
        elif fields.get(b"content-length", [b"0"]) != [b"0"]:
            self.body_reader = ("length", int(fields[b"content-length"][0]))
        else:
            self.body_reader = None
            if exchange.upload:
                self.ledger.violate(f"the body of {token} was lost: {lines!r}")
        if exchange.origin_fault == "early" and self.body_reader:
            # The body is read all the same, if it comes: the gateway may have sent it already.
            self.answer()
        return True

    def read_body(self):
        kind, state = self.body_reader
        if kind == "length":
            if len(self.received) < state:
                return False
            body = bytes(self.received[:state])
            del self.received[:state]
        else:
            body = self.read_chunks(state)
            if body is None:
                return False
        self.body_reader = None
        if body != self.reading.request_body:
            self.ledger.violate(f"the body of {self.reading.token} is not what was sent: {body[:100]!r} ...")
        return True

    def read_chunks(self, body):
        while True:
            end = self.received.find(b"\r\n")
            if end < 0:
                return None
            length = int(self.received[:end], 16)
            if len(self.received) < end + 2 + length + 2:
                return None
            body += self.received[end + 2 : end + 2 + length]
            if self.received[end + 2 + length : end + 4 + length] != b"\r\n":
                self.ledger.violate(f"the chunks of {self.reading.token} are none")
            del self.received[: end + 4 + length]
            if length == 0:
                return bytes(body)

    # The answer

    def answer(self):
        exchange, self.exchange = self.exchange, None
        if exchange.client_fault == "tunnel":
            return self.begin_tunnel(exchange)
        fault = exchange.origin_fault
        wire = answer_bytes(exchange)
        if fault == "slam" or (fault == "slam once" and exchange.sightings == 1):
            self.end(resets=exchange.place < 0.5)
        elif fault in ("cut by FIN", "cut by reset"):
            self.transport.write(wire[: int(exchange.place * (len(wire) - 1))])
            self.end(resets=fault == "cut by reset")
        elif fault == "garbage":
            self.transport.write(b"\x16\x03\x01" + exchange.payload("garbage", 100))
        elif fault == "bad head":
            bad = (b"X-Token : ", b"X\x00: a\r\nX-Token: ", b"X: a\nX-Token: ")[exchange.number % 3]
            self.transport.write(wire.replace(b"X-Token: ", bad, 1))
        elif fault == "bad length":
            self.transport.write(wire.replace(b"X-Token: ", b"Content-Length: 1\r\nContent-Length: 2\r\nX-Token: ", 1))
        elif fault == "huge head":
            self.transport.write(wire.replace(b"X-Token: ", b"X-Huge: " + b"h" * 70_000 + b"\r\nX-Token: ", 1))
        elif fault == "flood of interims":
            self.transport.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 40 + wire)
        elif fault == "surplus":
            self.transport.write(wire + poison(exchange))
        elif fault == "silent":
            self.is_busy = True
        elif fault == "stall":
            self.transport.write(wire[: int(exchange.place * (len(wire) - 1))])
            self.is_busy = True
        elif fault == "drip":
            self.is_busy = True
            self.drip(wire, exchange)
        else:
            self.transport.write(wire)
            self.end_behind(exchange)

    def end_behind(self, exchange):
        loop = asyncio.get_running_loop()
        pause = exchange.place * 0.003
        if exchange.framing == "close" and exchange.answer_has_body:
            self.end()
        elif exchange.origin_fault == "close behind":
            loop.call_later(pause, self.end_at_rest, exchange)
        elif exchange.origin_fault == "reset behind":
            loop.call_later(pause, self.end_at_rest, exchange, True)
        elif exchange.origin_fault == "half close behind":
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self.is_busy = True

    def drip(self, wire, exchange):
        if self.transport.is_closing():
            return
        step = max(1, len(wire) // 20)
        self.transport.write(wire[:step])
        if len(wire) > step:
            asyncio.get_running_loop().call_later(0.002, self.drip, wire[step:], exchange)
            return
        self.is_busy = False
        self.end_behind(exchange)
        self.advance()

    def begin_tunnel(self, exchange):
        self.is_tunnel = True
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Token: "
            + exchange.token.encode() + b"\r\n\r\n")

    def end_at_rest(self, exchange, resets=False):
        """Ends under the next request, at worst, and never under the next answer: that would be its fault."""
        if self.reading is exchange:
            self.end(resets)

    def end(self, resets=False):
        if self.transport.is_closing():
            return
        if resets:
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.transport.abort()
        else:
            self.transport.close()


def answer_bytes(exchange):
    """The answer as its framing has it."""
    token = exchange.token.encode()
    head = b"HTTP/1.1 103 Early Hints\r\nX-Hint: " + token + b"\r\n\r\n"
    head = head * exchange.interims + b"HTTP/1.1 %d %b\r\nX-Token: %b\r\n" % (exchange.status, token, token)
    body = exchange.answer_body
    if not exchange.answer_has_body:
        return head + (b"" if exchange.status == 204 else b"Content-Length: %d\r\n" % exchange.length) + b"\r\n"
    if exchange.framing == "length":
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    if exchange.framing == "close":
        return head + b"Connection: close\r\n\r\n" + body
    head += b"Transfer-Encoding: chunked\r\n\r\n"
    step = 1 + int(exchange.place * 30_000)
    chunks = [body[start : start + step] for start in range(0, len(body), step)]
    wire = [head] + [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks]
    if exchange.origin_fault == "bad chunk":
        wire.append((b"zz\r\n", b"\n", b"-1\r\n\r\n", b"fffffffffffffffff\r\n")[exchange.number % 4])
    wire.append(b"0\r\n" + (b"X-Tail: " + token + b"\r\n" if exchange.has_trailer else b"") + b"\r\n")
    return b"".join(wire)


def poison(exchange):
    """An answer that nobody may ever see."""
    return b"HTTP/1.1 200 poison\r\nX-Token: poison\r\nContent-Length: 6\r\n\r\npoison"
