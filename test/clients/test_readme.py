"""Runs the examples of README.md as they stand there and compares their output with what it shows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from serving import running_server

ROOT = Path(__file__).resolve().parents[2]

# A fenced block of code, then the block of text that it prints.
EXAMPLE = re.compile(r"```(sh|python)\n((?:(?!```).)*?)```\n\n```text\n(.*?)```", re.DOTALL)


def examples() -> list[tuple[str, str, str]]:
    return [match.groups() for match in EXAMPLE.finditer((ROOT / "README.md").read_text(encoding="utf-8"))]


def test_readme_shows_four_clients() -> None:
    assert [language for language, _, _ in examples()] == ["sh", "sh", "sh", "python"]


@pytest.mark.parametrize("language, code, shown", examples(), ids=["naiad", "curl", "grpcurl", "python"])
def test_example_prints_what_the_readme_shows(language: str, code: str, shown: str, server) -> None:
    code = code.replace("localhost:8001", server.grpc_url).replace("localhost:8000", server.http_url)
    env = grpcurl_environment()
    if language == "python":
        command = [sys.executable, "-c", code]
    else:
        code = code.replace("main.js infer", f"main.js infer --url {server.grpc_url}")
        command = ["bash", "-c", code]
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert result.stderr == ""
    assert result.stdout == shown


def grpcurl_environment() -> dict[str, str]:
    env = dict(os.environ)
    grpcurl = os.environ.get("GRPCURL")
    if grpcurl:
        env["PATH"] = f"{Path(grpcurl).parent}{os.pathsep}{env['PATH']}"
    return env


def test_a_model_changes_while_it_serves_as_the_readme_says(tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Change a model while it serves")[1]
    start, ask, change = re.findall(r"```sh\n(.*?)```", section.split("\n## ")[0], re.DOTALL)
    prepare, serve = start.strip().splitlines()
    repository = tmp_path / "my-models"

    def here(code: str) -> str:
        return code.replace("my-models", str(repository))

    subprocess.run(["bash", "-ec", here(prepare)], cwd=ROOT, check=True)
    flags = here(serve).split(" -- ")[1].replace(f"--model-repository {repository}", "").split()
    answers = tmp_path / "answers"
    with running_server(repository, tmp_path / "server.log", flags) as server, answers.open("w") as output:
        loop = ask.replace("localhost:8001", server.grpc_url)
        asking = subprocess.Popen(
            ["bash", "-c", loop],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=grpcurl_environment(),
            start_new_session=True,
        )
        try:
            wait_for(answers, '"modelVersion": "1"')
            subprocess.run(["bash", "-ec", here(change)], cwd=ROOT, check=True)
            wait_for(answers, '"modelVersion": "2"')
            time.sleep(1)
        finally:
            # With what the shell runs: a call that outlives it would find the server gone.
            os.killpg(asking.pid, signal.SIGKILL)
            asking.wait()
    versions = [line.strip(" ,") for line in answers.read_text().splitlines()]
    changed = versions.index('"modelVersion": "2"')
    assert set(versions[:changed]) == {'"modelVersion": "1"'}
    assert set(versions[changed:]) == {'"modelVersion": "2"'}


def wait_for(file: Path, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in file.read_text():
        assert time.monotonic() < deadline, f"{text} has not come:\n{file.read_text()}"
        time.sleep(0.1)
