"""Holds proto/*.proto against the descriptors that real clients carry.

Each file is flattened into facts, one line per message, field, enum value,
method and so on; two files agree when their facts are equal. A difference is
printed as one line: what it is about, what we say, what the client says.
"""

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)
from grpc_health.v1 import health_pb2
from grpc_tools import protoc
from tritonclient.grpc import model_config_pb2, service_pb2

PROTO_DIR = Path(__file__).resolve().parents[2] / "proto"
# All files as protoc sees them: what the server's reflection answers with.
DESCRIPTORS = PROTO_DIR / "descriptors.binpb"

REFERENCES = {
    "grpc_service.proto": service_pb2,
    "model_config.proto": model_config_pb2,
    "health.proto": health_pb2,
}

# Files that no client has: what this server offers beyond Triton's protocol.
OWN = {"naiad.proto", "error_details.proto"}
# protobuf's own, which ours import.
IMPORTED = {"google/protobuf/duration.proto"}

# What our files say beyond the clients' descriptors; nothing else may differ.
EXTRAS = {
    "grpc_service.proto": {
        # KServe's Open Inference Protocol has it, Triton does not.
        "field inference.ModelMetadataResponse.properties": (
            "6 repeated message .inference.ModelMetadataResponse.PropertiesEntry json=properties"
        ),
        "message inference.ModelMetadataResponse.PropertiesEntry": "map_entry",
        "field inference.ModelMetadataResponse.PropertiesEntry.key": "1 optional string json=key",
        "field inference.ModelMetadataResponse.PropertiesEntry.value": "2 optional string json=value",
    },
    "health.proto": {
        # grpc's own file has List since 1.85, whose Python package does not run
        # on tritonclient's major version of protobuf.
        "method grpc.health.v1.Health.List": ".grpc.health.v1.HealthListRequest -> .grpc.health.v1.HealthListResponse",
        "message grpc.health.v1.HealthListRequest": "",
        "reserved grpc.health.v1.HealthListRequest": "",
        "message grpc.health.v1.HealthListResponse": "",
        "reserved grpc.health.v1.HealthListResponse": "",
        "field grpc.health.v1.HealthListResponse.statuses": (
            "1 repeated message .grpc.health.v1.HealthListResponse.StatusesEntry json=statuses"
        ),
        "message grpc.health.v1.HealthListResponse.StatusesEntry": "map_entry",
        "field grpc.health.v1.HealthListResponse.StatusesEntry.key": "1 optional string json=key",
        "field grpc.health.v1.HealthListResponse.StatusesEntry.value": (
            "2 optional message .grpc.health.v1.HealthCheckResponse json=value"
        ),
    },
}

Facts = dict[str, str]

# Types that proto3 packs when they are repeated.
UNPACKABLE = {
    FieldDescriptorProto.TYPE_STRING,
    FieldDescriptorProto.TYPE_BYTES,
    FieldDescriptorProto.TYPE_MESSAGE,
    FieldDescriptorProto.TYPE_GROUP,
}


def flags(**named: bool) -> str:
    return " ".join(name for name, is_set in named.items() if is_set)


def reserved(item: DescriptorProto | EnumDescriptorProto) -> str:
    ranges = sorted(f"{r.start}-{r.end}" for r in item.reserved_range)
    return ", ".join(ranges + sorted(item.reserved_name))


def field_fact(field: FieldDescriptorProto, message: DescriptorProto) -> str:
    is_repeated = field.label == FieldDescriptorProto.LABEL_REPEATED
    is_packed = is_repeated and field.type not in UNPACKABLE
    if is_packed and field.options.HasField("packed"):
        is_packed = field.options.packed
    parts = [
        str(field.number),
        FieldDescriptorProto.Label.Name(field.label).removeprefix("LABEL_").lower(),
        FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower(),
        field.type_name,
        f"oneof={message.oneof_decl[field.oneof_index].name}" if field.HasField("oneof_index") else "",
        f"default={field.default_value!r}" if field.HasField("default_value") else "",
        f"extends={field.extendee}" if field.extendee else "",
        f"json={field.json_name or camel_case(field.name)}",
        flags(
            packed=is_packed,
            deprecated=field.options.deprecated,
            proto3_optional=field.proto3_optional,
        ),
    ]
    return " ".join(part for part in parts if part)


