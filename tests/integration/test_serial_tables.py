#!/usr/bin/python3
"""The byte tables of the serial line in docs/protocol.md are those that serial.def makes."""
import os
import subprocess
import sys

BEGIN, END = "<!-- made from serial.def: begin -->", "<!-- made from serial.def: end -->"


def main():
    path = os.path.join(os.environ["MURID_SOURCE_DIR"], "docs", "protocol.md")
    tool = os.path.join(os.environ["MURID_BINARY_DIR"], "proto", "serial_tables")
    made = subprocess.run([tool], check=True, capture_output=True, text=True).stdout.strip()
    if made.count("\n**0x") != 10 or "| 10 | contrast | i16 | -10000..10000 | 1/10000 |" not in made:
        print("the tool's tables are not what serial.def says")
        return 1
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        print("docs/protocol.md: the markers of the table were expected once each: %s ... %s" % (BEGIN, END))
        return 1
    shown = text.split(BEGIN, 1)[1].split(END, 1)[0].strip()
    if shown != made:
        print("docs/protocol.md differs from serial.def; put in what this prints between the markers:\n"
              "  cmake --build build/dev --target serial_tables && build/dev/proto/serial_tables")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
