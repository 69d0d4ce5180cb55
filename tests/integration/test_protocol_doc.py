"""The tables in docs/protocol.md are those that proto_tables makes from the lists of the code.

After a change of messages.def, alerts.def or errors.def:
    cmake --build --preset dev --target proto_tables
    MURID_BINARY_DIR=build/dev python3 tests/integration/test_protocol_doc.py --update
"""
import os
import subprocess
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOC = os.path.join(SOURCE, "docs", "protocol.md")
TOOL = os.path.join(os.environ["MURID_BINARY_DIR"], "proto", "proto_tables")
BEGIN = "<!-- made from messages.def: begin -->\n"
END = "<!-- made from messages.def: end -->\n"


def main():
    made = "\n" + subprocess.run([TOOL], check=True, capture_output=True, text=True).stdout + "\n"
    with open(DOC, encoding="utf-8") as f:
        doc = f.read()
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
