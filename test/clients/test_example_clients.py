"""Runs the programs of clients/ against the built server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from serving import ROOT

CLIENTS = {
    "python": [sys.executable, "clients/python/emotion.py"],
    "node": ["node", "clients/node/emotion.mjs"],
    "grpcurl": ["bash", "clients/grpcurl/emotion.sh"],
}


def run(command: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    env = dict(os.environ)
    if grpcurl := os.environ.get("GRPCURL"):
        env["PATH"] = f"{Path(grpcurl).parent}{os.pathsep}{env['PATH']}"
    return subprocess.run(
        [*command, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("name", CLIENTS)
def test_prints_the_emotion(name, server):
    result = run(CLIENTS[name], "examples/images/face.jpg", server.grpc_url)
    assert (result.stdout, result.returncode) == ("1.000000:1:happy\n", 0), result.stderr


def test_node_client_tells_the_status(server):
    result = run(CLIENTS["node"], "README.md", server.grpc_url)
    assert result.returncode == 1
    assert result.stderr.startswith("INVALID_ARGUMENT: ")
