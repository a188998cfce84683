#!/bin/sh
# Writes the package inference from ../../proto. PROTOC may name another protoc than the one in PATH.
set -eu
cd "$(dirname "$0")"
mkdir -p build inference
# The versions of go.mod.
go build -o build/ google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
package=naiad.example/emotion/inference
files=Mgrpc_service.proto=$package,Mmodel_config.proto=$package
# shellcheck disable=SC2086
${PROTOC:-protoc} -I../../proto \
  --plugin=protoc-gen-go=build/protoc-gen-go --go_out=inference --go_opt="paths=source_relative,$files" \
  --plugin=protoc-gen-go-grpc=build/protoc-gen-go-grpc --go-grpc_out=inference --go-grpc_opt="paths=source_relative,$files" \
  grpc_service.proto model_config.proto
