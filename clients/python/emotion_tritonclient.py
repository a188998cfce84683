"""Names the emotion of a face with NVIDIA's client: python emotion_tritonclient.py PICTURE [ADDRESS]"""

import sys
from pathlib import Path

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException


def main() -> int:
    picture = Path(sys.argv[1]).read_bytes()
    address = sys.argv[2] if len(sys.argv) > 2 else "localhost:8001"

    image = triton.InferInput("image", [1], "BYTES")
    image.set_data_from_numpy(np.array([picture], dtype=np.object_))
    # class_count asks for "value:index:label" strings instead of the seven probabilities.
    best = triton.InferRequestedOutput("probabilities", class_count=1)

    with triton.InferenceServerClient(address) as client:
        try:
            answer = client.infer("face_emotion", [image], outputs=[best], client_timeout=30)
        except InferenceServerException as error:
            print(f"{error.status().removeprefix('StatusCode.')}: {error.message()}", file=sys.stderr)
            return 1
    score, _, label = answer.as_numpy("probabilities")[0, 0].decode().split(":")
    print(f"{label} {float(score):.6f}")
    return 0


sys.exit(main())
