"""What it costs to follow the files of many rigs: 60 of them at 1 trial/s each, lines as long as iblrig's (87 kB), each in a
folder with a history of sessions. Prints the processor time of the daemon, the time from line to prediction, and what was missed.

    MURID_BIN=build/release/daemon/murid PYTHONPATH=tests/support /usr/bin/python3 tests/bench/follow.py [--seconds 60]
"""
import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time

import msgpack

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from daemon import Daemon  # noqa: E402
from iblrig_writer import Session, day  # noqa: E402

MOST_PERCENT = 5.0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rigs", type=int, default=60)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--bytes", type=int, default=87000, help="of a line")
    parser.add_argument("--history", type=int, default=200, help="older sessions of each rig")
    return parser.parse_args()


def make_history(root, n):
    for i in range(n):
        old = Session(root, subject=f"m{i % 10}", date=day(3 + i // 10), number=1).begin()
        with open(old.data, "w") as f:
            f.write("{}\n")


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def listen(heard, seen, stop):
    while not stop.is_set():
        if heard.poll(100):
            topic, body = heard.recv_multipart()
            now = time.monotonic()
            message = msgpack.unpackb(body)
            seen.setdefault((message["rig"], message["for_trial"] - 1), now)


def run(args, home):
    roots = [os.path.join(home, f"rig{i}") for i in range(args.rigs)]
    sessions = []
    for i, root in enumerate(roots):
        make_history(root, args.history)
        sessions.append(Session.made(root, args.seconds, i, padding=args.bytes, subject=f"a{i}").begin())
    daemon = Daemon()
    daemon.settings["rigs"] = [{"name": f"box-{i}", "follow": root, "format": "iblrig"} for i, root in enumerate(roots)]
    daemon.write_config()
    written, seen, stop = {}, {}, threading.Event()
    with daemon:
        heard = daemon.listener(*(f"murid/1/box-{i}/a{i}/prediction" for i in range(args.rigs)))
        time.sleep(5)  # for the subscriptions, and the first searches
        listener = threading.Thread(target=listen, args=(heard, seen, stop))
        listener.start()
        begun_cpu, begun = cpu_s(daemon.process.pid), time.monotonic()
        due = begun
        for n in range(args.seconds):
            for i in random.sample(range(args.rigs), args.rigs):
                due += 1.0 / args.rigs
                time.sleep(max(0.0, due - time.monotonic()))
                sessions[i].add(sessions[i].lines[n])
                written[f"box-{i}", n] = time.monotonic()
        busy = cpu_s(daemon.process.pid) - begun_cpu
        lasted = time.monotonic() - begun
        time.sleep(2)
        stop.set()
        listener.join()
        missed = sum(daemon.trials(subject=s.subject) != s.expected() for s in sessions)
        rss = daemon.rss_kib()
    delays = sorted(seen[k] - written[k] for k in written if k in seen)
    percent = 100 * busy / lasted
    print(f"{args.rigs} rigs, 1 trial/s each, {len(sessions[0].lines[0])} bytes a line, {args.history} older sessions a rig, "
          f"{lasted:.0f} s; resident {rss / 1024:.0f} MiB")
    print(f"line to prediction: median {statistics.median(delays):.3f} s, 99% {delays[len(delays) * 99 // 100]:.3f} s, "
          f"longest {delays[-1]:.3f} s, of {len(delays)} of {len(written)}")
    print(f"processor: {percent:.2f}% of one core (required: {MOST_PERCENT}%)")
    print(f"rigs with trials missed or doubled: {missed} (required: 0)")
    return percent <= MOST_PERCENT and missed == 0


def main():
    args = arguments()
    home = tempfile.mkdtemp(prefix="murid-bench-")
    try:
        return 0 if run(args, home) else 1
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
