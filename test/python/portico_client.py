"""A client of Portico's RPC, written from docs/wire.md. Python 3.9+, nothing to install.

    python3 test/python/portico_client.py --address 127.0.0.1:9091 4 '{"sessionId":"…"}'
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import secrets
import ssl
import struct
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Union

HELLO, REQUEST, RESPONSE, ERROR, CANCEL, PING, PONG, GOAWAY, PROOF = range(1, 10)
METADATA, PROCESSED, OPTIONAL = 0x01, 0x02, 0x80  # flags
HEADER = struct.Struct(">BBHI")  # type, flags, method, id
MAX_FRAME_BYTES = 1024 * 1024
MAX_IN_FLIGHT = 256
MAX_UINT32 = 0xFFFFFFFF
HANDSHAKE_SECONDS = 5.0
# Raised here if the connection is lost, or the peer is late or breaks the protocol.
BROKEN = (OSError, EOFError, ValueError, LookupError, TypeError, asyncio.TimeoutError)


class RpcError(Exception):
    """A call failed: `code` is an RPC status or the name of a domain error.

    `processed` is False only if the method certainly did nothing. Then any call may be retried.
    """

    def __init__(self, code: str, message: str, processed: bool):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.processed = code, message, processed


class Frame(NamedTuple):
    type: int
    flags: int
    id: int
    body: bytes


def encode(type: int, body: Any = None, flags: int = 0, method: int = 0, id: int = 0,
           after_header: bytes = b"") -> bytes:
    """One frame with its length; `after_header` are the bytes between header and body."""
    text = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    inside = HEADER.pack(type, flags, method, id) + after_header + text
    return struct.pack(">I", len(inside)) + inside


def decode(answer: Frame) -> Any:
    """The reply, or RpcError."""
    try:
        body = json.loads(answer.body)
        if answer.type == RESPONSE:
            return body
        error = RpcError(body["code"], body["message"], bool(answer.flags & PROCESSED))
    except (ValueError, LookupError, TypeError) as cause:
        raise RpcError("internal", f"Cannot read the answer: {cause!r}", True) from cause
    raise error


def proof(token: str, role: str, client_nonce: str, server_nonce: str, caller: str) -> str:
    """The proof of `role` ("client" or "server") that it knows the caller's token."""
    text = f"portico {role}\n{client_nonce}\n{server_nonce}"
    if caller != "http":
        text += f"\n{caller}"
    return hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest()


