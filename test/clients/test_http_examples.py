"""Runs the commands that docs/protocol.md shows for HTTP and compares their answers with what it shows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A fenced block of commands, then the block of JSON that they print.
EXAMPLE = re.compile(r"```sh\n((?:(?!```).)*?)```\n\n```json\n(.*?)```", re.DOTALL)


def examples() -> list[tuple[str, str]]:
    return [match.groups() for match in EXAMPLE.finditer((ROOT / "docs/protocol.md").read_text(encoding="utf-8"))]


def test_four_answers_are_shown() -> None:
    assert len(examples()) == 4


@pytest.mark.parametrize("code, shown", examples(), ids=["gzip", "json", "picture", "generate"])
def test_example_prints_what_the_page_shows(code: str, shown: str, server) -> None:
    code = code.replace("localhost:8000", server.http_url).replace("curl ", "curl --silent --show-error ")
    result = subprocess.run(["sh", "-c", code], check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.stderr == ""
    assert result.stdout.strip() == shown.strip()
