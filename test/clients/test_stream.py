"""NVIDIA's Python client on streams: with callbacks, and with asyncio."""

import asyncio
import queue
from collections.abc import Iterator
from typing import Self

import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from serving import Server, running_server
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

SECONDS_MAX = 60
# Far longer than any test.
FOR_EVER_MS = 1_000_000_000

IDENTITY = """
backend: "identity"
max_batch_size: 8
input { name: "INPUT0" data_type: TYPE_FP32 dims: [ -1 ] }
output { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ -1 ] }
"""
SLOW = IDENTITY + 'parameters { key: "execute_delay_ms" value { string_value: "50" } }'
FAILING = IDENTITY + 'parameters { key: "fault" value { string_value: "error" } }'
REPEAT = """
backend: "repeat"
model_transaction_policy { decoupled: true }
input [
  { name: "IN" data_type: TYPE_INT32 dims: [ -1 ] },
  { name: "DELAY" data_type: TYPE_UINT32 dims: [ -1 ] },
  { name: "WAIT" data_type: TYPE_UINT32 dims: [ 1 ] }
]
output [
  { name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] },
  { name: "IDX" data_type: TYPE_UINT32 dims: [ 1 ] }
]
instance_group { kind: KIND_CPU count: 2 }
"""
MODELS = {"identity": IDENTITY, "slow": SLOW, "failing": FAILING, "repeat": REPEAT}


@pytest.fixture(scope="module")
def streaming(tmp_path_factory) -> Iterator[Server]:
    """Serves models for streams."""
    repository = tmp_path_factory.mktemp("streaming") / "models"
    for name, config in MODELS.items():
        (repository / name / "1").mkdir(parents=True)
        (repository / name / "config.pbtxt").write_text(config)
    with running_server(repository, repository.parent / "server.log") as running:
        yield running


def tensor(name: str, values: np.ndarray) -> triton.InferInput:
    filled = triton.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
    filled.set_data_from_numpy(values)
    return filled


def floats(*values: float) -> list[triton.InferInput]:
    return [tensor("INPUT0", np.array([values], dtype=np.float32))]


def repeated(values: list[int], delays: list[int] | None = None) -> list[triton.InferInput]:
    return [
        tensor("IN", np.array(values, dtype=np.int32)),
        tensor("DELAY", np.array(delays or [0] * len(values), dtype=np.uint32)),
        tensor("WAIT", np.array([0], dtype=np.uint32)),
    ]


def is_final(result: triton.InferResult) -> bool:
    return result.get_response().parameters["triton_final_response"].bool_param


class Callbacks:
    """A client whose stream is open inside the block; what comes back waits to be taken."""

    def __init__(self, server: Server, **stream_options):
        self.client = triton.InferenceServerClient(server.grpc_url)
        self._answers = queue.Queue()
        self._options = stream_options

    def __enter__(self) -> Self:
        self.client.start_stream(lambda result, error: self._answers.put((result, error)), **self._options)
        return self

    def __exit__(self, *_):
        self.client.stop_stream(cancel_requests=True)
        self.client.close()

    def send(self, model: str, inputs: list[triton.InferInput], request_id: str, **options) -> None:
        self.client.async_stream_infer(model, inputs, request_id=request_id, **options)

    def next(self) -> triton.InferResult:
        result, error = self._answers.get(timeout=SECONDS_MAX)
        if error is not None:
            raise error
        return result


# -------------------------------------------------------------------- callbacks


def test_answers_come_in_the_order_of_the_requests(streaming):
    with Callbacks(streaming) as stream:
        for index in range(20):
            stream.send("slow" if index % 5 == 0 else "identity", floats(index), str(index))
        for index in range(20):
            result = stream.next()
            assert result.get_response().id == str(index)
            assert result.as_numpy("OUTPUT0").tolist() == [[index]]
            assert is_final(result)


def test_errors_leave_the_stream_open(streaming):
    with Callbacks(streaming) as stream:
        stream.send("no_such", floats(1), "unknown")
        stream.send("failing", floats(1), "failing")
        stream.send("identity", floats(7), "well")
        with pytest.raises(InferenceServerException, match="Request for unknown model: 'no_such' is not found"):
            stream.next()
        with pytest.raises(InferenceServerException, match="model 'failing' fails as its parameter 'fault' asks"):
            stream.next()
        assert stream.next().get_response().id == "well"


def test_a_failure_ends_the_stream_where_asked(streaming):
    with Callbacks(streaming, headers={"triton_grpc_error": "true"}) as stream:
        stream.send("failing", floats(1), "failing")
        with pytest.raises(InferenceServerException) as failure:
            stream.next()
        assert failure.value.status() == "StatusCode.INTERNAL"
        assert failure.value.message() == "model 'failing' fails as its parameter 'fault' asks"


