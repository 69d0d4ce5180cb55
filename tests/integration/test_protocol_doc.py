"""The tables in docs/protocol.md are those that proto_tables makes from the lists of the code, and
its examples of messages are messages.

After a change of messages.def, alerts.def or errors.def:
    cmake --build --preset dev --target proto_tables
    MURID_BINARY_DIR=build/dev python3 tests/integration/test_protocol_doc.py --update
"""
import os
import re
import struct
import subprocess
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
from page import Page  # noqa: E402

BUILD = os.environ["MURID_BINARY_DIR"]
TOOL = os.path.join(BUILD, "proto", "proto_tables")
ECHO = os.path.join(BUILD, "tests", "proto_echo")
PAGE = Page("protocol.md", "made from messages.def")


def check_examples(doc):
    examples = re.findall("```json\n(.*?)```", doc, re.DOTALL)
    assert examples, "the page shows no message"
    for example in examples:
        body = example.encode()
        answer = subprocess.run([ECHO], input=struct.pack(">I", len(body)) + body, check=True,
                                capture_output=True).stdout[4:]
        assert not answer.startswith(b"!"), (example, answer)


def main():
    made = "\n" + subprocess.run([TOOL], check=True, capture_output=True, text=True).stdout + "\n"
    before, found, after = PAGE.parts()
    check_examples(before + found + after)
    with open(os.path.join(SOURCE, "docs", "mouse.md"), encoding="utf-8") as f:
        check_examples(f.read())
    if found == made:
        print("docs/protocol.md agrees with messages.def")
        return 0
    if sys.argv[1:] == ["--update"]:
        PAGE.update(made)
        print("docs/protocol.md updated")
        return 0
    for i, (a, b) in enumerate(zip(found.splitlines() + [""], made.splitlines() + [""])):
        if a != b:
            print("first difference, line %d of the tables:\n  docs: %s\n  code: %s" % (i + 1, a, b))
            break
    print(__doc__)
    return 1


sys.exit(main())
