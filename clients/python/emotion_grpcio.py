"""Names the emotion of a face with nothing but grpcio: python emotion_grpcio.py PICTURE [ADDRESS]

The stubs come from the .proto files, see README.md:
python -m grpc_tools.protoc -Iproto --python_out=STUBS --grpc_python_out=STUBS grpc_service.proto model_config.proto
"""

import os
import sys
from pathlib import Path

import grpc

# protoc writes modules that import each other by their bare names.
sys.path.insert(0, os.environ.get("STUBS", str(Path(__file__).parent / "stubs")))

import grpc_service_pb2 as pb
import grpc_service_pb2_grpc as service

MESSAGE_BYTES_MAX = 2**31 - 1


def request_for(picture: bytes) -> pb.ModelInferRequest:
    image = pb.ModelInferRequest.InferInputTensor(
        name="image",
        datatype="BYTES",
        shape=[1],
        contents=pb.InferTensorContents(bytes_contents=[picture]),
    )
    # Asks for "value:index:label" strings instead of the seven probabilities.
    best = pb.ModelInferRequest.InferRequestedOutputTensor(
        name="probabilities",
        parameters={"classification": pb.InferParameter(int64_param=1)},
    )
    return pb.ModelInferRequest(model_name="face_emotion", inputs=[image], outputs=[best])


def best_of(answer: pb.ModelInferResponse) -> tuple[str, float]:
    """Label and score; the element of BYTES follows its length in 4 bytes."""
    raw = answer.raw_output_contents[0]
    length = int.from_bytes(raw[:4], "little")
    score, _, label = raw[4 : 4 + length].decode().split(":")
    return label, float(score)


def main() -> int:
    picture = Path(sys.argv[1]).read_bytes()
    address = sys.argv[2] if len(sys.argv) > 2 else "localhost:8001"
    # The default of 4 MB is soon too small for answers that are tensors.
    options = [("grpc.max_receive_message_length", MESSAGE_BYTES_MAX)]
    with grpc.insecure_channel(address, options) as channel:
        try:
            answer = service.GRPCInferenceServiceStub(channel).ModelInfer(request_for(picture), timeout=30)
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}", file=sys.stderr)
            return 1
    label, score = best_of(answer)
    print(f"{label} {score:.6f}")
    return 0


sys.exit(main())
