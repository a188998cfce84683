"""NVIDIA's Python client against the server: what Triton's users have in production."""

import io
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import tritonclient.grpc as triton
from PIL import Image
from serving import Server, running_server
from tritonclient.grpc import model_config_pb2
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

ONES = np.ones((1, 16), dtype=np.int32)
COUNT_UP = np.arange(16, dtype=np.int32).reshape(1, 16)

BATCH_NOTE = (
    "NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be prepended to each "
    "input shape. If you want to specify the full shape including the batch dim in your input dims config, try "
    "setting max_batch_size to zero. See the model configuration docs for more info on max_batch_size."
)


def tensor(name: str, values: np.ndarray) -> triton.InferInput:
    filled = triton.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
    filled.set_data_from_numpy(values)
    return filled


def simple_inputs(first: np.ndarray = COUNT_UP, second: np.ndarray = ONES) -> list[triton.InferInput]:
    return [tensor("INPUT0", first), tensor("INPUT1", second)]


def pictures(*files: bytes) -> list[triton.InferInput]:
    return [tensor("image", np.array(files, dtype=np.object_))]


def best_of(result: triton.InferResult, output: str, row: int = 0) -> tuple[float, int, str]:
    """The first class of a classification answer, "value:index:label"."""
    value, index, label = result.as_numpy(output)[row][0].decode().split(":", 2)
    return float(value), int(index), label


T = TypeVar("T")


def eventually(ask: Callable[[], T], holds: Callable[[T], bool], seconds_max: float = 5) -> T:
    """Statistics may be written just after the answer has left: ask until they say so."""
    deadline = time.monotonic() + seconds_max
    while not holds(answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert holds(answer), f"still so after {seconds_max} s: {answer}"
    return answer


def statistics_of(client: triton.InferenceServerClient, name: str):
    (statistics,) = client.get_inference_statistics(name).model_stats
    return statistics


# ------------------------------------------------------------- server and models


def test_health(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("simple")
    assert client.is_model_ready("simple", "1")
    assert not client.is_model_ready("no_such")


def test_server_metadata(client):
    metadata = client.get_server_metadata()
    assert metadata.name == "triton"
    assert metadata.version
    assert {"classification", "model_configuration", "statistics"} <= set(metadata.extensions)


def test_model_metadata(client):
    metadata = client.get_model_metadata("simple")
    assert metadata.name == "simple"
    assert list(metadata.versions) == ["1"]
    assert metadata.platform == "onnxruntime_onnx"
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.inputs] == [
        ("INPUT0", "INT32", [-1, 16]),
        ("INPUT1", "INT32", [-1, 16]),
    ]
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.outputs] == [
        ("OUTPUT0", "INT32", [-1, 16]),
        ("OUTPUT1", "INT32", [-1, 16]),
    ]


def test_metadata_of_a_model_with_three_versions(client):
    metadata = client.get_model_metadata("face_emotion")
    assert sorted(metadata.versions) == ["1", "2", "3"]
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.inputs] == [("image", "UINT8", [-1, 112, 112, 3])]
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.outputs] == [("probabilities", "FP32", [-1, 7])]
    assert list(client.get_model_metadata("face_emotion", "1").versions) == ["1"]


def test_model_config_is_complete(client):
    config = client.get_model_config("simple").config
    assert config.name == "simple"
    assert config.backend == "onnxruntime"
    assert config.platform == "onnxruntime_onnx"
    assert config.max_batch_size == 8
    assert config.default_model_filename == "model.onnx"
    assert [(i.name, i.data_type, list(i.dims)) for i in config.input] == [
        ("INPUT0", model_config_pb2.TYPE_INT32, [16]),
        ("INPUT1", model_config_pb2.TYPE_INT32, [16]),
    ]
    assert {(o.name, o.data_type, tuple(o.dims)) for o in config.output} == {
        ("OUTPUT0", model_config_pb2.TYPE_INT32, (16,)),
        ("OUTPUT1", model_config_pb2.TYPE_INT32, (16,)),
    }
    assert config.version_policy.WhichOneof("policy_choice") == "latest"
    assert config.version_policy.latest.num_versions == 1
    assert config.optimization.input_pinned_memory.enable
    assert config.instance_group
    assert all(group.name and group.count >= 1 for group in config.instance_group)


