"""Runs the examples of README.md as they stand there and compares their output with what it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A fenced block of code, then the block of text that it prints.
EXAMPLE = re.compile(r"```(sh|python)\n((?:(?!```).)*?)```\n\n```text\n(.*?)```", re.DOTALL)


def examples() -> list[tuple[str, str, str]]:
    return [match.groups() for match in EXAMPLE.finditer((ROOT / "README.md").read_text(encoding="utf-8"))]


def test_readme_shows_three_clients() -> None:
    assert [language for language, _, _ in examples()] == ["sh", "sh", "python"]


@pytest.mark.parametrize("language, code, shown", examples(), ids=["naiad", "grpcurl", "python"])
def test_example_prints_what_the_readme_shows(language: str, code: str, shown: str, server) -> None:
    code = code.replace("localhost:8001", server.grpc_url)
    env = dict(os.environ)
    if "grpcurl" in code:
        grpcurl = os.environ.get("GRPCURL")
        if grpcurl:
            env["PATH"] = f"{Path(grpcurl).parent}{os.pathsep}{env['PATH']}"
    if language == "python":
        command = [sys.executable, "-c", code]
    else:
        code = code.replace("main.js infer", f"main.js infer --url {server.grpc_url}")
        command = ["bash", "-c", code]
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert result.stderr == ""
    assert result.stdout == shown
