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
    cases = [0, 0]
    for case in root.iter("testcase"):
        outcome = {child.tag for child in case}
        if outcome & {"failure", "error"}:
            cases[1] += 1
        elif "skipped" not in outcome:
            cases[0] += 1
    return cases[0], cases[1]


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
