"""Names the emotion of a face: python emotion.py PICTURE [ADDRESS]"""

import sys
from pathlib import Path

import numpy as np
import tritonclient.grpc as triton


def main() -> None:
    picture = Path(sys.argv[1]).read_bytes()
    address = sys.argv[2] if len(sys.argv) > 2 else "localhost:8001"

    image = triton.InferInput("image", [1], "BYTES")
    image.set_data_from_numpy(np.array([picture], dtype=np.object_))
    # class_count asks for "value:index:label" strings instead of the seven probabilities.
    best = triton.InferRequestedOutput("probabilities", class_count=1)

    with triton.InferenceServerClient(address) as client:
        answer = client.infer("face_emotion", [image], outputs=[best])
    print(answer.as_numpy("probabilities")[0, 0].decode())


main()
