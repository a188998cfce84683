"""Prints `passed failed` of a test report: vitest's JSON or JUnit XML.

Usage: count-tests.py REPORT EXIT_STATUS. A run that failed without a failed test (a file that could not
be loaded, a crash) counts as one failure.
"""

import json
import sys
import xml.etree.ElementTree as ElementTree


def counts(path: str) -> tuple[int, int]:
    if path.endswith(".json"):
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        return report["numPassedTests"], report["numFailedTests"]
    root = ElementTree.parse(path).getroot()
    # By name: a test that was run again stands there twice, the last time with how it ended.
    outcomes = {
        (case.get("classname"), case.get("name")): {child.tag for child in case} for case in root.iter("testcase")
    }
    failed = sum(1 for tags in outcomes.values() if tags & {"failure", "error"})
    skipped = sum(1 for tags in outcomes.values() if "skipped" in tags)
    return len(outcomes) - failed - skipped, failed


def main() -> None:
    path, status = sys.argv[1], int(sys.argv[2])
    try:
        passed, failed = counts(path)
    except (OSError, ValueError, KeyError, ElementTree.ParseError):
        passed, failed = 0, 1
    if status != 0 and failed == 0:
        failed = 1
    print(passed, failed)


main()
