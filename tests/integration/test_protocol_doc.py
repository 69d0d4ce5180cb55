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
DOC = os.path.join(SOURCE, "docs", "protocol.md")
BUILD = os.environ["MURID_BINARY_DIR"]
TOOL = os.path.join(BUILD, "proto", "proto_tables")
ECHO = os.path.join(BUILD, "tests", "proto_echo")
BEGIN = "<!-- made from messages.def: begin -->\n"
END = "<!-- made from messages.def: end -->\n"


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
    with open(DOC, encoding="utf-8") as f:
        doc = f.read()
    check_examples(doc)
    with open(os.path.join(SOURCE, "docs", "mouse.md"), encoding="utf-8") as f:
        check_examples(f.read())
    before, rest = doc.split(BEGIN)
    found, after = rest.split(END)
    if found == made:
        print("docs/protocol.md agrees with messages.def")
        return 0
    if sys.argv[1:] == ["--update"]:
        with open(DOC, "w", encoding="utf-8") as f:
            f.write(before + BEGIN + made + END + after)
        print("docs/protocol.md updated")
        return 0
    for i, (a, b) in enumerate(zip(found.splitlines() + [""], made.splitlines() + [""])):
        if a != b:
            print("first difference, line %d of the tables:\n  docs: %s\n  code: %s" % (i + 1, a, b))
            break
    print(__doc__)
    return 1


sys.exit(main())
