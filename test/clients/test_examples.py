"""Runs every command that clients/README.md and clients/grpcurl.md show against the real server, and compares what it
prints with what stands there. What the commands need is built by them: Node.js, Go and Maven must be there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import ROOT, Server, running_server

CLIENTS = ROOT / "clients"
PICTURE = "examples/images/face.jpg"
# A fresh machine fetches what Maven and Go need first.
BUILD_SECONDS_MAX = 600

# The title of a section, and a fenced block of commands with the block of text that it prints.
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
EXAMPLE = re.compile(r"```sh\n((?:(?!```).)*?)```\n\n```text\n(.*?)```", re.DOTALL)


def examples(file: str) -> list[tuple[str, str, str]]:
    """Title of the section, commands, what they print."""
    parts = SECTION.split((CLIENTS / file).read_text(encoding="utf-8"))
    return [
        (title, commands, shown)
        for title, text in zip(parts[1::2], parts[2::2], strict=True)
        for commands, shown in EXAMPLE.findall(text)
    ]


PROGRAMS = {title: (commands, shown) for title, commands, shown in examples("README.md")}
COMMANDS = examples("grpcurl.md")


# Maven ends with one, coloured or not.
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def run(commands: str, address: str) -> subprocess.CompletedProcess[str]:
    env = dict(os.environ)
    folders = [str(Path(sys.executable).parent)]
    if grpcurl := os.environ.get("GRPCURL"):
        folders.append(str(Path(grpcurl).parent))
    env["PATH"] = os.pathsep.join([*folders, env["PATH"]])
    env["PROTOC"] = f"{sys.executable} -m grpc_tools.protoc"
    env["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    result = subprocess.run(
        ["bash", "-e", "-c", commands.replace("localhost:8001", address)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS_MAX,
        check=False,
    )
    result.stdout = ESCAPES.sub("", result.stdout)
    return result


def test_there_is_a_program_in_every_language() -> None:
    assert list(PROGRAMS) == ["TypeScript", "JavaScript", "Python: tritonclient", "Python: grpcio", "Go", "Java"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_names_the_emotion(name: str, server: Server) -> None:
    commands, shown = PROGRAMS[name]
    result = run(commands, server.grpc_url)
    assert (result.stdout, result.returncode) == (shown, 0), result.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_tells_why_the_server_refuses(name: str, server: Server) -> None:
    """After the test above, which has built it."""
    *_, start = PROGRAMS[name][0].strip().splitlines()
    assert PICTURE in start
    result = run(start.replace(PICTURE, "README.md"), server.grpc_url)
    assert (result.stdout, result.returncode) == ("", 1)
    status, text = result.stderr.split(": ", 1)
    assert status in ("INVALID_ARGUMENT", "InvalidArgument")
    assert text.endswith("is not a JPEG, PNG, WebP, AVIF, GIF or TIFF picture\n")


@pytest.fixture(scope="module")
def explicit_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """As grpcurl.md starts it."""
    flags = ["--model-control-mode=explicit", "--load-model=*"]
    log = tmp_path_factory.mktemp("explicit-server") / "server.log"
    with running_server(ROOT / "model-repository", log, flags) as running:
        yield running


def test_grpcurl_examples_are_found() -> None:
    text = (CLIENTS / "grpcurl.md").read_text(encoding="utf-8")
    assert len(COMMANDS) == text.count("```sh\n") > 10
    assert "--model-control-mode=explicit --load-model='*'" in text


# In the order of the page: they load and unload models.
@pytest.mark.parametrize(
    ("commands", "shown"), [example[1:] for example in COMMANDS], ids=[example[0] for example in COMMANDS]
)
def test_grpcurl_prints_what_is_shown(commands: str, shown: str, explicit_server: Server) -> None:
    result = run(commands, explicit_server.grpc_url)
    assert (result.stdout, result.returncode) == (shown, 0), result.stderr
