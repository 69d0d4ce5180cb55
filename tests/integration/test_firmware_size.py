#!/usr/bin/python3
"""The ATmega328P images fit: reports flash and RAM, refuses more than 1 KB of static RAM. The frame and
serial codecs of proto also build freestanding, each on its own, without a C library to lean on."""
import os
import shutil
import subprocess
import sys
import tempfile

import skips

SOURCE = os.environ["MURID_SOURCE_DIR"]
IMAGES = [os.path.join(os.environ["MURID_BINARY_DIR"], "firmware", name)
          for name in ("murid_uno.elf", "murid_uno_ask.elf")]
ALONE = ("frame", "serial")
RAM_MAX = 1024
FLASH_MAX = 32256  # 32 KB less the bootloader of an Uno
FREESTANDING = ["-mmcu=atmega328p", "-std=c11", "-Os", "-ffreestanding", "-nostdinc", "-Wall", "-Wextra",
                "-Wconversion", "-Wshadow", "-Werror", "-ffunction-sections", "-fdata-sections"]


def sizes(path):
    out = subprocess.run(["avr-size", path], check=True, capture_output=True, text=True).stdout
    text, data, bss = (int(x) for x in out.splitlines()[1].split()[:3])
    return text, data, bss


def main():
    if not shutil.which("avr-gcc") or not shutil.which("avr-size"):
        skips.end("avr-gcc absent")
    # The compiler's own headers (stdint.h, stddef.h, stdbool.h), and none of a C library's.
    own = subprocess.run(["avr-gcc", "-print-file-name=include"], check=True, capture_output=True,
                         text=True).stdout.strip()
    failures = absent = 0
    with tempfile.TemporaryDirectory() as work:
        for name in ALONE:
            out = os.path.join(work, name + ".o")
            subprocess.run(["avr-gcc", *FREESTANDING, "-isystem", own,
                            "-I" + os.path.join(SOURCE, "proto/include"), "-c", "-o", out,
                            os.path.join(SOURCE, "proto/src", name + ".c")], check=True)
            text, data, bss = sizes(out)
            print("proto/src/%s.c alone: %d bytes of flash, %d of RAM" % (name, text + data, data + bss))
            if name == "frame" and data + bss != 0:
                print("frame.c must not need static RAM")
                failures += 1
    for image in IMAGES:
        if not os.path.exists(image):
            print("skipped: %s was not built" % image)
            absent += 1
            continue
        text, data, bss = sizes(image)
        print("%s: %d bytes of flash, %d of RAM (at most %d)"
              % (os.path.basename(image), text + data, data + bss, RAM_MAX))
        if data + bss > RAM_MAX or text + data > FLASH_MAX:
            print("too large")
            failures += 1
    if absent:
        print("%d of %d cases skipped" % (absent, len(IMAGES) + len(ALONE)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
