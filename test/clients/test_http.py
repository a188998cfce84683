"""NVIDIA's Python client over HTTP, and plain HTTP as scripts write it."""

import asyncio
import gzip
import http.client
import json
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as asyncio_triton
from serving import Server, running_server
from test_tritonclient import add_model, identity_config
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

COUNT_UP = np.arange(16, dtype=np.int32).reshape(1, 16)
ONES = np.ones((1, 16), dtype=np.int32)

MISSING_INPUT = (
    "expected 2 inputs but got 1 inputs for model 'simple'. Got input(s) ['INPUT0'], but missing required input(s) "
    "['INPUT1']. Please provide all required input(s)."
)

EXTREMES = {
    "bool": np.array([[True, False, True]]),
    **{
        name: np.array([[np.iinfo(name).min, np.iinfo(name).max, 1]], dtype=name)
        for name in ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
    },
    "fp32": np.array([[0.1, -np.inf, np.finfo(np.float32).max, 1.0, 5e-45]], dtype=np.float32),
    "fp64": np.array([[0.1, np.inf, np.finfo(np.float64).max, 1 / 3, 5e-324]], dtype=np.float64),
    "string": np.array([["", 'a"\\\n\u0001', "naïve ✓ 😀", "x" * 100_000]], dtype=np.object_),
}


@pytest.fixture(scope="module")
def http_server(tmp_path_factory) -> Iterator[Server]:
    """Serves a model for each datatype that gives back what it gets."""
    repository = tmp_path_factory.mktemp("http-repository")
    for name in [*EXTREMES, "fp16"]:
        add_model(repository, name, identity_config(name.upper()))
    with running_server(repository, tmp_path_factory.mktemp("http-server") / "server.log") as running:
        yield running


@pytest.fixture(scope="module")
def echo(http_server) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(http_server.http_url, concurrency=4) as connected:
        yield connected


@pytest.fixture(scope="module")
def http_client(server) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(server.http_url, concurrency=8) as connected:
        yield connected


def tensor(name: str, values: np.ndarray, binary: bool = True) -> triton.InferInput:
    filled = triton.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
    return filled.set_data_from_numpy(values, binary_data=binary)


def simple_inputs(binary: bool = True) -> list[triton.InferInput]:
    return [tensor("INPUT0", COUNT_UP, binary), tensor("INPUT1", ONES, binary)]


def as_bytes(values: np.ndarray) -> list[bytes]:
    return [value.encode() if isinstance(value, str) else value for value in values.ravel()]


@pytest.mark.parametrize("binary_out", [True, False], ids=["binary-out", "json-out"])
@pytest.mark.parametrize("binary_in", [True, False], ids=["binary-in", "json-in"])
@pytest.mark.parametrize("name", EXTREMES)
def test_values_come_back_unchanged(echo, name, binary_in, binary_out):
    values = EXTREMES[name]
    outputs = [triton.InferRequestedOutput("OUTPUT0", binary_data=binary_out)]
    result = echo.infer(name, [tensor("INPUT0", values, binary_in)], outputs=outputs)
    answer = result.as_numpy("OUTPUT0")
    assert answer.shape == values.shape
    if name == "string":
        assert as_bytes(answer) == as_bytes(values)
    else:
        assert answer.dtype == values.dtype
        np.testing.assert_array_equal(answer, values)


def test_halves_travel_as_binary_data_only(echo):
    values = np.array([[0.5, -65504, np.inf]], dtype=np.float16)
    np.testing.assert_array_equal(echo.infer("fp16", [tensor("INPUT0", values)]).as_numpy("OUTPUT0"), values)
    json_output = [triton.InferRequestedOutput("OUTPUT0", binary_data=False)]
    with pytest.raises(InferenceServerException, match="sending FP16 data via JSON is not supported"):
        echo.infer("fp16", [tensor("INPUT0", values)], outputs=json_output)


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_compression_both_ways(echo, algorithm, binary):
    values = np.arange(200_000, dtype=np.float32).reshape(1, -1) / 7
    outputs = [triton.InferRequestedOutput("OUTPUT0", binary_data=binary)]
    result = echo.infer(
        "fp32",
        [tensor("INPUT0", values, binary)],
        outputs=outputs,
        request_compression_algorithm=algorithm,
        response_compression_algorithm=algorithm,
    )
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), values)


def test_several_at_once(http_client):
    answers = [http_client.async_infer("simple", simple_inputs(), request_id=str(i)) for i in range(32)]
    for i, answer in enumerate(answers):
        result = answer.get_result()
        assert result.get_response()["id"] == str(i)
        np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), COUNT_UP + ONES)


