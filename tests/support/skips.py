"""Cases that cannot be run here, and the exit code of a program that ran none.

A program of which every case was skipped ends with CODE, which ctest shows as skipped; one of which some
were says how many, and ends as the others tell."""
import sys
import unittest

CODE = 77


def main():
    """unittest.main() for programs with cases that may be skipped."""
    result = unittest.main(exit=False).result
    for case, why in result.skipped:
        print(f"skipped: {why}: {case.id()}", flush=True)
    if result.skipped:
        print(f"{len(result.skipped)} of {result.testsRun} cases skipped", flush=True)
    if not result.wasSuccessful() or result.testsRun == 0:
        sys.exit(1)
    sys.exit(CODE if result.testsRun == len(result.skipped) else 0)


def end(why):
    """Ends a program that is one case."""
    print("skipped:", why, flush=True)
    sys.exit(CODE)
