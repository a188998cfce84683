"""NVIDIA's Python clients for asyncio, over gRPC and HTTP; test_stream.py has their streams."""

import asyncio
from types import ModuleType

import numpy as np
import pytest
import tritonclient.grpc.aio
import tritonclient.http.aio
from serving import Server
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

COUNT_UP = np.arange(16, dtype=np.int32).reshape(1, 16)
AT_ONCE = 64


@pytest.fixture(params=["grpc", "http"])
def module(request) -> ModuleType:
    return {"grpc": tritonclient.grpc.aio, "http": tritonclient.http.aio}[request.param]


def connected(module: ModuleType, server: Server):
    is_grpc = module is tritonclient.grpc.aio
    return module.InferenceServerClient(server.grpc_url if is_grpc else server.http_url)


def inputs(module: ModuleType, second: int) -> list:
    values = {"INPUT0": COUNT_UP, "INPUT1": np.full_like(COUNT_UP, second)}
    filled = [
        module.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype)) for name, array in values.items()
    ]
    for each, array in zip(filled, values.values(), strict=True):
        each.set_data_from_numpy(array)
    return filled


def test_many_at_once_each_get_their_own(module, server):
    async def run():
        async with connected(module, server) as client:
            answers = [client.infer("simple", inputs(module, index)) for index in range(AT_ONCE)]
            return [answer.as_numpy("OUTPUT0") for answer in await asyncio.gather(*answers)]

    for index, sums in enumerate(asyncio.run(run())):
        np.testing.assert_array_equal(sums, COUNT_UP + index)


def test_control(module, server):
    async def run():
        async with connected(module, server) as client:
            assert await client.is_server_live()
            assert await client.is_server_ready()
            assert await client.is_model_ready("simple")
            assert not await client.is_model_ready("no_such")
            as_json = {} if module is tritonclient.http.aio else {"as_json": True}
            assert (await client.get_server_metadata(**as_json))["name"] == "triton"
            metadata = await client.get_model_metadata("simple", **as_json)
            assert [each["name"] for each in metadata["inputs"]] == ["INPUT0", "INPUT1"]
            config = await client.get_model_config("simple", **as_json)
            assert config.get("config", config)["max_batch_size"] == 8
            index = await client.get_model_repository_index(**as_json)
            assert "simple" in [each["name"] for each in (index["models"] if "models" in index else index)]
            statistics = await client.get_inference_statistics("simple", **as_json)
            assert statistics["model_stats"][0]["name"] == "simple"
            assert (await client.get_trace_settings(**as_json)) != {}
            assert (await client.get_log_settings(**as_json)) != {}

    asyncio.run(run())


def test_refusals(module, server):
    async def run():
        async with connected(module, server) as client:
            with pytest.raises(InferenceServerException, match="Request for unknown model: 'no_such' is not found"):
                await client.infer("no_such", inputs(module, 0))

    asyncio.run(run())