def test_repository_index(client):
    ready = {(m.name, m.version, m.state) for m in client.get_model_repository_index().models}
    assert {
        ("simple", "1", "READY"),
        ("face_emotion", "1", "READY"),
        ("face_emotion", "2", "READY"),
        ("face_emotion", "3", "READY"),
    } <= ready


def test_statistics_count_requests_rows_and_executions(client):
    before = statistics_of(client, "simple")
    client.infer("simple", simple_inputs())
    three_rows = simple_inputs(np.repeat(COUNT_UP, 3, axis=0), np.repeat(ONES, 3, axis=0))
    client.infer("simple", three_rows)

    after = eventually(
        lambda: statistics_of(client, "simple"),
        lambda now: now.inference_stats.success.count == before.inference_stats.success.count + 2,
    )

    assert (after.name, after.version) == ("simple", "1")
    assert after.inference_count == before.inference_count + 4
    assert after.execution_count == before.execution_count + 2
    assert after.inference_stats.fail.count == before.inference_stats.fail.count
    assert abs(after.last_inference / 1000 - time.time()) < 60
    for part in ("success", "queue", "compute_input", "compute_infer", "compute_output"):
        was, now = getattr(before.inference_stats, part), getattr(after.inference_stats, part)
        assert now.count == was.count + 2, part
    assert after.inference_stats.success.ns > before.inference_stats.success.ns
    assert after.inference_stats.compute_infer.ns > before.inference_stats.compute_infer.ns
    assert 3 in [batch.batch_size for batch in after.batch_stats]


def test_statistics_of_all_models(client):
    names = {statistics.name for statistics in client.get_inference_statistics().model_stats}
    assert {"simple", "face_emotion"} <= names


# ------------------------------------------------------------------ inference


def test_infer(client):
    result = client.infer("simple", simple_inputs())
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), COUNT_UP + ONES)
    np.testing.assert_array_equal(result.as_numpy("OUTPUT1"), COUNT_UP - ONES)
    response = result.get_response()
    assert (response.model_name, response.model_version) == ("simple", "1")
    assert response.id == ""


def test_infer_a_full_batch(client):
    first = np.arange(128, dtype=np.int32).reshape(8, 16)
    second = np.full((8, 16), -7, dtype=np.int32)
    result = client.infer("simple", simple_inputs(first, second))
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), first + second)
    np.testing.assert_array_equal(result.as_numpy("OUTPUT1"), first - second)


def test_request_id_comes_back(client):
    for request_id in ("r-1", "naïve ✓", "x" * 1000):
        result = client.infer("simple", simple_inputs(), request_id=request_id)
        assert result.get_response().id == request_id


def test_only_the_requested_output_is_answered(client):
    result = client.infer("simple", simple_inputs(), outputs=[triton.InferRequestedOutput("OUTPUT1")])
    assert [output.name for output in result.get_response().outputs] == ["OUTPUT1"]
    assert len(result.get_response().raw_output_contents) == 1
    np.testing.assert_array_equal(result.as_numpy("OUTPUT1"), COUNT_UP - ONES)
    assert result.as_numpy("OUTPUT0") is None


def test_concurrent_requests_share_batches(client):
    """32 at once, each with numbers of its own: nobody may get another's answer."""
    batched_before = batches_above_one(client)
    rounds_max = 20
    for _ in range(rounds_max):
        waiting: list[tuple[np.ndarray, Future]] = []
        for n in range(32):
            values = np.full((1, 16), n * 1000, dtype=np.int32) + COUNT_UP
            answer: Future = Future()
            client.async_infer("simple", simple_inputs(values), settle(answer), request_id=str(n))
            waiting.append((values, answer))
        for n, (values, answer) in enumerate(waiting):
            result = answer.result(timeout=30)
            assert result.get_response().id == str(n)
            np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), values + ONES)
            np.testing.assert_array_equal(result.as_numpy("OUTPUT1"), values - ONES)
        # Whether requests meet in the queue is a matter of timing; in 20 rounds some must.
        if batches_above_one(client) > batched_before:
            return
    pytest.fail(f"{rounds_max} times 32 concurrent requests, and never two in one batch")


def batches_above_one(client: triton.InferenceServerClient) -> int:
    batches = statistics_of(client, "simple").batch_stats
    return sum(batch.compute_infer.count for batch in batches if batch.batch_size > 1)


def settle(answer: Future) -> Callable[[triton.InferResult | None, InferenceServerException | None], None]:
    def callback(result=None, error=None):
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    return callback


# ------------------------------------------------------------------- pictures


