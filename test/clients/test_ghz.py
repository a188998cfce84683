"""ghz, a load generator for any gRPC service: what it knows of this one comes from the server's reflection."""

import json
import subprocess

import pytest
from tools import wanted_tool

INSTALL = "go install github.com/bojand/ghz/cmd/ghz@v0.120.0"
INFER = "inference.GRPCInferenceService.ModelInfer"
STREAM = "inference.GRPCInferenceService.ModelStreamInfer"


@pytest.fixture(scope="module")
def binary() -> str:
    return wanted_tool("ghz", "GHZ", INSTALL)


def request_for(model: str, columns: int = 16) -> dict:
    return {
        "model_name": model,
        "inputs": [
            {
                "name": name,
                "datatype": "INT32",
                "shape": [1, columns],
                "contents": {"int_contents": list(range(columns))},
            }
            for name in ("INPUT0", "INPUT1")
        ],
    }


def load(binary: str, url: str, call: str, data: dict | list[dict], *flags: str) -> dict:
    command = [binary, "--insecure", f"--call={call}", "--format=json", "--data-file=/dev/stdin", *flags, url]
    done = subprocess.run(command, input=json.dumps(data), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_unary_calls_on_many_connections(binary, server):
    report = load(
        binary, server.grpc_url, INFER, request_for("simple"), "--total=1000", "--concurrency=40", "--connections=8"
    )
    assert report["statusCodeDistribution"] == {"OK": 1000}
    assert report["errorDistribution"] == {}
    assert report["rps"] > 0


def test_streams_of_many_requests(binary, server):
    requests = [request_for("simple")] * 5
    report = load(binary, server.grpc_url, STREAM, requests, "--total=100", "--concurrency=8", "--connections=2")
    assert report["statusCodeDistribution"] == {"OK": 100}


def test_refusals_are_told_apart(binary, server):
    report = load(binary, server.grpc_url, INFER, request_for("no_such"), "--total=50", "--concurrency=5")
    assert report["statusCodeDistribution"] == {"NotFound": 50}
    (text,) = report["errorDistribution"]
    assert "Request for unknown model: 'no_such' is not found" in text
    report = load(binary, server.grpc_url, INFER, request_for("simple", 15), "--total=50", "--concurrency=5")
    assert report["statusCodeDistribution"] == {"InvalidArgument": 50}


def test_a_deadline_that_is_too_short_harms_nobody(binary, server):
    load(binary, server.grpc_url, INFER, request_for("simple"), "--total=200", "--concurrency=40", "--timeout=1ms")
    report = load(binary, server.grpc_url, INFER, request_for("simple"), "--total=200", "--concurrency=40")
    assert report["statusCodeDistribution"] == {"OK": 200}
