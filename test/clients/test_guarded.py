"""A guarded server: TLS on both sides, and APIs that want a header."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.http
from serving import ROOT, Server, running_server
from test_perf_analyzer import INSTALL, SHORT, run
from tools import wanted_tool
from tritonclient.utils import InferenceServerException

COUNT_UP = np.arange(16, dtype=np.int32).reshape(1, 16)
GRPC_KEY = {"triton-grpc-protocol-inference-key": "secret"}
HTTP_KEY = {"inference-key": "secret"}
RESTRICTED = "This protocol is restricted, expecting header 'triton-grpc-protocol-inference-key'"


@dataclass(frozen=True)
class Guarded:
    server: Server
    folder: Path

    def file(self, name: str) -> str:
        return str(self.folder / name)

    def client(self, **more: str) -> triton.InferenceServerClient:
        return triton.InferenceServerClient(
            self.server.grpc_url, ssl=True, root_certificates=self.file("root.crt"), **more
        )

    def known_client(self) -> triton.InferenceServerClient:
        return self.client(private_key=self.file("client.key"), certificate_chain=self.file("client.crt"))


def make_certificates(folder: Path) -> None:
    """An authority, and a server and a client that it has signed."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "root.key", "-out", "root.crt", "-days", "2", "-subj", "/CN=root")
    for name in ("server", "client"):
        (folder / f"{name}.ext").write_text("subjectAltName=IP:127.0.0.1")
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed = ["-CA", "root.crt", "-CAkey", "root.key", "-CAcreateserial", "-extfile", f"{name}.ext", "-days", "2"]
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.crt", *signed)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    make_certificates(folder)
    shutil.copytree(ROOT / "model-repository" / "simple", folder / "models" / "simple")
    flags = [
        "--grpc-use-ssl",
        "--grpc-use-ssl-mutual",
        f"--grpc-server-cert={folder / 'server.crt'}",
        f"--grpc-server-key={folder / 'server.key'}",
        f"--grpc-root-cert={folder / 'root.crt'}",
        "--grpc-restricted-protocol=inference,model-repository:inference-key=secret",
        "--http-restricted-api=inference,model-repository:inference-key=secret",
    ]
    root, key, chain = ((folder / name).read_bytes() for name in ("root.crt", "client.key", "client.crt"))
    credentials = grpc.ssl_channel_credentials(root, key, chain)
    with running_server(folder / "models", folder / "server.log", flags, credentials) as server:
        yield Guarded(server, folder)


def inputs(module) -> list:
    filled = [module.InferInput(name, [1, 16], "INT32") for name in ("INPUT0", "INPUT1")]
    for each in filled:
        each.set_data_from_numpy(COUNT_UP)
    return filled


def test_a_client_with_a_certificate_and_the_header(guarded):
    with guarded.known_client() as client:
        assert client.is_server_ready()
        answer = client.infer("simple", inputs(triton), headers=GRPC_KEY)
        np.testing.assert_array_equal(answer.as_numpy("OUTPUT0"), 2 * COUNT_UP)


@pytest.mark.parametrize("headers", [None, {"triton-grpc-protocol-inference-key": "guess"}])
def test_a_client_without_the_header(guarded, headers):
    with guarded.known_client() as client:
        for ask in (
            lambda: client.infer("simple", inputs(triton), headers=headers),
            lambda: client.get_model_repository_index(headers=headers),
        ):
            with pytest.raises(InferenceServerException) as caught:
                ask()
            assert caught.value.status() == "StatusCode.UNAVAILABLE"
            assert caught.value.message() == RESTRICTED


def test_a_client_without_a_certificate(guarded):
    for client in (guarded.client(), triton.InferenceServerClient(guarded.server.grpc_url)):
        with client, pytest.raises(InferenceServerException) as caught:
            client.is_server_live(client_timeout=20)
        assert caught.value.status() == "StatusCode.UNAVAILABLE"


def test_over_http(guarded):
    with tritonclient.http.InferenceServerClient(guarded.server.http_url) as client:
        assert client.is_model_ready("simple")
        answer = client.infer("simple", inputs(tritonclient.http), headers=HTTP_KEY)
        np.testing.assert_array_equal(answer.as_numpy("OUTPUT0"), 2 * COUNT_UP)
        with pytest.raises(InferenceServerException) as caught:
            client.infer("simple", inputs(tritonclient.http))
        assert caught.value.message() == "This API is restricted, expecting header 'inference-key'"


def test_perf_analyzer(guarded):
    binary = wanted_tool("perf_analyzer", "PERF_ANALYZER", INSTALL)
    ((header, value),) = GRPC_KEY.items()
    command = [
        *(binary, "-i", "grpc", "-u", guarded.server.grpc_url, "-m", "simple", *SHORT),
        "--ssl-grpc-use-ssl",
        f"--ssl-grpc-root-certifications-file={guarded.file('root.crt')}",
        f"--ssl-grpc-private-key-file={guarded.file('client.key')}",
        f"--ssl-grpc-certificate-chain-file={guarded.file('client.crt')}",
    ]
    done = run([*command, "-H", f"{header}:{value}"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Successful request count: " in done.stdout
    done = run(command)
    assert done.returncode != 0
    assert RESTRICTED in done.stdout + done.stderr