def test_jpeg_file_as_input(client, face):
    result = client.infer("face_emotion", pictures(face))
    probabilities = result.as_numpy("probabilities")
    assert result.get_response().model_version == "3"
    assert probabilities.shape == (1, 7)
    assert probabilities.dtype == np.float32
    assert probabilities.sum() == pytest.approx(1, abs=1e-3)
    assert probabilities.argmax() == 1


def test_decoded_pixels_give_the_same_class(client, face):
    pixels = np.asarray(Image.open(io.BytesIO(face)).convert("RGB").resize((112, 112)), dtype=np.uint8)
    decoded = client.infer("face_emotion", [tensor("image", pixels[np.newaxis])]).as_numpy("probabilities")
    encoded = client.infer("face_emotion", pictures(face)).as_numpy("probabilities")
    assert decoded.argmax() == encoded.argmax()


def test_several_pictures_in_one_request(client, face):
    png = io.BytesIO()
    Image.open(io.BytesIO(face)).save(png, format="PNG")
    one = client.infer("face_emotion", pictures(face)).as_numpy("probabilities")
    three = client.infer("face_emotion", pictures(face, png.getvalue(), face)).as_numpy("probabilities")
    assert three.shape == (3, 7)
    np.testing.assert_allclose(three, np.repeat(one, 3, axis=0), atol=1e-3)


def test_classification(client, face):
    outputs = [triton.InferRequestedOutput("probabilities", class_count=1)]
    result = client.infer("face_emotion", pictures(face), outputs=outputs)
    output = result.get_output("probabilities")
    assert output.datatype == "BYTES"
    assert list(output.shape) == [1, 1]
    value, index, label = best_of(result, "probabilities")
    assert (index, label) == (1, "happy")
    assert 0.99 <= value <= 1
    (text,) = result.as_numpy("probabilities").ravel()
    assert text == b"%.6f:1:happy" % value


def test_all_classes_come_in_descending_order(client, face):
    outputs = [triton.InferRequestedOutput("probabilities", class_count=100)]
    result = client.infer("face_emotion", pictures(face), outputs=outputs)
    classes = [text.decode().split(":") for text in result.as_numpy("probabilities")[0]]
    values = [float(value) for value, _, _ in classes]
    assert values == sorted(values, reverse=True)
    assert sorted(int(index) for _, index, _ in classes) == list(range(7))
    assert {label for _, _, label in classes} == {
        "neutral",
        "happy",
        "sad",
        "angry",
        "fearful",
        "disgusted",
        "surprised",
    }


def test_an_older_version_on_request(client, face):
    result = client.infer("face_emotion", pictures(face), model_version="1")
    assert result.get_response().model_version == "1"
    assert result.as_numpy("probabilities").shape == (1, 7)
    assert result.as_numpy("probabilities").argmax() == 1


# --------------------------------------------------------------------- errors

WIDE = np.zeros((1, 17), dtype=np.int32)
FLOATS = COUNT_UP.astype(np.float32)
NINE_ROWS = np.zeros((9, 16), dtype=np.int32)

