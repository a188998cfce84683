"""kserve_session.py GRPC_URL HTTP_URL: a talk of KServe's Python client with a server, told as JSON on standard output.

A process of its own: KServe's messages have the names of Triton's, and one process can't know both.
"""

import asyncio
import importlib.util
import json
import logging
import sys
import types

import numpy as np

# The package's own start imports all of KServe; its client needs a part.
spec = importlib.util.find_spec("kserve")
if spec is None or spec.submodule_search_locations is None:
    sys.exit("kserve is not installed")
package = types.ModuleType("kserve")
package.__path__ = list(spec.submodule_search_locations)
sys.modules["kserve"] = package

import grpc  # noqa: E402
import httpx  # noqa: E402
from kserve.inference_client import InferenceGRPCClient, InferenceRESTClient, RESTConfig  # noqa: E402
from kserve.protocol.infer_type import InferInput, InferRequest, InferResponse  # noqa: E402

COUNT_UP = np.arange(16, dtype=np.int32).reshape(1, 16)
WORDS = np.array([["naïve", "", "✓"]], dtype=np.object_)


def request(model: str, tensors: dict[str, tuple[str, np.ndarray]], binary: bool) -> InferRequest:
    inputs = []
    for name, (datatype, values) in tensors.items():
        filled = InferInput(name, list(values.shape), datatype)
        filled.set_data_from_numpy(values, binary_data=binary)
        inputs.append(filled)
    parameters = {"binary_data_output": True} if binary else None
    return InferRequest(model_name=model, infer_inputs=inputs, request_id="kserve", parameters=parameters)


def sums(model: str, binary: bool) -> InferRequest:
    return request(model, {"INPUT0": ("INT32", COUNT_UP), "INPUT1": ("INT32", COUNT_UP)}, binary)


def told(answer: InferResponse) -> dict:
    return {
        "model": answer.model_name,
        "version": answer.model_version,
        "id": answer.id,
        "outputs": {output.name: texts(output.as_numpy()) for output in answer.outputs},
    }


def texts(values: np.ndarray) -> list:
    return json.loads(json.dumps(values.tolist(), default=lambda data: data.decode()))


async def over_grpc(url: str) -> dict:
    async with InferenceGRPCClient(url) as client:
        said = {
            "live": await client.is_server_live(),
            "ready": await client.is_server_ready(),
            "model ready": await client.is_model_ready("simple"),
            "unknown model ready": await client.is_model_ready("no_such"),
            "typed": told(await client.infer(sums("simple", False))),
            "raw": told(await client.infer(sums("simple", True))),
            "words": told(await client.infer(request("words", {"INPUT0": ("BYTES", WORDS)}, True))),
        }
        try:
            await client.infer(sums("no_such", False))
        except grpc.RpcError as error:
            said["error"] = [error.code().name, error.details()]
        return said


async def over_http(url: str) -> dict:
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    said = {
        "model ready": await client.is_model_ready(url, "simple"),
        "typed": told(await client.infer(url, sums("simple", False), model_name="simple")),
        "raw": told(await client.infer(url, sums("simple", True), model_name="simple")),
        "words": told(
            await client.infer(url, request("words", {"INPUT0": ("BYTES", WORDS)}, True), model_name="words")
        ),
    }
    for case, model, body in (
        ("unknown", "no_such", sums("no_such", False)),
        ("wrong", "simple", request("simple", {}, False)),
    ):
        try:
            await client.infer(url, body, model_name=model)
        except httpx.HTTPStatusError as error:
            said[case] = [error.response.status_code, str(error).split(", '")[0]]
    await client.close()
    return said


async def main() -> None:
    grpc_url, http_url = sys.argv[1:]
    print(json.dumps({"grpc": await over_grpc(grpc_url), "http": await over_http(f"http://{http_url}")}))


logging.disable(logging.CRITICAL)
asyncio.run(main())
