"""grpcurl without a single proto file: all it knows comes from the server's reflection."""

import base64
import json
import os
import shutil
import struct
import subprocess
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from tritonclient.grpc import service_pb2

INSTALL = "go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3"
# grpcurl ends with 64 + the gRPC status code.
STATUS_EXIT_BASE = 64
INVALID_ARGUMENT, NOT_FOUND = 3, 5


@dataclass(frozen=True)
class Grpcurl:
    binary: str
    address: str

    def run(self, *arguments: str, data: dict | None = None) -> subprocess.CompletedProcess[str]:
        """`grpcurl [-d data] address arguments...`"""
        # "@" = read the message from standard input: a picture is too long for an argument.
        flags = ["-plaintext", "-max-time", "30"] + (["-d", "@"] if data is not None else [])
        return subprocess.run(
            [self.binary, *flags, self.address, *arguments],
            input=json.dumps(data) if data is not None else None,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def text(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def call(self, method: str, data: dict) -> dict:
        done = self.run(method, data=data)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


# Session scope, and before the server in what follows: without the binary no server needs to start.
@pytest.fixture(scope="session")
def binary() -> str:
    found = shutil.which(os.environ.get("GRPCURL") or "grpcurl")
    if found:
        return found
    reason = f"grpcurl is neither in PATH nor named by GRPCURL: {INSTALL}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    warnings.warn(f"the grpcurl suite did not run: {reason}", stacklevel=1)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def grpcurl(binary, server) -> Grpcurl:
    return Grpcurl(binary, server.grpc_url)


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def simple_request(columns: int = 16) -> dict:
    return {
        "model_name": "simple",
        "id": "from grpcurl",
        "inputs": [
            {
                "name": name,
                "datatype": "INT32",
                "shape": [1, columns],
                "contents": {"int_contents": values},
            }
            for name, values in (("INPUT0", list(range(columns))), ("INPUT1", [1] * columns))
        ],
    }


def face_request() -> dict:
    return {
        "model_name": "face_emotion",
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [1]}],
        "outputs": [{"name": "probabilities", "parameters": {"classification": {"int64_param": 1}}}],
    }


def assert_happy(response: dict) -> None:
    (raw,) = response["rawOutputContents"]
    data = base64.b64decode(raw)
    (length,) = struct.unpack_from("<I", data)
    value, index, label = data[4:].decode().split(":")
    assert length == len(data) - 4
    assert (index, label) == ("1", "happy")
    assert 0.99 <= float(value) <= 1


def test_list(grpcurl):
    services = grpcurl.text("list").split()
    assert {"inference.GRPCInferenceService", "grpc.health.v1.Health"} <= set(services)


def test_list_methods(grpcurl):
    methods = grpcurl.text("list", "inference.GRPCInferenceService").split()
    expected = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods
    assert sorted(methods) == sorted(method.full_name for method in expected)


def test_describe_service(grpcurl):
    text = grpcurl.text("describe", "inference.GRPCInferenceService")
    assert "rpc ModelInfer ( .inference.ModelInferRequest ) returns ( .inference.ModelInferResponse );" in text
    assert (
        "rpc ModelStreamInfer ( stream .inference.ModelInferRequest ) "
        "returns ( stream .inference.ModelStreamInferResponse );"
    ) in text


def test_describe_message(grpcurl):
    lines = [line.strip() for line in grpcurl.text("describe", "inference.ModelInferRequest").splitlines()]
    for line in (
        "string model_name = 1;",
        "map<string, .inference.InferParameter> parameters = 4;",
        "repeated .inference.ModelInferRequest.InferInputTensor inputs = 5;",
        "repeated bytes raw_input_contents = 7;",
    ):
        assert line in lines


def test_describe_reaches_the_imported_file(grpcurl):
    assert ".inference.ModelEnsembling ensemble_scheduling = 15;" in grpcurl.text("describe", "inference.ModelConfig")


def test_health(grpcurl):
    assert grpcurl.call("grpc.health.v1.Health/Check", {}) == {"status": "SERVING"}


def test_server_metadata(grpcurl):
    assert grpcurl.call("inference.GRPCInferenceService/ServerMetadata", {})["name"] == "triton"


def test_infer_with_typed_contents(grpcurl):
    response = grpcurl.call("inference.GRPCInferenceService/ModelInfer", simple_request())
    assert (response["modelName"], response["modelVersion"], response["id"]) == ("simple", "1", "from grpcurl")
    outputs = dict(zip([output["name"] for output in response["outputs"]], response["rawOutputContents"], strict=True))
    sums = np.frombuffer(base64.b64decode(outputs["OUTPUT0"]), dtype="<i4")
    differences = np.frombuffer(base64.b64decode(outputs["OUTPUT1"]), dtype="<i4")
    np.testing.assert_array_equal(sums, np.arange(16) + 1)
    np.testing.assert_array_equal(differences, np.arange(16) - 1)


def test_picture_in_bytes_contents(grpcurl, face):
    request = face_request()
    request["inputs"][0]["contents"] = {"bytes_contents": [in_base64(face)]}
    assert_happy(grpcurl.call("inference.GRPCInferenceService/ModelInfer", request))


def test_picture_in_raw_input_contents(grpcurl, face):
    request = face_request()
    request["raw_input_contents"] = [in_base64(struct.pack("<I", len(face)) + face)]
    assert_happy(grpcurl.call("inference.GRPCInferenceService/ModelInfer", request))


def test_error_of_an_unknown_model(grpcurl):
    done = grpcurl.run("inference.GRPCInferenceService/ModelInfer", data={"model_name": "no_such"})
    assert done.returncode == STATUS_EXIT_BASE + NOT_FOUND
    assert "Code: NotFound" in done.stderr
    # The details are readable without a proto file, too.
    assert '"reason": "NOT_FOUND"' in done.stderr
    assert "Message: Request for unknown model: 'no_such' is not found" in done.stderr


def test_error_of_a_wrong_element_count(grpcurl):
    request = simple_request()
    request["inputs"][0]["contents"]["int_contents"].append(0)
    done = grpcurl.run("inference.GRPCInferenceService/ModelInfer", data=request)
    assert done.returncode == STATUS_EXIT_BASE + INVALID_ARGUMENT
    assert "Code: InvalidArgument" in done.stderr
    assert (
        "Message: [request id: from grpcurl] input byte size mismatch for input 'INPUT0' for model 'simple'. "
        "Expected 64, got 68"
    ) in done.stderr