REFUSED = {
    "wrong data type": (
        {"inputs": simple_inputs(FLOATS, ONES)},
        "INVALID_ARGUMENT",
        "[request id: <id_unknown>] inference input 'INPUT0' data-type is 'FP32', but model 'simple' expects 'INT32'",
    ),
    "wrong data type of both inputs": (
        {"inputs": simple_inputs(FLOATS, FLOATS)},
        "INVALID_ARGUMENT",
        "[request id: <id_unknown>] inference input 'INPUT1' data-type is 'FP32', but model 'simple' expects 'INT32'",
    ),
    "the request id is named": (
        {"inputs": simple_inputs(FLOATS, ONES), "request_id": "my-7"},
        "INVALID_ARGUMENT",
        "[request id: my-7] inference input 'INPUT0' data-type is 'FP32', but model 'simple' expects 'INT32'",
    ),
    "wrong shape": (
        {"inputs": simple_inputs(WIDE, WIDE)},
        "INVALID_ARGUMENT",
        "[request id: <id_unknown>] unexpected shape for input 'INPUT1' for model 'simple'. "
        f"Expected [-1,16], got [1,17]. {BATCH_NOTE}",
    ),
    "batch too large": (
        {"inputs": simple_inputs(NINE_ROWS, NINE_ROWS)},
        "INVALID_ARGUMENT",
        "[request id: <id_unknown>] inference request batch-size must be <= 8 for 'simple'",
    ),
    "missing input": (
        {"inputs": simple_inputs()[:1]},
        "INVALID_ARGUMENT",
        "[request id: <id_unknown>] expected 2 inputs but got 1 inputs for model 'simple'. Got input(s) ['INPUT0'], "
        "but missing required input(s) ['INPUT1']. Please provide all required input(s).",
    ),
    "unknown input": (
        {"inputs": [simple_inputs()[0], tensor("OTHER", ONES)]},
        "INVALID_ARGUMENT",
        "unexpected inference input 'OTHER' for model 'simple'",
    ),
    "unknown output": (
        {"inputs": simple_inputs(), "outputs": [triton.InferRequestedOutput("NOPE")]},
        "INVALID_ARGUMENT",
        "unexpected inference output 'NOPE' for model 'simple'",
    ),
    "unknown model": (
        {"model_name": "no_such", "inputs": simple_inputs()},
        "NOT_FOUND",
        "Request for unknown model: 'no_such' is not found",
    ),
    "unknown version": (
        {"inputs": simple_inputs(), "model_version": "99"},
        "NOT_FOUND",
        "Request for unknown model: 'simple' version 99 is not found",
    ),
    "malformed version": (
        {"inputs": simple_inputs(), "model_version": "one"},
        "INVALID_ARGUMENT",
        "failed to get model version from specified version string 'one' (details: stol), "
        "version should be an integral value > 0",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_infer_is_refused_in_tritons_words(client, case):
    call, status, message = REFUSED[case]
    with pytest.raises(InferenceServerException) as refusal:
        client.infer(**{"model_name": "simple", **call})
    assert (refusal.value.status(), refusal.value.message()) == (f"StatusCode.{status}", message)


@pytest.mark.parametrize(
    ("ask", "status", "message"),
    [
        (
            lambda client: client.get_model_metadata("no_such"),
            "NOT_FOUND",
            "Request for unknown model: 'no_such' is not found",
        ),
        (
            lambda client: client.get_model_metadata("simple", "99"),
            "NOT_FOUND",
            "Request for unknown model: 'simple' version 99 is not found",
        ),
        (
            lambda client: client.get_model_config("no_such"),
            "NOT_FOUND",
            "Request for unknown model: 'no_such' is not found",
        ),
        (
            lambda client: client.get_inference_statistics("no_such"),
            "INVALID_ARGUMENT",
            "requested model 'no_such' is not available",
        ),
        (
            lambda client: client.get_inference_statistics("simple", "99"),
            "INVALID_ARGUMENT",
            "requested model version is not available for model 'simple'",
        ),
    ],
    ids=["metadata", "metadata of a version", "config", "statistics", "statistics of a version"],
)
def test_questions_about_unknown_models_are_refused(client, ask, status, message):
    with pytest.raises(InferenceServerException) as refusal:
        ask(client)
    assert (refusal.value.status(), refusal.value.message()) == (f"StatusCode.{status}", message)


def test_a_refused_request_does_not_count_as_failed(client):
    before = statistics_of(client, "simple").inference_stats
    with pytest.raises(InferenceServerException):
        client.infer("simple", simple_inputs(WIDE, WIDE))
    client.infer("simple", simple_inputs())
    after = eventually(
        lambda: statistics_of(client, "simple").inference_stats,
        lambda now: now.success.count == before.success.count + 1,
    )
    assert after.fail.count == before.fail.count


# ------------------------------------------- a repository made for these tests

# Waits for eight rows, so that a single request stays in the queue.
PATIENT = "dynamic_batching { preferred_batch_size: [ 8 ] max_queue_delay_microseconds: 2000000 }"

MOBILENET_CONFIG = """
max_batch_size: 8
input { name: "image" data_type: TYPE_UINT8 format: FORMAT_NHWC dims: [ 224, 224, 3 ] }
output {
  name: "probabilities"
  data_type: TYPE_FP32
  dims: [ 1001 ]
  label_filename: "imagenet_labels.txt"
}
parameters { key: "image.resize" value { string_value: "cover" } }
dynamic_batching {}
"""


def identity_config(datatype: str, more: str = "") -> str:
    return f"""
backend: "identity"
max_batch_size: 8
input {{ name: "INPUT0" data_type: TYPE_{datatype} dims: [ -1 ] }}
output {{ name: "OUTPUT0" data_type: TYPE_{datatype} dims: [ -1 ] }}
instance_group {{ kind: KIND_CPU }}
{more}
"""


def add_model(repository: Path, name: str, config: str) -> Path:
    """The model's folder, with an empty version 1."""
    folder = repository / name
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text(config)
    return folder


@pytest.fixture(scope="module")
def identity_server(tmp_path_factory) -> Iterator[Server]:
    repository = tmp_path_factory.mktemp("identity-repository")
    for datatype in ("FP16", "INT64", "STRING"):
        add_model(repository, f"identity_{datatype.lower()}", identity_config(datatype))
    add_model(repository, "patient", identity_config("INT32", PATIENT))
    with running_server(repository, tmp_path_factory.mktemp("identity-server") / "server.log") as running:
        yield running


@pytest.fixture(scope="module")
def identity_client(identity_server) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(identity_server.grpc_url) as connected:
        yield connected


@pytest.mark.parametrize(
    ("model", "values"),
    [
        ("identity_fp16", np.array([[0.5, -65504, np.inf]], dtype=np.float16)),
        ("identity_int64", np.array([[-(2**63), 2**63 - 1], [2**53 + 1, 0]], dtype=np.int64)),
        (
            "identity_string",
            np.array([[b"", b"a\0b", "naïve ✓".encode(), b"\xff\xfe", b"x" * 100_000]], dtype=np.object_),
        ),
    ],
    ids=["fp16", "int64", "bytes"],
)
def test_values_come_back_unchanged(identity_client, model, values):
    result = identity_client.infer(model, [tensor("INPUT0", values)])
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), values)


