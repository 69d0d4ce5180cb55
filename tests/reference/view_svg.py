#!/usr/bin/python3
"""Makes docs/view.svg: a page of `murid watch` at 100 x 30, of a daemon that a virtual mouse plays.

    MURID_BIN=build/dev/daemon/murid python3 tests/reference/view_svg.py docs/view.svg

What the mouse does is the same each time, what it takes is not: times, and so the trial that a
forecast is based on. To be looked at before it is committed.
"""
import sys

here = sys.path.pop(0)  # random.py and others beside this file would stand in for Python's own

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time
from xml.sax.saxutils import escape

sys.path.insert(0, os.path.join(here, "..", "support"))
from daemon import MURID, Daemon  # noqa: E402

PROTOCOL = os.path.abspath(os.path.join(here, "..", "..", "configs", "protocols", "staged_2afc.yaml"))
RATE, SESSIONS, LAST_TRIALS = "0.008", 4, 250
COLUMNS, ROWS, CELL_PX, ROW_PX, EDGE_PX = 100, 30, 8.43, 17, 12
STYLES = {"0": 'fill="#d8dee9"', "0;1": 'fill="#d8dee9" font-weight="bold"',
          "0;2": 'fill="#d8dee9" opacity="0.6"', "0;32": 'fill="#6cc070"',
          "0;31": 'fill="#e06c75"', "0;1;33": 'fill="#e5c07b" font-weight="bold"',
          "0;36": 'fill="#4ec9d8"'}  # of CANVAS_STYLE_LIST
LABEL = ("murid watch: trials, predictions, scores, weights, psychometric and learning curve of a "
         "virtual mouse, its training status, a forecast and advice")


def murid(*words):
    subprocess.run([MURID, *words], check=True, stdout=subprocess.DEVNULL)


def make_animal(directory):
    """A bank of a rule and of the same walk without it, and a mouse that learns by the rule."""
    a, b, bank, table = (os.path.join(directory, n) for n in ("a", "b", "bank", "animal.csv"))
    words = ["--policy", "stimulus,bias", "--start", "0", "--start-sd", "0.3", "--noise", "0.01",
             "--session-noise", "0.01"]
    murid("model", "--new", "--rule", "reinforce", "--rate", RATE, *words, "-o", a)
    murid("model", "--new", *words, "-o", b)
    murid("model", "--join", a, b, "-o", bank)
    murid("simulate", "--rule", "reinforce", "--rate", RATE, "--policy", "stimulus,bias",
          "--start", "0", "--noise", "0.005", "--session-noise", "0.005", "--protocol", PROTOCOL,
          "--mice", "1", "--sessions", str(SESSIONS), "--seed", "3", "-o", table)
    with open(table) as f:
        head, *rows = f
    parts = [os.path.join(directory, n) for n in ("before.csv", "last.csv")]
    for path, is_last in zip(parts, (False, True)):
        with open(path, "w") as f:
            f.writelines([head] + [r for r in rows
                                   if (r.split(",")[1] == str(SESSIONS)) == is_last])
    return bank, parts


def capture(daemon, before, last):
    """The last page on a terminal, with its escape sequences. The last session is played slowly, so
    that forecasts and advice keep up."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    watch = subprocess.Popen([MURID, "watch", "--connect", daemon.endpoint["pub"]], stdin=slave,
                             stdout=slave, stderr=slave, env=environment)
    time.sleep(1)  # to subscribe
    seen = b""
    for words in ([before, "--asap"], [last, "--rate", "10", "--limit", str(LAST_TRIALS)]):
        play = subprocess.Popen([MURID, "play", *words, "--to", daemon.endpoint["ask"]],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 120
        while time.monotonic() < until:
            if play.poll() is not None:
                until = min(until, time.monotonic() + 2)  # to draw the last one
            if select.select([master], [], [], 0.1)[0]:
                seen = (seen + os.read(master, 65536))[-200000:]
    watch.send_signal(signal.SIGINT)
    watch.wait(20)
    return seen[:seen.rindex(b"\x1b[J")].split(b"\x1b[H")[-1].decode()


def draw(page):
    width, height = COLUMNS * CELL_PX + 2 * EDGE_PX, ROWS * ROW_PX + 2 * EDGE_PX
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
           f'viewBox="0 0 {width:.0f} {height}" role="img" aria-label="{LABEL}">')
    yield (f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#1b1f27"/><g '
           'font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="14" '
           'xml:space="preserve">')
    style = "0"
    for row, line in enumerate(page.replace("\x1b[K", "").split("\r\n")):
        column = 0
        for part in re.split("(\x1b\\[[0-9;]*m)", line):
            if part.startswith("\x1b"):
                style = part[2:-1]
                continue
            # Two blanks part what stands in columns of its own.
            for word in re.finditer(r"\S+(?: \S+)*", part):
                x = EDGE_PX + CELL_PX * (column + word.start())
                y = EDGE_PX + 13 + ROW_PX * row
                yield (f'<text x="{x:.1f}" y="{y}" textLength="{CELL_PX * len(word[0]):.1f}" '
                       f'{STYLES[style]}>{escape(word[0])}</text>')
            column += len(part)
    yield "</g></svg>\n"


def main():
    with tempfile.TemporaryDirectory() as directory:
        bank, parts = make_animal(directory)
        with Daemon({"model": {"file": bank}, "protocol": {"file": PROTOCOL},
                     "forecast": {"every_trials": 50},
                     "advice": {"every_trials": 50}}) as daemon:
            page = capture(daemon, *parts)
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        f.write("\n".join(draw(page)))


main()