class Client:
    """One connection with many calls in flight; opened by `await Client.connect(…)`."""

    _reader: asyncio.StreamReader
    _listener: "asyncio.Task[None]"
    _slots: asyncio.Semaphore
    _max_frame_bytes: int

    def __init__(self) -> None:
        self._writer: Optional[asyncio.StreamWriter] = None
        self._in_flight: Dict[int, "asyncio.Future[Frame]"] = {}
        self._last_id = 0
        self._lost: Optional[str] = None  # Why it takes no more calls.

    @classmethod
    async def connect(cls, host: str, port: int, token: Optional[str] = None,
                      tls: Optional[ssl.SSLContext] = None, caller: str = "http") -> "Client":
        """Connect and exchange HELLO, and proofs if there is a token."""
        client = cls()
        try:
            opening = client._open(host, port, token, tls, caller)
            await asyncio.wait_for(opening, HANDSHAKE_SECONDS)
        except BROKEN as error:
            client._fail(f"Cannot reach {host}:{port}: {error!r}")
            raise RpcError("unavailable", str(client._lost), False) from error
        client._listener = asyncio.ensure_future(client._listen())
        return client

    async def call(self, method: int, request: Any, timeout: float = 5.0,
                   request_id: str = "") -> Any:
        """The method's reply within `timeout` seconds, or RpcError."""
        deadline = asyncio.get_running_loop().time() + timeout
        try:
            exchange = self._exchange(method, request, deadline, request_id)
            return await asyncio.wait_for(exchange, timeout)
        except asyncio.TimeoutError:
            raise RpcError("deadline_exceeded", f"No answer in {timeout} s", True) from None

    async def close(self) -> None:
        """Close at once; calls in flight fail with `unavailable`."""
        self._fail("closed by this side")
        self._listener.cancel()
        await asyncio.wait([self._listener])

    async def _exchange(self, method: int, request: Any, deadline: float, request_id: str) -> Any:
        async with self._slots:
            if self._lost:
                raise RpcError("unavailable", self._lost, False)
            loop = asyncio.get_running_loop()
            remaining_ms = min(max(1, int((deadline - loop.time()) * 1000)), MAX_UINT32)
            head, flags = struct.pack(">I", remaining_ms), 0
            if request_id:
                metadata = json.dumps({"requestId": request_id}).encode()
                head, flags = head + struct.pack(">H", len(metadata)) + metadata, METADATA
            id = self._free_id()
            frame = encode(REQUEST, request, flags, method, id, head)
            if len(frame) - 4 > self._max_frame_bytes:
                raise RpcError("invalid_argument", f"Over {self._max_frame_bytes} bytes", False)
            answer = self._in_flight[id] = loop.create_future()
            self._send(frame)
            try:
                return decode(await answer)
            finally:
                # Still in flight without an answer: its deadline passed, or its caller gave up.
                if self._in_flight.pop(id, None):
                    self._send(encode(CANCEL, flags=OPTIONAL, id=id))

    def _free_id(self) -> int:
        while True:
            self._last_id = self._last_id % MAX_UINT32 + 1  # Never 0.
            if self._last_id not in self._in_flight:
                return self._last_id

    async def _open(self, host: str, port: int, token: Optional[str],
                    tls: Optional[ssl.SSLContext], caller: str) -> None:
        self._reader, self._writer = await asyncio.open_connection(host, port, ssl=tls)
        nonce = secrets.token_hex(16)
        self._send(encode(HELLO, {
            "magic": "portico", "versions": [1, 1], "maxFrameBytes": MAX_FRAME_BYTES,
            "maxInFlight": MAX_IN_FLIGHT, "build": "portico_client.py", "nonce": nonce,
            "caller": caller,
        }))
        frame = await self._read_frame()
        while frame.type != HELLO and frame.flags & OPTIONAL:
            frame = await self._read_frame()
        hello = json.loads(frame.body)
        if frame.type != HELLO or hello["magic"] != "portico":
            raise ValueError(f"not a HELLO of Portico: {frame.body[:200]!r}")
        if not hello["versions"][0] <= 1 <= hello["versions"][1]:
            raise ValueError(f"the server speaks protocol {hello['versions']}")
        self._max_frame_bytes = hello["maxFrameBytes"]
        self._slots = asyncio.Semaphore(min(hello["maxInFlight"], MAX_IN_FLIGHT))
        given = hello.get("proof")
        if token is None and given is None:
            return
        if token is None or given is None:
            raise ValueError(f"{'this client' if token is None else 'the server'} has no token")
        right = proof(token, "server", nonce, hello["nonce"], caller)
        # A list, so that all are compared: timing must not tell which one is right.
        if not any([hmac.compare_digest(right, each)
                    for each in [given, *hello.get("otherProofs", [])]]):
            raise ValueError(f"the server has another token of {caller}")
        own = proof(token, "client", nonce, hello["nonce"], caller)
        self._send(encode(PROOF, {"proof": own}))

    async def _read_frame(self) -> Frame:
        length = struct.unpack(">I", await self._reader.readexactly(4))[0]
        if not HEADER.size <= length <= MAX_FRAME_BYTES:
            raise ValueError(f"a frame of {length} bytes")
        inside = await self._reader.readexactly(length)
        type, flags, _, id = HEADER.unpack_from(inside)
        start = HEADER.size
        if flags & METADATA:
            start += 2 + int.from_bytes(inside[start:start + 2], "big")
        return Frame(type, flags, id, inside[start:])

    async def _listen(self) -> None:
        try:
            while True:
                self._on_frame(await self._read_frame())
        except BROKEN as error:
            self._fail(f"connection lost: {error!r}")

    def _on_frame(self, frame: Frame) -> None:
        if frame.type == RESPONSE or frame.type == ERROR and frame.id != 0:
            self._answer(frame.id, frame)
        elif frame.type == PING:
            self._send(encode(PONG, flags=OPTIONAL, id=frame.id))
        elif frame.type == GOAWAY:
            goaway = json.loads(frame.body)
            self._lost = f"the server goes away: {goaway['reason']}"
            for id in [id for id in self._in_flight if id > goaway["lastId"]]:
                self._answer(id, RpcError("unavailable", self._lost, False))
        elif not frame.flags & OPTIONAL:
            raise ValueError(f"a frame of type {frame.type}: {frame.body[:200]!r}")

    def _answer(self, id: int, result: Union[Frame, RpcError]) -> None:
        answer = self._in_flight.pop(id, None)
        if answer is None or answer.done():
            return  # The caller gave up, and the answer was already on its way.
        if isinstance(result, RpcError):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    def _send(self, frame: bytes) -> None:
        if self._writer:
            self._writer.write(frame)

    def _fail(self, why: str) -> None:
        self._lost = why
        if self._writer:
            self._writer.close()
        for id in list(self._in_flight):
            self._answer(id, RpcError("unavailable", why, True))


async def main(options: argparse.Namespace) -> int:
    """Make all calls at once on one connection. Print a line for each, in their order."""
    token = None
    if options.token_file:
        with open(options.token_file, encoding="utf-8") as file:
            token = file.read().strip()
    host, _, port = options.address.rpartition(":")
    tls = ssl.create_default_context(cafile=options.ca) if options.ca else None
    calls = zip(map(int, options.calls[::2]), map(json.loads, options.calls[1::2]))
    results: List[Any]
    try:
        client = await Client.connect(host.strip("[]"), int(port), token, tls, options.caller)
        waiting = [client.call(*each, timeout=options.timeout) for each in calls]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        await client.close()
    except RpcError as error:
        results = [error]
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, RpcError):
            raise result
        line = {"error": vars(result)} if isinstance(result, RpcError) else result
        print(json.dumps(line, ensure_ascii=False))
    return int(any(isinstance(result, RpcError) for result in results))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Call a Portico server.")
    parser.add_argument("--address", default="127.0.0.1:9091", metavar="HOST:PORT")
    parser.add_argument("--token-file", metavar="FILE", help="holds the caller's token")
    parser.add_argument("--caller", default="http", metavar="NAME", help="as whom to call")
    parser.add_argument("--ca", metavar="FILE", help="use TLS, and trust this certificate")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS")
    parser.add_argument("calls", nargs="+", metavar="NUMBER JSON",
                        help="a method's number and its request; several are called at once")
    sys.exit(asyncio.run(main(parser.parse_args())))