def camel_case(name: str) -> str:
    """The JSON name a compiler gives: descriptors in generated code leave it out."""
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


def enum_facts(enum: EnumDescriptorProto, scope: str) -> Facts:
    name = f"{scope}.{enum.name}"
    facts = {f"enum {name}": flags(allow_alias=enum.options.allow_alias)}
    for value in enum.value:
        facts[f"enum value {name}.{value.name}"] = str(value.number)
    facts[f"reserved {name}"] = reserved(enum)
    return facts


def message_facts(message: DescriptorProto, scope: str) -> Facts:
    name = f"{scope}.{message.name}"
    facts = {f"message {name}": flags(map_entry=message.options.map_entry)}
    if not message.options.map_entry:
        facts[f"reserved {name}"] = reserved(message)
    for oneof in message.oneof_decl:
        facts[f"oneof {name}.{oneof.name}"] = "present"
    for field in message.field:
        facts[f"field {name}.{field.name}"] = field_fact(field, message)
    for enum in message.enum_type:
        facts |= enum_facts(enum, name)
    for nested in message.nested_type:
        facts |= message_facts(nested, name)
    for range_ in message.extension_range:
        facts[f"extension range {name} {range_.start}-{range_.end}"] = "present"
    return facts


def service_facts(service: ServiceDescriptorProto, scope: str) -> Facts:
    name = f"{scope}.{service.name}"
    facts = {f"service {name}": "present"}
    for method in service.method:
        streaming = flags(client_stream=method.client_streaming, server_stream=method.server_streaming)
        facts[f"method {name}.{method.name}"] = f"{method.input_type} -> {method.output_type} {streaming}".strip()
    return facts


def file_facts(file: FileDescriptorProto) -> Facts:
    facts = {
        "syntax": file.syntax,
        "package": file.package,
        "imports": ", ".join(sorted(file.dependency)),
    }
    for enum in file.enum_type:
        facts |= enum_facts(enum, file.package)
    for message in file.message_type:
        facts |= message_facts(message, file.package)
    for service in file.service:
        facts |= service_facts(service, file.package)
    for extension in file.extension:
        facts[f"extension {file.package}.{extension.name}"] = field_fact(extension, DescriptorProto())
    return facts


def differences(ours: Facts, theirs: Facts, extras: Facts) -> list[str]:
    """One line per fact that is not the same on both sides, in either direction."""
    expected = theirs | extras
    lines = [
        f"{key}: in EXTRAS, but the client has it too: remove it there" for key in sorted(extras.keys() & theirs.keys())
    ]
    for key in sorted(ours.keys() | expected.keys()):
        if key not in ours:
            lines.append(f"{key}: missing in ours, expected '{expected[key]}'")
        elif key not in expected:
            lines.append(f"{key}: only in ours, as '{ours[key]}'")
        elif ours[key] != expected[key]:
            lines.append(f"{key}: ours '{ours[key]}', expected '{expected[key]}'")
    return lines


def facts_of_client(module) -> Facts:
    file = FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)
    return file_facts(file)


def compile_protos(folder: Path, output: Path) -> dict[str, FileDescriptorProto]:
    """Descriptors by file name. They stay out of protobuf's registry, where the
    clients' files of the same names live."""
    names = sorted(path.name for path in folder.glob("*.proto"))
    well_known = Path(protoc.__file__).parent / "_proto"
    flags = [f"-I{folder}", f"-I{well_known}", "--include_imports", f"--descriptor_set_out={output}"]
    code = protoc.main(["protoc", *flags, *names])
    assert code == 0, f"protoc failed on {names}; its messages are in the captured stderr"
    return {file.name: file for file in FileDescriptorSet.FromString(output.read_bytes()).file}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> dict[str, FileDescriptorProto]:
    return compile_protos(PROTO_DIR, tmp_path_factory.mktemp("protos") / "all.bin")


def test_every_file_has_a_reference_or_is_our_own(compiled):
    assert sorted(compiled) == sorted({*REFERENCES, *OWN, *IMPORTED})


