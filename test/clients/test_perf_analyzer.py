"""NVIDIA's perf_analyzer measures the server as it measures Triton: it asks for metadata, configuration and statistics,
loads models by every way in, and reads what the server says about that."""

import csv
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import tritonclient.grpc as triton
from serving import ROOT, Server, running_server
from tools import wanted_tool

INSTALL = "test/clients/install-perf-analyzer.sh FOLDER"

REPEAT = """
backend: "repeat"
model_transaction_policy { decoupled: true }
input [
  { name: "IN" data_type: TYPE_INT32 dims: [ -1 ] },
  { name: "DELAY" data_type: TYPE_UINT32 dims: [ -1 ] optional: true },
  { name: "WAIT" data_type: TYPE_UINT32 dims: [ 1 ] optional: true }
]
output [
  { name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] },
  { name: "IDX" data_type: TYPE_UINT32 dims: [ 1 ] }
]
"""

# Three windows of a moment each; whatever they measured is stable enough.
SHORT = ["--measurement-interval=400", "--max-trials=3", "--stability-percentage=1000000"]
# What it says of a window without an answer, which a busy machine may have.
EMPTY_WINDOW = ("Failed to obtain stable measurement", "No valid requests recorded within time interval")
ATTEMPTS_MAX = 5
SHARED = ["--shared-memory=system", "--output-shared-memory-size=64"]

SERVER_TIMES = ["Server Queue", "Server Compute Input", "Server Compute Infer", "Server Compute Output"]


@dataclass(frozen=True)
class Report:
    text: str
    row: dict[str, str]

    def count(self, name: str) -> int:
        """A count of the report, e.g. `Successful request count`."""
        (line,) = [line for line in self.text.splitlines() if line.strip().startswith(f"{name}: ")]
        return int(line.split(": ")[1])


@pytest.fixture(scope="module")
def binary() -> str:
    return wanted_tool("perf_analyzer", "PERF_ANALYZER", INSTALL)


@pytest.fixture(scope="module")
def measured(binary, tmp_path_factory) -> Iterator[Server]:
    """Serves what is measured, with shared memory and a file for traces."""
    folder = tmp_path_factory.mktemp("measured")
    repository = folder / "models"
    for name in ("simple", "identity"):
        shutil.copytree(ROOT / "model-repository" / name, repository / name)
    (repository / "repeat" / "1").mkdir(parents=True)
    (repository / "repeat" / "config.pbtxt").write_text(REPEAT)
    flags = ["--allow-client-shm=true", f"--trace-config=triton,file={folder / 'traces.json'}"]
    with running_server(repository, folder / "server.log", flags) as running:
        yield running


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs perf_analyzer, again where the machine was too busy to measure anything."""
    for _ in range(ATTEMPTS_MAX):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if not any(words in done.stdout + done.stderr for words in EMPTY_WINDOW):
            break
    return done


def analyze(binary: str, server: Server, protocol: str, model: str, *flags: str, folder: Path) -> Report:
    url = server.grpc_url if protocol == "grpc" else server.http_url
    report = folder / "report.csv"
    command = [binary, "-i", protocol, "-u", url, "-m", model, "-f", str(report), *SHORT, *flags]
    done = run(command)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    for word in ("rror", "ailed", "WARNING"):
        assert word not in said, said
    (row,) = csv.DictReader(report.read_text().splitlines())
    return Report(done.stdout, row)


def succeeded(server: Server, model: str) -> int:
    with triton.InferenceServerClient(server.grpc_url) as client:
        (statistics,) = client.get_inference_statistics(model).model_stats
        return statistics.inference_stats.success.count


@pytest.mark.parametrize(
    ("protocol", "model", "flags"),
    [
        ("grpc", "simple", []),
        ("grpc", "simple", ["--async", "--concurrency-range=4"]),
        ("grpc", "simple", ["--streaming", "--async", "--concurrency-range=4"]),
        ("grpc", "simple", SHARED),
        ("grpc", "simple", [*SHARED, "--streaming", "--async"]),
        ("grpc", "simple", ["--grpc-compression-algorithm=gzip"]),
        ("grpc", "simple", ["--trace-level=TIMESTAMPS", "--trace-rate=10"]),
        ("grpc", "identity", ["-b", "4", "--shape=INPUT0:64"]),
        ("http", "simple", []),
        ("http", "simple", ["--async", "--concurrency-range=4"]),
        ("http", "simple", ["--input-tensor-format=json", "--output-tensor-format=json"]),
        ("http", "simple", SHARED),
        ("http", "identity", ["-b", "4", "--shape=INPUT0:64", "--request-rate-range=50"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_measures(binary, measured, tmp_path, protocol, model, flags):
    before = succeeded(measured, model)
    report = analyze(binary, measured, protocol, model, *flags, folder=tmp_path)
    counted = succeeded(measured, model) - before
    # Of the requests before and after the windows both know nothing.
    assert 0 < report.count("Request count") <= counted
    assert 0 < report.count("Successful request count") <= counted
    assert report.count("Inference count") % int(flags[flags.index("-b") + 1] if "-b" in flags else 1) == 0
    assert report.count("Execution count") > 0
    assert float(report.row["Inferences/Second"]) > 0
    times = [int(report.row[name]) for name in SERVER_TIMES]
    assert min(times) >= 0
    assert max(times) > 0


def test_measures_a_decoupled_model(binary, measured, tmp_path):
    flags = ["--streaming", "--async", "--shape=IN:3", "--shape=DELAY:3"]
    before = succeeded(measured, "repeat")
    zeros = tmp_path / "zeros.json"
    zeros.write_text('{"data": [{"IN": [1, 2, 3], "DELAY": [0, 0, 0], "WAIT": [0]}]}')
    report = analyze(binary, measured, "grpc", "repeat", *flags, f"--input-data={zeros}", folder=tmp_path)
    assert report.count("Request count") > 0
    assert succeeded(measured, "repeat") > before


def test_refusals_reach_its_user(binary, measured):
    def said_by(*flags: str) -> str:
        done = run([binary, "-i", "grpc", "-u", measured.grpc_url, *SHORT, *flags])
        assert done.returncode != 0
        return done.stdout + done.stderr

    assert "Request for unknown model: 'no_such' is not found" in said_by("-m", "no_such")
    assert "inference request batch-size must be <= 8 for 'simple'" in said_by("-m", "simple", "-b", "9")
