"""grpcio's own packages for health and reflection, as probes and dynamic clients use them."""

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICE = "inference.GRPCInferenceService"
SECONDS_MAX = 20


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(server.grpc_url) as connected:
        yield connected


@pytest.mark.parametrize("name", ["", SERVICE, "simple"])
def test_health(channel, name):
    stub = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service=name)
    assert stub.Check(request, timeout=SECONDS_MAX).status == health_pb2.HealthCheckResponse.SERVING
    watch = stub.Watch(request, timeout=SECONDS_MAX)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()


def test_health_of_something_unknown(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service="no_such")
    with pytest.raises(grpc.RpcError) as caught:
        stub.Check(request, timeout=SECONDS_MAX)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    watch = stub.Watch(request, timeout=SECONDS_MAX)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


def test_a_client_made_of_reflection_alone(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    assert {SERVICE, "grpc.health.v1.Health"} <= set(database.get_services())
    pool = DescriptorPool(database)
    service = pool.FindServiceByName(SERVICE)
    method = service.FindMethodByName("ModelInfer")
    request = GetMessageClass(method.input_type)(model_name="identity")
    request.inputs.add(name="INPUT0", datatype="FP32", shape=[1, 2]).contents.fp32_contents.extend([1.5, -2])
    call = channel.unary_unary(
        f"/{SERVICE}/{method.name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    answer = call(request, timeout=SECONDS_MAX)
    assert answer.raw_output_contents == [b"\x00\x00\xc0\x3f\x00\x00\x00\xc0"]
    # The configuration stands in a file of its own, which the first one imports.
    assert pool.FindMessageTypeByName("inference.ModelConfig").fields_by_name["dynamic_batching"].number == 11


def test_an_unknown_symbol(channel):
    with pytest.raises(KeyError):
        DescriptorPool(ProtoReflectionDescriptorDatabase(channel)).FindMessageTypeByName("inference.NoSuch")