def test_a_decoupled_model_answers_many_times(streaming):
    with Callbacks(streaming) as stream:
        stream.send("repeat", repeated([4, 2, 3]), "r", enable_empty_final_response=True)
        for index, value in enumerate([4, 2, 3]):
            result = stream.next()
            assert result.as_numpy("OUT").tolist() == [value]
            assert result.as_numpy("IDX").tolist() == [index]
            assert not is_final(result)
        final = stream.next()
        assert is_final(final)
        assert final.get_response().id == "r"
        assert len(final.get_response().outputs) == 0


def test_a_decoupled_model_is_not_asked_by_model_infer(streaming):
    with triton.InferenceServerClient(streaming.grpc_url) as client:
        with pytest.raises(InferenceServerException, match="doesn't support models with decoupled") as refusal:
            client.infer("repeat", repeated([1]))
        assert refusal.value.status() == "StatusCode.UNIMPLEMENTED"
        assert client.get_model_config("repeat").config.model_transaction_policy.decoupled


def test_a_cancelled_stream_frees_its_model(streaming):
    with Callbacks(streaming) as stream:
        for request_id in "ab":
            stream.send("repeat", repeated([1, 2], [0, FOR_EVER_MS]), request_id)
        assert {stream.next().get_response().id for _ in "ab"} == {"a", "b"}
    with Callbacks(streaming) as stream:
        stream.send("repeat", repeated([5]), "c")
        assert stream.next().as_numpy("OUT").tolist() == [5]


def test_a_stream_keeps_to_its_deadline(streaming):
    with Callbacks(streaming, stream_timeout=1) as stream:
        stream.send("repeat", repeated([1], [FOR_EVER_MS]), "late")
        with pytest.raises(InferenceServerException) as failure:
            stream.next()
        assert failure.value.status() == "StatusCode.DEADLINE_EXCEEDED"


def test_statistics_by_answer(streaming):
    with Callbacks(streaming) as stream:
        stream.send("repeat", repeated([1, 2], [2, 2]), "r", enable_empty_final_response=True)
        while not is_final(stream.next()):
            pass
        statistics = stream.client.get_inference_statistics("repeat", as_json=True)["model_stats"][0]
    assert {"0", "1", "2"} <= set(statistics["response_stats"])
    assert int(statistics["response_stats"]["1"]["success"]["count"]) >= 1
    assert int(statistics["response_stats"]["1"]["compute_infer"]["ns"]) >= 2_000_000
    assert int(statistics["response_stats"]["2"]["empty_response"]["count"]) >= 1


# --------------------------------------------------------------------- asyncio


def test_asyncio_stream(streaming):
    async def requests():
        for index in range(5):
            yield {
                "model_name": "slow" if index == 0 else "identity",
                "inputs": floats(index),
                "request_id": str(index),
            }
        yield {"model_name": "no_such", "inputs": floats(1), "request_id": "unknown"}
        yield {"model_name": "identity", "inputs": floats(9), "request_id": "last"}

    async def run():
        told = []
        async with triton_aio.InferenceServerClient(streaming.grpc_url) as client:
            async for result, error in client.stream_infer(requests(), stream_timeout=SECONDS_MAX):
                told.append(str(error) if error else result.as_numpy("OUTPUT0").tolist())
        return told

    assert asyncio.run(run()) == [
        *([[index]] for index in [0, 1, 2, 3, 4]),
        "Request for unknown model: 'no_such' is not found",
        [[9]],
    ]


def test_asyncio_decoupled_and_cancelled(streaming):
    async def requests():
        yield {"model_name": "repeat", "inputs": repeated([1, 2, 3]), "request_id": "a"}
        yield {"model_name": "repeat", "inputs": repeated([4, 5], [0, FOR_EVER_MS]), "request_id": "b"}

    async def run():
        answers = []
        async with triton_aio.InferenceServerClient(streaming.grpc_url) as client:
            stream = client.stream_infer(requests(), stream_timeout=SECONDS_MAX)
            async for result, error in stream:
                assert error is None
                assert not is_final(result)
                answers.append((result.get_response().id, int(result.as_numpy("OUT")[0])))
                if len(answers) == 4:
                    stream.cancel()
                    break
        return answers

    answers = asyncio.run(run())
    assert sorted(answers) == [("a", 1), ("a", 2), ("a", 3), ("b", 4)]
    assert [value for request_id, value in answers if request_id == "a"] == [1, 2, 3]
