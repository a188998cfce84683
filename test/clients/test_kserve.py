"""KServe's Python client, over gRPC and HTTP, in a process of its own."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from serving import ROOT, running_server
from test_tritonclient import add_model, identity_config

INSTALL = "pip install -r test/clients/requirements-kserve.txt && pip install --no-deps kserve==0.21.0"
SUMS = {
    "model": "simple",
    "version": "1",
    "id": "kserve",
    "outputs": {"OUTPUT0": [[2 * index for index in range(16)]], "OUTPUT1": [[0] * 16]},
}
# Over HTTP this client forgets the version.
VERSION = {"grpc": "1", "http": None}
WORDS = {"model": "words", "version": "1", "id": "kserve", "outputs": {"OUTPUT0": [["naïve", "", "✓"]]}}


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict:
    """What KServe's client was told by a server."""
    if importlib.util.find_spec("kserve") is None:
        reason = f"kserve is not installed: {INSTALL}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        warnings.warn(f"a suite did not run: {reason}", stacklevel=1)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("kserve")
    shutil.copytree(ROOT / "model-repository" / "simple", folder / "models" / "simple")
    add_model(folder / "models", "words", identity_config("STRING"))
    with running_server(folder / "models", folder / "server.log") as server:
        session = [sys.executable, str(Path(__file__).parent / "kserve_session.py"), server.grpc_url, server.http_url]
        done = subprocess.run(session, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_readiness(told):
    assert told["grpc"]["live"] and told["grpc"]["ready"]
    for protocol in ("grpc", "http"):
        assert told[protocol]["model ready"] is True
    assert told["grpc"]["unknown model ready"] is False


@pytest.mark.parametrize("protocol", ["grpc", "http"])
@pytest.mark.parametrize("form", ["typed", "raw"])
def test_infer(told, protocol, form):
    assert told[protocol][form] == {**SUMS, "version": VERSION[protocol]}


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_texts(told, protocol):
    assert told[protocol]["words"] == {**WORDS, "version": VERSION[protocol]}


def test_refusals(told):
    assert told["grpc"]["error"] == ["NOT_FOUND", "Request for unknown model: 'no_such' is not found"]
    # Over HTTP it reads the texts of JSON alone; of an unknown model Triton's answer calls itself plain text.
    assert told["http"]["unknown"] == [404, ""]
    status, text = told["http"]["wrong"]
    assert (status, "expected 2 inputs but got 0 inputs for model 'simple'" in text) == (400, True)
