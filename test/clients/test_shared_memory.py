"""Tensors in shared memory, with the utilities of Triton's own client, over both protocols."""

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
import tritonclient.utils.shared_memory as shm
from serving import ROOT, Server, running_server
from tritonclient.utils import InferenceServerException, serialize_byte_tensor

pytestmark = pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no shared memory objects here")

COUNT_UP = np.arange(16, dtype=np.int32).reshape(1, 16)
ONES = np.ones((1, 16), dtype=np.int32)
REGION_BYTES = 4096

STRINGS = """
backend: "identity"
max_batch_size: 8
input { name: "INPUT0" data_type: TYPE_STRING dims: [ -1 ] }
output { name: "OUTPUT0" data_type: TYPE_STRING dims: [ -1 ] }
"""


@dataclass(frozen=True)
class Connection:
    """A client, and the module that its inputs come from."""

    module: ModuleType
    client: Any


@pytest.fixture(scope="module")
def shm_server(tmp_path_factory) -> Iterator[Server]:
    repository = tmp_path_factory.mktemp("shm-repository")
    shutil.copytree(ROOT / "model-repository" / "simple", repository / "simple")
    (repository / "strings" / "1").mkdir(parents=True)
    (repository / "strings" / "config.pbtxt").write_text(STRINGS)
    log = tmp_path_factory.mktemp("shm-server") / "server.log"
    with running_server(repository, log, ["--allow-client-shm=true"]) as running:
        yield running


@pytest.fixture(params=["grpc", "http"])
def connection(request, shm_server) -> Iterator[Connection]:
    if request.param == "grpc":
        with tritonclient.grpc.InferenceServerClient(shm_server.grpc_url) as client:
            yield Connection(tritonclient.grpc, client)
    else:
        with tritonclient.http.InferenceServerClient(shm_server.http_url) as client:
            yield Connection(tritonclient.http, client)


@pytest.fixture
def region(connection) -> Iterator[Any]:
    """An object of the client's, registered as `region one`."""
    key = f"/naiad_client_{uuid.uuid4().hex}"
    handle = shm.create_shared_memory_region("region one", key, REGION_BYTES, create_only=True)
    connection.client.register_system_shared_memory("region one", key, REGION_BYTES)
    yield handle
    connection.client.unregister_system_shared_memory()
    shm.destroy_shared_memory_region(handle)


def shared_input(connection: Connection, name: str, shape: list[int], datatype: str, size: int, offset: int = 0):
    tensor = connection.module.InferInput(name, shape, datatype)
    tensor.set_shared_memory("region one", size, offset=offset)
    return tensor


def shared_output(connection: Connection, name: str, size: int, offset: int):
    output = connection.module.InferRequestedOutput(name)
    output.set_shared_memory("region one", size, offset=offset)
    return output


def simple_inputs(connection: Connection) -> list:
    return [
        shared_input(connection, "INPUT0", [1, 16], "INT32", 64),
        shared_input(connection, "INPUT1", [1, 16], "INT32", 64, offset=64),
    ]


def names_of(status: Any) -> list[str]:
    """gRPC answers with a map by name, HTTP with a list."""
    return [each["name"] for each in status] if isinstance(status, list) else list(status.regions)


def test_regions_are_told_and_forgotten(connection, region):
    client = connection.client
    assert names_of(client.get_system_shared_memory_status()) == ["region one"]
    assert names_of(client.get_system_shared_memory_status("region one")) == ["region one"]
    with pytest.raises(InferenceServerException, match="'region one' already in manager"):
        client.register_system_shared_memory("region one", "/other", REGION_BYTES)
    client.unregister_system_shared_memory("region one")
    assert names_of(client.get_system_shared_memory_status()) == []
    with pytest.raises(InferenceServerException, match="Unable to find system shared memory region: 'region one'"):
        client.get_system_shared_memory_status("region one")