def test_client_timeout(identity_client):
    before = statistics_of(identity_client, "patient")
    started = time.monotonic()
    with pytest.raises(InferenceServerException) as expiry:
        identity_client.infer("patient", [tensor("INPUT0", ONES)], client_timeout=0.3)
    assert time.monotonic() - started < 1.5
    assert expiry.value.status() == "StatusCode.DEADLINE_EXCEEDED"

    # The one that nobody waits for any more has left the queue: only the second row is run.
    result = identity_client.infer("patient", [tensor("INPUT0", COUNT_UP)], client_timeout=30)
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), COUNT_UP)
    after = eventually(
        lambda: statistics_of(identity_client, "patient"),
        lambda now: now.inference_stats.success.count == before.inference_stats.success.count + 1,
    )
    assert after.inference_count == before.inference_count + 1


@pytest.fixture(scope="module")
def imagenet(shared) -> Path:
    folder = shared / "data" / "imagenet"
    if not (folder / "mobilenet_v2.onnx").exists():
        pytest.skip(f"no mobilenet_v2.onnx in {folder}")
    return folder


@pytest.fixture(scope="module")
def mobilenet_client(imagenet, tmp_path_factory) -> Iterator[triton.InferenceServerClient]:
    repository = tmp_path_factory.mktemp("mobilenet-repository")
    folder = add_model(repository, "mobilenet", MOBILENET_CONFIG)
    shutil.copy(imagenet / "mobilenet_v2.onnx", folder / "1" / "model.onnx")
    shutil.copy(imagenet / "imagenet_labels.txt", folder)
    with (
        running_server(repository, tmp_path_factory.mktemp("mobilenet-server") / "server.log") as running,
        triton.InferenceServerClient(running.grpc_url) as connected,
    ):
        yield connected


@pytest.mark.parametrize(
    ("file", "label"),
    [("cat.png", "Egyptian cat"), ("parrot.jpg", "macaw"), ("hot_dog.jpg", "hotdog")],
)
def test_mobilenet_sees_what_is_there(mobilenet_client, imagenet, file, label):
    outputs = [triton.InferRequestedOutput("probabilities", class_count=1)]
    result = mobilenet_client.infer("mobilenet", pictures((imagenet / file).read_bytes()), outputs=outputs)
    value, _, found = best_of(result, "probabilities")
    assert label in found
    assert value > 0.5


def test_mobilenet_answers_a_mixed_batch_in_order(mobilenet_client, imagenet):
    files = [(imagenet / name).read_bytes() for name in ("cat.png", "parrot.jpg", "hot_dog.jpg")]
    outputs = [triton.InferRequestedOutput("probabilities", class_count=1)]
    result = mobilenet_client.infer("mobilenet", pictures(*files), outputs=outputs)
    found = [best_of(result, "probabilities", row)[2] for row in range(3)]
    for label, name in zip(("Egyptian cat", "macaw", "hotdog"), found, strict=True):
        assert label in name
