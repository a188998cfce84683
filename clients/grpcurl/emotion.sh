#!/usr/bin/env bash
# Names the emotion of a face: emotion.sh PICTURE [ADDRESS]
set -euo pipefail
picture=$1
address=${2:-localhost:8001}

# The picture goes through standard input: on a command line it would be too long.
grpcurl -plaintext -d @ "$address" inference.GRPCInferenceService/ModelInfer <<EOF |
{
  "model_name": "face_emotion",
  "inputs": [{
    "name": "image", "datatype": "BYTES", "shape": [1],
    "contents": { "bytes_contents": ["$(base64 "$picture" | tr -d '\n')"] }
  }],
  "outputs": [{ "name": "probabilities", "parameters": { "classification": { "int64_param": 1 } } }]
}
EOF
  # The answer is base64 of a 4-byte length and "value:index:label".
  sed -n 's/^ *"\([A-Za-z0-9+\/=]*\)"$/\1/p' | tail -n 1 | base64 -d | tail -c +5
echo