def test_inputs_and_outputs(connection, region):
    shm.set_shared_memory_region(region, [COUNT_UP, ONES])
    outputs = [
        shared_output(connection, "OUTPUT0", 64, 128),
        connection.module.InferRequestedOutput("OUTPUT1"),
    ]
    result = connection.client.infer("simple", simple_inputs(connection), outputs=outputs)
    np.testing.assert_array_equal(shm.get_contents_as_numpy(region, np.int32, [1, 16], offset=128), COUNT_UP + 1)
    np.testing.assert_array_equal(result.as_numpy("OUTPUT1"), COUNT_UP - 1)
    output = result.get_output("OUTPUT0")
    shape = output["shape"] if isinstance(output, dict) else list(output.shape)
    assert shape == [1, 16]


def test_one_input_in_the_message(connection, region):
    shm.set_shared_memory_region(region, [COUNT_UP])
    plain = connection.module.InferInput("INPUT1", [1, 16], "INT32")
    plain.set_data_from_numpy(ONES)
    result = connection.client.infer("simple", [simple_inputs(connection)[0], plain])
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), COUNT_UP + 1)


def test_strings(connection, region):
    values = np.array([[b"a", b"", "naïve ✓".encode(), b"\0\xff"]], dtype=np.object_)
    serialized = serialize_byte_tensor(values)
    size = len(serialized.item())
    shm.set_shared_memory_region(region, [serialized])
    tensor = shared_input(connection, "INPUT0", [1, 4], "BYTES", size)

    result = connection.client.infer("strings", [tensor])
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), values)

    output = shared_output(connection, "OUTPUT0", 2048, 2048)
    connection.client.infer("strings", [tensor], outputs=[output])
    np.testing.assert_array_equal(shm.get_contents_as_numpy(region, np.object_, [1, 4], offset=2048), values)


@pytest.mark.parametrize(
    ("size", "offset", "message"),
    [
        (32, 128, r"'OUTPUT0' \(32 bytes\) should be at least 64 bytes to hold the results"),
        (64, REGION_BYTES, "Invalid offset for shared memory region: 'region one'"),
        (64, REGION_BYTES - 8, r"Invalid offset \+ byte size for shared memory region: 'region one'"),
    ],
)
def test_an_output_without_room_is_refused(connection, region, size, offset, message):
    with pytest.raises(InferenceServerException, match=message):
        connection.client.infer(
            "simple", simple_inputs(connection), outputs=[shared_output(connection, "OUTPUT0", size, offset)]
        )


def test_memory_of_a_gpu_is_refused(connection):
    client = connection.client
    client.unregister_cuda_shared_memory()
    assert names_of(client.get_cuda_shared_memory_status()) == []
    with pytest.raises(InferenceServerException, match="'gpu', GPUs not supported"):
        client.register_cuda_shared_memory("gpu", b"A" * 88, 0, 64)


def test_a_stream(shm_server):
    answers: list = []
    key = f"/naiad_client_{uuid.uuid4().hex}"
    handle = shm.create_shared_memory_region("region one", key, REGION_BYTES, create_only=True)
    shm.set_shared_memory_region(handle, [COUNT_UP, ONES])
    with tritonclient.grpc.InferenceServerClient(shm_server.grpc_url) as client:
        connection = Connection(tritonclient.grpc, client)
        client.register_system_shared_memory("region one", key, REGION_BYTES)
        client.start_stream(lambda result, error: answers.append((result, error)))
        for offset in (1024, 2048):
            client.async_stream_infer(
                "simple",
                simple_inputs(connection),
                outputs=[shared_output(connection, "OUTPUT0", 64, offset)],
            )
        client.stop_stream()
        client.unregister_system_shared_memory()
    assert [error for _, error in answers] == [None, None]
    for offset in (1024, 2048):
        np.testing.assert_array_equal(
            shm.get_contents_as_numpy(handle, np.int32, [1, 16], offset=offset), COUNT_UP + 1
        )
    shm.destroy_shared_memory_region(handle)