def test_asyncio(server):
    async def ask() -> list[np.ndarray]:
        async with asyncio_triton.InferenceServerClient(server.http_url) as client:
            answers = [client.infer("simple", simple_inputs(binary)) for binary in (True, False) * 4]
            return [answer.as_numpy("OUTPUT0") for answer in await asyncio.gather(*answers)]

    for values in asyncio.run(ask()):
        np.testing.assert_array_equal(values, COUNT_UP + ONES)


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_outputs_as_asked(http_client, binary):
    outputs = [triton.InferRequestedOutput("OUTPUT1", binary_data=binary)]
    result = http_client.infer("simple", simple_inputs(not binary), outputs=outputs)
    np.testing.assert_array_equal(result.as_numpy("OUTPUT1"), COUNT_UP - ONES)
    assert result.as_numpy("OUTPUT0") is None
    assert result.get_response()["model_version"] == "1"


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_classification(http_client, face, binary):
    outputs = [triton.InferRequestedOutput("probabilities", binary_data=binary, class_count=2)]
    picture = np.array([face], dtype=np.object_)
    result = http_client.infer("face_emotion", [tensor("image", picture)], outputs=outputs)
    (best, second) = as_bytes(result.as_numpy("probabilities"))
    assert best.endswith(b":1:happy")
    assert float(best.split(b":")[0]) > float(second.split(b":")[0])


def test_parameters(http_client):
    result = http_client.infer(
        "simple",
        simple_inputs(),
        priority=0,
        timeout=10_000_000,
        parameters={"text": "a", "number": 5, "float": 0.5, "flag": True},
    )
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), COUNT_UP + ONES)


@pytest.mark.parametrize(
    ("inputs", "model", "version", "status", "message"),
    [
        (simple_inputs(), "no_such", "", "404", "Request for unknown model: 'no_such' is not found"),
        (simple_inputs(), "simple", "9", "404", "Request for unknown model: 'simple' version 9 is not found"),
        (
            simple_inputs()[:1],
            "simple",
            "",
            "400",
            MISSING_INPUT,
        ),
    ],
    ids=["model", "version", "input"],
)
def test_infer_is_refused_in_tritons_words(http_client, inputs, model, version, status, message):
    with pytest.raises(InferenceServerException) as refused:
        http_client.infer(model, inputs, model_version=version)
    assert refused.value.status() == status
    assert refused.value.message().endswith(message)


# ----------------------------------------------------------------- plain HTTP


def post(server: Server, path: str, body: bytes, headers: dict[str, str] | None = None):
    connection = http.client.HTTPConnection(server.http_url, timeout=30)
    try:
        connection.request("POST", f"/v2/models/{path}", body, headers or {})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def test_json_of_64_bit_integers_is_exact(http_server):
    numbers = [2**63 - 1, -(2**63), 2**53 + 1]
    request = {"inputs": [{"name": "INPUT0", "datatype": "INT64", "shape": [1, 3], "data": [numbers]}]}
    answer, body = post(http_server, "int64/infer", json.dumps(request).encode())
    assert answer.status == 200
    assert json.loads(body)["outputs"][0]["data"] == numbers


def test_floats_stay_floats(http_server):
    request = b'{"inputs":[{"name":"INPUT0","datatype":"FP64","shape":[1,3],"data":[1,-0.0,NaN]}]}'
    _, body = post(http_server, "fp64/infer", request)
    assert b'"data":[1.0,-0.0,NaN]' in body


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_header_length_counts_uncompressed_bytes(http_server, encoding, compress):
    head = json.dumps(
        {
            "inputs": [
                {"name": "INPUT0", "datatype": "INT8", "shape": [1, 3], "parameters": {"binary_data_size": 3}}
            ]
        }
    ).encode()
    headers = {"Content-Encoding": encoding, "INFERENCE-HEADER-content-length": str(len(head))}
    answer, body = post(http_server, "int8/infer", compress(head + b"\x01\x02\xff"), headers)
    assert answer.status == 200
    assert json.loads(body)["outputs"][0]["data"] == [1, 2, -1]


def test_raw_binary_request(http_server):
    values = np.array([1.5, -2.5], dtype=np.float32)
    answer, body = post(http_server, "fp32/infer", values.tobytes(), {"Inference-Header-Content-Length": "0"})
    length = int(answer.getheader("Inference-Header-Content-Length"))
    assert json.loads(body[:length])["outputs"][0]["shape"] == [1, 2]
    assert body[length:] == values.tobytes()


def test_generate(http_server):
    answer, body = post(http_server, "string/generate", '{"INPUT0":"naïve","id":"g"}'.encode())
    assert answer.status == 200
    assert json.loads(body) == {"OUTPUT0": "naïve", "id": "g", "model_name": "string", "model_version": "1"}


def test_generate_stream(http_server):
    answer, body = post(http_server, "fp32/generate_stream", b'{"INPUT0":[1,2.5]}')
    assert answer.getheader("Content-Type") == "text/event-stream; charset=utf-8"
    assert body == b'data: {"OUTPUT0":[1.0,2.5],"model_name":"fp32","model_version":"1"}\n\n'
