"""Finds programs that are no Python packages."""

import os
import shutil
import warnings

import pytest


def wanted_tool(name: str, variable: str, install: str) -> str:
    """Path of the program that `variable` names, else of the one in PATH; without one the test is skipped, or fails
    where `CI=true`."""
    found = shutil.which(os.environ.get(variable) or name)
    if found:
        return found
    reason = f"{name} is neither in PATH nor named by {variable}: {install}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    warnings.warn(f"a suite did not run: {reason}", stacklevel=1)
    pytest.skip(reason)
