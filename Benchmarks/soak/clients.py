"""Clients of a soak: they ask, misbehave as their exchange has it, and hold every answer to what the origin gave."""

import asyncio
import random
import socket

from origins import RESET
from plan import BREAKING, HARMLESS

# The gateway's own answers that an exchange may get for another's fault or its own.
REFUSALS = {400, 408, 502, 503, 504}


class Broken(Exception):
    """The connection ended inside an answer, or before it."""

    def __init__(self, how, begun):
        super().__init__(how)
        self.has_begun = begun


class Answer:
    __slots__ = ("status", "reason", "fields", "body", "tail", "hints")

    def values(self, name):
        return [value for key, value in self.fields if key == name]


class Client:
    """One connection after another, a few exchanges on each."""

    def __init__(self, ledger, port, number):
        self.ledger = ledger
        self.port = port
        self.dice = random.Random(f"{ledger.seed}/{number}")
        self.writer = None

    async def run(self, is_over):
        while not is_over():
            exchanges = [self.ledger.begin()]
            # Pipelined: asked together, answered in their order.
            is_plain = exchanges[0].client_fault is None and not exchanges[0].is_old
            while is_plain and len(exchanges) < 4 and self.dice.random() < 0.15:
                exchanges.append(self.ledger.begin())
                is_plain = exchanges[-1].client_fault is None and not exchanges[-1].is_old
            waiting = list(exchanges)
            try:
                await asyncio.wait_for(self.serve(exchanges, waiting), 90)
            except (asyncio.TimeoutError, asyncio.LimitOverrunError, ValueError) as error:
                # A time-out is an OSError too, and comes first.
                faults = [describe(left) for left in waiting]
                self.ledger.violate(f"{type(error).__name__} {error} in {faults}")
                self.give_up(waiting, error)
            except (OSError, asyncio.IncompleteReadError) as error:
                self.give_up(waiting, error)
            if self.dice.random() < 0.1:
                self.close()
        self.close()

    def give_up(self, waiting, error):
        """The connection ended under these exchanges before any of their answer."""
        for index, exchange in enumerate(waiting):
            # Those behind the first were never looked at; the first was, unless its connection had been at rest.
            is_clean = index == 0 and exchange.origin_fault is None and exchange.client_fault is None
            if is_clean and not self.was_kept:
                self.ledger.violate(f"{describe(exchange)} got no answer: {error!r}")
            self.ledger.end(exchange, "no answer" if index == 0 else "not served")
        self.close()

    async def serve(self, exchanges, waiting):
        self.was_kept = self.writer is not None
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        # Only the last one's client does something wrong, and only once the others have their answers.
        last = exchanges[-1]
        plain = [exchange for exchange in exchanges if exchange.client_fault is None]
        for exchange in plain:
            self.writer.write(request_bytes(exchange))
        for index, exchange in enumerate(plain):
            keeps = await self.take_answer(exchange, behind=exchanges[index + 1 :])
            waiting.remove(exchange)
            if not keeps:
                return self.abandon(waiting)
        if last.client_fault:
            waits = not await self.misbehave(last)
            keeps = waits and await self.take_answer(last)
            waiting.remove(last)
            if waits and not keeps:
                self.close()

    def abandon(self, waiting):
        """The connection has ended before these had their turn."""
        for exchange in list(waiting):
            waiting.remove(exchange)
            self.ledger.end(exchange, "not served")
        self.close()

    async def take_answer(self, exchange, behind=()):
        """Reads one answer and judges it. True where the connection goes on.

        `behind` are those that were asked together with it: the reset that shows that an answer of theirs is cut
        destroys what the kernel still holds of this one."""
        ledger, token = self.ledger, exchange.token
        try:
            answer = await read_answer(self.reader, exchange)
        except Broken as error:
            # A reset destroys what the origin's kernel had not sent yet.
            breaking = (*BREAKING, "reset behind", "drip")
            may_break = any(each.origin_fault in breaking for each in (exchange, *behind))
            if error.has_begun and not may_break:
                ledger.violate(f"the answer to {describe(exchange)} was cut for no reason: {error}")
            elif not error.has_begun and not (self.was_kept or exchange.client_fault or exchange.origin_fault):
                ledger.violate(f"{describe(exchange)} got no answer: {error}")
            ledger.end(exchange, "cut, visibly" if error.has_begun else "no answer")
            return False
        if answer.values("x-token"):
            self.judge(exchange, answer)
            ledger.end(exchange, "whole")
        else:
            self.judge_refusal(exchange, answer)
            ledger.end(exchange, f"refused {answer.status}")
        return not exchange.is_old and "close" not in answer.values("connection")

    def judge(self, exchange, answer):
        """An answer of the origin's: this exchange's, and every byte of it."""
        token = exchange.token
        faults = []
        if answer.values("x-token") != [token] or answer.reason != token:
            faults.append(f"it belongs to {answer.values('x-token')}, {answer.reason}")
        if answer.status != exchange.status:
            faults.append(f"status {answer.status} and not {exchange.status}")
        if answer.body != exchange.answer_body:
            faults.append(f"{len(answer.body)} bytes of body and not {len(exchange.answer_body)}, or others")
        has_tail = exchange.has_trailer and exchange.answer_has_body and not exchange.is_old
        if answer.tail != ([("x-tail", token)] if has_tail else []):
            faults.append(f"trailers {answer.tail}")
        if any(hint not in ([("x-hint", token)], []) for hint in answer.hints):
            faults.append(f"hints {answer.hints}")
        for fault in faults:
            self.ledger.violate(f"the answer to {describe(exchange)}: {fault}")

    def judge_refusal(self, exchange, answer):
        """An answer of the gateway's: for a reason."""
        is_problem = answer.values("content-type") == ["application/problem+json"]
        if answer.status not in REFUSALS or not is_problem:
            self.ledger.violate(f"the answer to {exchange.token} is nobody's: {answer.status} {answer.fields}")
        repeatable = exchange.method in ("GET", "HEAD", "DELETE") and not exchange.request_body
        is_busy = answer.status == 503 and exchange.path.startswith("/q/")
        is_late = answer.status == 504 and exchange.origin_fault == "drip"
        is_clean = exchange.origin_fault in HARMLESS and exchange.client_fault is None and repeatable
        if is_clean and not is_busy and not is_late:
            identity = answer.values("x-request-id")
            self.ledger.violate(
                f"{describe(exchange)} was refused for no reason: {answer.status} {identity} {answer.body!r}")

    async def misbehave(self, exchange):
        """Does what the exchange's client does wrong. True where nobody waits for an answer any more."""
        fault, wire = exchange.client_fault, request_bytes(exchange)
        if fault == "tunnel":
            return await self.tunnel(exchange, wire)
        if fault == "drip":
            step = max(1, len(wire) // 10)
            for start in range(0, len(wire), step):
                self.writer.write(wire[start : start + step])
                await asyncio.sleep(0.001)
        elif fault in ("leave in upload", "reset in upload"):
            self.writer.write(wire[: len(wire) - 500])
            await asyncio.sleep(0.002)
            return self.leave(exchange)
        elif fault == "abandon":
            self.writer.write(wire[: len(wire) - 500])
            return await self.wait_in_vain(exchange)
        elif fault in ("leave waiting", "reset waiting", "half close waiting"):
            self.writer.write(wire)
            await asyncio.sleep(exchange.place * 0.002)
            return self.leave(exchange)
        elif fault in ("leave in answer", "reset in answer"):
            self.writer.write(wire)
            await self.reader.read(1 + int(exchange.place * 2000))
            return self.leave(exchange)
        elif fault == "slow reader":
            self.writer.write(wire)
            self.writer.transport.pause_reading()
            await asyncio.sleep(0.2)
            self.writer.transport.resume_reading()
        elif fault == "garbage behind":
            self.writer.write(wire + b"\x00garbage\r\n\r\n")
            await self.take_answer(exchange)
            self.close()
            return True
        return False

    def leave(self, exchange):
        resets, half = exchange.client_fault.startswith("reset"), exchange.client_fault.startswith("half")
        if half and not self.writer.transport.is_closing():
            self.writer.write_eof()
        self.ledger.end(exchange, "left")
        self.close(resets)
        return True

    async def wait_in_vain(self, exchange):
        """The rest of the body never comes: the gateway has the last word, or the origin's early one."""
        await self.take_answer(exchange)
        self.close()
        return True

    async def tunnel(self, exchange, wire):
        self.writer.write(wire)
        head = await self.reader.readuntil(b"\r\n\r\n")
        token = exchange.token.encode()
        if not head.startswith(b"HTTP/1.1 101 ") or b"X-Token: " + token + b"\r\n" not in head:
            # A kept connection that has died may cost even a tunnel its beginning; nothing else may.
            if not head.startswith((b"HTTP/1.1 502 ", b"HTTP/1.1 504 ")):
                self.ledger.violate(f"no tunnel for {exchange.token}: {head!r}")
            self.ledger.end(exchange, "no tunnel")
        else:
            for length in (1, 100, 1000 + int(exchange.place * 50_000)):
                message = exchange.payload("tunnel", length)
                self.writer.write(message)
                if await self.reader.readexactly(length) != message:
                    self.ledger.violate(f"the tunnel of {exchange.token} gave back something else")
            self.ledger.end(exchange, "tunnel")
        self.close(exchange.place < 0.3)
        return True

    def close(self, resets=False):
        if self.writer is None:
            return
        writer, self.writer = self.writer, None
        if resets and not writer.transport.is_closing():
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
        else:
            writer.close()


def describe(exchange):
    return (
        f"{exchange.method} {exchange.path} (origin: {exchange.origin_fault}, client: {exchange.client_fault}, "
        f"{exchange.status}, {exchange.framing} of {exchange.length}, HTTP/1.{0 if exchange.is_old else 1})")


def request_bytes(exchange):
    head = f"{exchange.method} {exchange.path} HTTP/1.{0 if exchange.is_old else 1}\r\nHost: soak\r\n"
    head += f"X-Token: {exchange.token}\r\n"
    body = exchange.request_body
    if exchange.client_fault == "tunnel":
        head += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        head += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    elif exchange.upload is None:
        pass
    elif exchange.upload_is_chunked:
        head += "Transfer-Encoding: chunked\r\n"
        step = 1 + int(exchange.place * 20_000)
        parts = [body[start : start + step] for start in range(0, len(body), step)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    else:
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def read_answer(reader, exchange):
    """A whole answer by its framing (RFC 9112 §6.3); Broken where it is none."""
    answer = Answer()
    answer.hints, answer.tail = [], []
    begun = False
    try:
        while True:
            status, answer.reason, answer.fields = head_of(await reader.readuntil(b"\r\n\r\n"))
            answer.status = status
            if status >= 200 or status == 101:
                break
            answer.hints.append(answer.fields)
        begun = True
        codings, lengths = answer.values("transfer-encoding"), answer.values("content-length")
        if len(codings) + len(lengths) > 1 or codings not in ([], ["chunked"]):
            raise ValueError(f"framing {codings} {lengths}")
        if exchange.method == "HEAD" or status in (204, 304):
            answer.body = b""
        elif codings:
            answer.body = await read_chunks(reader, answer)
        elif lengths:
            answer.body = await reader.readexactly(int(lengths[0]))
        else:
            answer.body = await reader.read(-1)
        return answer
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise Broken(repr(error), begun) from None


async def read_chunks(reader, answer):
    parts = []
    while True:
        length = int((await reader.readuntil(b"\r\n"))[:-2], 16)
        if length == 0:
            break
        parts.append(await reader.readexactly(length))
        if await reader.readexactly(2) != b"\r\n":
            raise ValueError("no line end behind a chunk")
    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
        answer.tail.append(field_of(line[:-2]))
    return b"".join(parts)


def head_of(head):
    lines = head[:-4].split(b"\r\n")
    version, status, reason = lines[0].split(b" ", 2)
    if version != b"HTTP/1.1" or len(status) != 3:
        raise ValueError(f"no status line: {lines[0]!r}")
    return int(status), reason.decode(), [field_of(line) for line in lines[1:]]


def field_of(line):
    name, colon, value = line.partition(b": ")
    if not colon or b"\n" in line or b"\r" in line:
        raise ValueError(f"no field: {line!r}")
    return name.decode().lower(), value.decode()
