"""What each exchange of a soak is to be: drawn from the seed and the exchange's number, so that a run can be repeated."""

import random
from collections import Counter, OrderedDict

# The request may be sent twice by the gateway: its method promises that this does no harm.
IDEMPOTENT = ("GET", "HEAD", "PUT", "DELETE")

# What an origin does wrong, and how often among a thousand exchanges.
ORIGIN_FAULTS = {
    "cut by FIN": 12, "cut by reset": 12, "garbage": 6, "bad head": 8, "bad chunk": 8, "bad length": 6, "surplus": 20,
    "silent": 2, "stall": 2, "slam": 15, "slam once": 15, "flood of interims": 3, "huge head": 3, "drip": 15,
    "early": 10, "close behind": 20, "reset behind": 10, "half close behind": 8,
}

# What a client does wrong.
CLIENT_FAULTS = {
    "leave waiting": 8, "reset waiting": 8, "half close waiting": 5, "leave in upload": 6, "reset in upload": 6,
    "leave in answer": 8, "reset in answer": 8, "slow reader": 4, "drip": 6, "abandon": 1, "garbage behind": 5,
    "tunnel": 8,
}

# Faults after which the client may still be given a whole answer, exactly that of the origin.
HARMLESS = {None, "surplus", "drip", "close behind", "reset behind", "half close behind", "early"}
# Faults that can show inside an answer's body.
BREAKING = {"cut by FIN", "cut by reset", "bad chunk", "stall"}


class Exchange:
    """One request, its answer, and what goes wrong with them."""

    __slots__ = (
        "number", "token", "method", "path", "is_old", "upload", "upload_is_chunked", "status", "length", "framing",
        "interims", "has_trailer", "origin_fault", "client_fault", "place", "sightings")

    def __init__(self, seed, number):
        dice = random.Random(f"{seed}:{number}")
        self.number = number
        self.token = f"{number}-{dice.getrandbits(64):016x}"
        self.method = dice.choice(("GET", "GET", "GET", "POST", "POST", "PUT", "DELETE", "HEAD"))
        self.path = f"/{dice.choice(('s', 's', 's', 'q'))}/{self.token}"
        self.is_old = dice.random() < 0.05
        self.upload = size(dice) if self.method in ("POST", "PUT") else None
        self.upload_is_chunked = not self.is_old and dice.random() < 0.4
        self.status = dice.choice((200, 200, 200, 200, 201, 404, 500, 204, 304))
        self.length = 0 if self.status in (204, 304) else size(dice)
        self.framing = dice.choices(("length", "chunked", "close"), (50, 40, 10))[0]
        self.interims = dice.randrange(1, 4) if dice.random() < 0.03 else 0
        self.has_trailer = self.framing == "chunked" and dice.random() < 0.2
        self.origin_fault = draw(dice, ORIGIN_FAULTS)
        self.client_fault = draw(dice, CLIENT_FAULTS)
        self.place = dice.random()
        self.sightings = 0
        if self.client_fault == "tunnel":
            self.method, self.origin_fault, self.is_old, self.upload = "GET", None, False, None
            self.path = f"/s/{self.token}"
        if self.client_fault in ("leave in upload", "reset in upload", "abandon"):
            self.method, self.upload = "POST", 1000 + int(self.place * 100_000)
        if self.origin_fault == "early" and self.framing == "close":
            # Closing on what it has not read, the origin would reset its own answer.
            self.framing = "length"
        if self.origin_fault in BREAKING or self.origin_fault == "surplus":
            # What has no length of its own is whole wherever it ends, and takes in whatever follows.
            self.framing = "chunked" if self.framing == "close" or self.origin_fault == "bad chunk" else self.framing
            if self.origin_fault == "bad chunk":
                self.status, self.length, self.has_trailer = 200, max(1, self.length), False
                self.method = "GET" if self.method == "HEAD" else self.method

    @property
    def answer_has_body(self):
        return self.status not in (204, 304) and self.method != "HEAD"

    @property
    def answer_body(self):
        return self.payload("answer", self.length) if self.answer_has_body else b""

    @property
    def request_body(self):
        return b"" if self.upload is None else self.payload("upload", self.upload)

    def payload(self, kind, length):
        """Bytes that belong to this exchange alone, wherever they are cut."""
        unit = f"<{kind} {self.token}>".encode()
        return (unit * (length // len(unit) + 1))[:length]


def size(dice):
    """Mostly small; now and then where reads are full, and beyond what sockets hold."""
    kind = dice.random()
    if kind < 0.6:
        return dice.randrange(0, 2000)
    if kind < 0.8:
        return dice.randrange(2000, 20_000)
    if kind < 0.93:
        return dice.choice((16384, 32768)) - dice.randrange(0, 400)
    return dice.randrange(20_000, 300_000)


def draw(dice, faults):
    """One of them, or None, in proportion to their shares of a thousand."""
    point = dice.random() * 1000
    for name, share in faults.items():
        point -= share
        if point < 0:
            return name
    return None


class Ledger:
    """Everything that was asked, and whatever was not as it must be."""

    def __init__(self, seed):
        self.seed = seed
        self.begun = 0
        self.ended = 0
        self.open = {}
        self.past = OrderedDict()
        self.results = Counter()
        self.by_origin_fault = Counter()
        self.by_client_fault = Counter()
        self.sightings = 0
        self.repeats = 0
        self.violations = []
        self.violation_count = 0

    def begin(self):
        exchange = Exchange(self.seed, self.begun)
        self.begun += 1
        self.open[exchange.token] = exchange
        return exchange

    def end(self, exchange, result):
        self.ended += 1
        del self.open[exchange.token]
        self.past[exchange.token] = exchange
        if len(self.past) > 20_000:
            self.past.popitem(last=False)
        self.results[result] += 1
        if exchange.origin_fault:
            self.by_origin_fault[exchange.origin_fault] += 1
        if exchange.client_fault:
            self.by_client_fault[exchange.client_fault] += 1

    def seen(self, token):
        """The origin has read a request's head."""
        exchange = self.open.get(token) or self.past.get(token)
        if exchange is None:
            self.violate(f"the origin was asked what nobody asks: {token}")
            return None
        self.sightings += 1
        exchange.sightings += 1
        if exchange.sightings > 1:
            self.repeats += 1
            if exchange.method not in IDEMPOTENT:
                self.violate(f"{exchange.method} {token} was sent {exchange.sightings} times")
            if exchange.sightings > 2:
                self.violate(f"{token} was sent {exchange.sightings} times")
        return exchange

    def violate(self, what):
        self.violation_count += 1
        if len(self.violations) < 50:
            self.violations.append(what)
            print(f"VIOLATION {what}", flush=True)
