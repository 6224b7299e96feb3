"""Servers on a socket of this machine: the service as it runs in production, and peers that behave badly."""

from __future__ import annotations

import datetime
import ipaddress
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from oracles import free_port
from rlhf_contract.api.app import create_app, serve
from rlhf_contract.api.limits import Limits
from rlhf_contract.api.service import ServiceSettings
from rlhf_contract.trainers.scored import ScoredBatch
from service import ServedOracle


@contextmanager
def served(
    oracle: ServedOracle, port: int = 0, limits: Limits | None = None, certificate: Path | None = None
) -> Iterator[str]:
    """The URL of the service as it runs in production, on a socket; over TLS with a `certificate`."""
    port = port or free_port()
    server = serve(create_app(oracle, ServiceSettings(limits=limits or Limits())), "127.0.0.1", port)
    server.config.ssl_certfile = server.config.ssl_keyfile = certificate
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def self_signed(folder: Path) -> Path:
    """A file with a certificate for 127.0.0.1 and its key, good for an hour."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    hour = datetime.timedelta(hours=1)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - hour, now + hour)
        .add_extension(x509.SubjectAlternativeName([address]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "certificate.pem"
    file.write_bytes(private + made.public_bytes(pem))
    return file


@contextmanager
def answering(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """The URL of a server that does to each connection what `talk` does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=hold, args=(connection,), daemon=True).start()

        def hold(connection: socket.socket) -> None:
            with connection:
                try:
                    talk(connection)
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def drip(connection: socket.socket) -> None:
    """A header byte every tenth of a second, for ever."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.1)


def silent(connection: socket.socket) -> None:
    connection.recv(65536)
    time.sleep(30)


def a_millionth_more(batch: ScoredBatch) -> bytes:
    """The answer of an oracle that tells one reward for every row, a millionth above that of the first."""
    assert batch.micro[0] is not None
    sample = f"0x{'00' * 32}"
    row = {"status": "rewarded", "reward_micro": batch.micro[0] + 1, "reason": None, "sample": sample}
    told = {"batch": "b", "digest": batch.digest, "spec_hash": batch.spec_hash, "rewards": [row] * len(batch)}
    body = json.dumps(told).encode()
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
