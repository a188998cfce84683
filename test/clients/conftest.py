"""Fixtures for clients written by others, which talk to the built server."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import tritonclient.grpc as triton
from serving import ROOT, Server, running_server


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Server]:
    """Serves the models that come with the product."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    with running_server(ROOT / "model-repository", log) as running:
        yield running


@pytest.fixture(scope="session")
def client(server) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(server.grpc_url) as connected:
        yield connected


@pytest.fixture(scope="session")
def face() -> bytes:
    """A smiling face, as a JPEG file."""
    return (ROOT / "examples" / "images" / "face.jpg").read_bytes()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Test data too large to be part of the project."""
    folder = Path(os.environ.get("NAIAD_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no test data in {folder}; NAIAD_SHARED names another place")
    return folder