@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_file_equals_the_clients_descriptors(compiled, name):
    lines = differences(file_facts(compiled[name]), facts_of_client(REFERENCES[name]), EXTRAS.get(name, {}))
    assert not lines, f"{name} differs from the client in {len(lines)} fact(s):\n" + "\n".join(lines)


def test_descriptor_file_is_up_to_date(compiled):
    committed = {file.name: file for file in FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file}
    assert committed == compiled, (
        "make it anew: python -m grpc_tools.protoc -Iproto --include_imports "
        "--descriptor_set_out=proto/descriptors.binpb " + " ".join(sorted({*compiled} - IMPORTED))
    )


# Proof that the comparison sees what it is there for: each edit is made in a
# copy of our file, and exactly these facts must be reported.
EDITS = {
    "field number": (
        "grpc_service.proto",
        "repeated bytes raw_input_contents = 7;",
        "repeated bytes raw_input_contents = 8;",
        ["field inference.ModelInferRequest.raw_input_contents"],
    ),
    "field type": (
        "grpc_service.proto",
        "bool ready = 2;",
        "int32 ready = 2;",
        ["field inference.RepositoryIndexRequest.ready"],
    ),
    "field name": (
        "model_config.proto",
        "string host_policy = 9;",
        "string host_rule = 9;",
        ["field inference.ModelInstanceGroup.host_policy", "field inference.ModelInstanceGroup.host_rule"],
    ),
    "label": (
        "model_config.proto",
        "repeated string profile = 5;",
        "string profile = 5;",
        ["field inference.ModelInstanceGroup.profile"],
    ),
    "presence": (
        "model_config.proto",
        "bool passive = 7;",
        "optional bool passive = 7;",
        ["field inference.ModelInstanceGroup.passive", "oneof inference.ModelInstanceGroup._passive"],
    ),
    "packing": (
        "model_config.proto",
        "repeated int32 gpus = 3;",
        "repeated int32 gpus = 3 [packed = false];",
        ["field inference.ModelInstanceGroup.gpus"],
    ),
    "map value": (
        "model_config.proto",
        "map<uint64, ModelQueuePolicy> priority_queue_policy",
        "map<uint32, ModelQueuePolicy> priority_queue_policy",
        ["field inference.ModelDynamicBatching.PriorityQueuePolicyEntry.key"],
    ),
    "oneof membership": (
        "model_config.proto",
        "oneof metric_options {\n      HistogramOptions histogram_options = 2;\n    }",
        "HistogramOptions histogram_options = 2;",
        [
            "field inference.ModelMetrics.MetricControl.histogram_options",
            "oneof inference.ModelMetrics.MetricControl.metric_options",
        ],
    ),
    "enum value": (
        "model_config.proto",
        "TYPE_BF16 = 14;",
        "TYPE_BF16 = 15;",
        ["enum value inference.DataType.TYPE_BF16"],
    ),
    "reserved number": (
        "model_config.proto",
        "message ModelParameter {",
        "message ModelParameter {\n  reserved 2;",
        ["reserved inference.ModelParameter"],
    ),
    "streaming": (
        "health.proto",
        "returns (stream HealthCheckResponse)",
        "returns (HealthCheckResponse)",
        ["method grpc.health.v1.Health.Watch"],
    ),
    "absence of an allowed extra": (
        "grpc_service.proto",
        "map<string, string> properties = 6;",
        "",
        sorted(EXTRAS["grpc_service.proto"]),
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_comparison_notices(edit, tmp_path):
    name, before, after, expected = EDITS[edit]
    for path in PROTO_DIR.glob("*.proto"):
        (tmp_path / path.name).write_text(path.read_text())
    text = (PROTO_DIR / name).read_text()
    assert text.count(before) == 1, f"the edit no longer fits {name}: {before!r}"
    (tmp_path / name).write_text(text.replace(before, after))

    edited = compile_protos(tmp_path, tmp_path / "all.bin")[name]
    lines = differences(file_facts(edited), facts_of_client(REFERENCES[name]), EXTRAS.get(name, {}))

    assert [line.split(":")[0] for line in lines] == expected
