"""Runs the built server as a process of its own."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS_MAX = 60
# More than the server's own --exit-timeout-secs (30).
STOP_SECONDS_MAX = 45

# A proxy of the environment must not get between a test and its own server.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1"


@dataclass(frozen=True)
class Server:
    """A running server; its doors listen on 127.0.0.1."""

    grpc_url: str
    http_url: str


def free_ports(count: int) -> list[int]:
    """Distinct because all are held until the last one is known."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def is_healthy(channel: grpc.Channel) -> bool:
    try:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1)
    except grpc.RpcError:
        return False
    return answer.status == health_pb2.HealthCheckResponse.SERVING


def is_ready(http_url: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{http_url}/v2/health/ready", timeout=1) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def running_server(
    repository: Path, log: Path, flags: list[str] | None = None, credentials: grpc.ChannelCredentials | None = None
) -> Iterator[Server]:
    """Serves `repository` while the block runs; afterwards SIGTERM must end the process with code 0. `credentials` are
    for flags that have it speak TLS."""
    entry = ROOT / "dist" / "main.js"
    if not entry.exists():
        pytest.fail("dist/main.js is missing: build the server first (npm ci && npm run build)", pytrace=False)
    node = shutil.which("node")
    if node is None:
        pytest.fail("node is not in PATH", pytrace=False)

    grpc_port, http_port = free_ports(2)
    command = [
        node,
        str(entry),
        "serve",
        "--model-repository",
        str(repository),
        "--grpc-address",
        "127.0.0.1",
        "--http-address",
        "127.0.0.1",
        "--grpc-port",
        str(grpc_port),
        "--http-port",
        str(http_port),
        "--metrics-port",
        "0",
        "--artifact-cache",
        str(log.parent / "artifacts"),
        *(flags or []),
    ]
    server = Server(f"127.0.0.1:{grpc_port}", f"127.0.0.1:{http_port}")

    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until_ready(server, process, log, credentials)
        yield server
        assert process.poll() is None, f"the server died, exit code {process.returncode}\n{tail(log)}"
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            pytest.fail(f"SIGTERM did not end the server within {STOP_SECONDS_MAX} s\n{tail(log)}", pytrace=False)
        assert code == 0, f"the server ended with exit code {code} after SIGTERM\n{tail(log)}"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def open_channel(url: str, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
    return grpc.insecure_channel(url) if credentials is None else grpc.secure_channel(url, credentials)


def wait_until_ready(
    server: Server, process: subprocess.Popen, log: Path, credentials: grpc.ChannelCredentials | None = None
) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    with open_channel(server.grpc_url, credentials) as channel:
        while not (is_healthy(channel) and is_ready(server.http_url)):
            if process.poll() is not None:
                pytest.fail(f"the server ended with exit code {process.returncode}\n{tail(log)}", pytrace=False)
            if time.monotonic() > deadline:
                pytest.fail(f"the server is not ready after {READY_SECONDS_MAX} s\n{tail(log)}", pytrace=False)
            time.sleep(0.1)


def tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-40:])
