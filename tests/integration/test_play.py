#!/usr/bin/python3
"""Real animals played to a real daemon, to `ask` and to `trials`: the journal says what the file says,
no trial lost or doubled; what came twice is known; replay and eval give the same numbers."""
import csv
import json
import os
import subprocess
import sys
import tempfile
import time

from daemon import MURID, Daemon

DATA = os.path.join(os.environ["MURID_SOURCE_DIR"], "..", "shared", "data", "mice_train.csv")
DEMO = os.path.join(os.environ["MURID_SOURCE_DIR"], "configs", "demo", "virtual_mouse.csv")
SANITIZED = os.environ.get("MURID_SANITIZED", "") != ""


def number(text):
    return float(text) if text else None


def rows_of(path, limit):
    """The table as the journal must hold it, in its order."""
    rows = []
    with open(path) as f:
        for row in csv.DictReader(f):
            choice, side = row["choice"], row.get("side") or ""
            rows.append((row["subject"], row["session"], int(row["trial"]), float(row["stimulus"]),
                         int(choice) if choice else None, number(row["reward"]),
                         int(side) if side else None, number(row["rt_s"])))
            if limit and len(rows) == limit:
                break
    return rows


def run(*arguments):
    done = subprocess.run([MURID, *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def journaled(daemon):
    return daemon.query("SELECT subject, session, trial, stimulus, choice, reward, side, rt_s"
                       " FROM trial ORDER BY event")


def wait_for_all(daemon, n):
    """What was published is on its way; a stop hears it for three seconds, which a busy machine may
    need more than."""
    until = time.monotonic() + 120
    while time.monotonic() < until and daemon.query("SELECT count(*) FROM trial")[0][0] < n:
        time.sleep(0.2)


def check_same(got, want):
    assert len(got) == len(want), f"{len(got)} trials in the journal, {len(want)} in the file"
    for i, (g, w) in enumerate(zip(got, want)):
        assert tuple(g) == w, f"row {i}: the journal has {tuple(g)}, the file {w}"


def play(path, socket, limit, twice):
    want = rows_of(path, limit)
    arguments = ["play", path, "--asap"] + (["--limit", str(limit)] if limit else [])
    with Daemon() as daemon:
        print(run(*arguments, "--to", daemon.endpoint[socket]).strip())
        if twice:
            run(*arguments, "--to", daemon.endpoint[socket])
        if socket == "trials":
            wait_for_all(daemon, len(want))
        assert daemon.stop() == 0
        check_same(journaled(daemon), want)
        statuses = dict(daemon.query("SELECT status, count(*) FROM event GROUP BY status"))
        assert statuses["taken"] == len(want), statuses
        assert set(statuses) <= {"taken", "noted"}, statuses
        alerts = dict(daemon.query("SELECT code, text FROM alert"))
        assert set(alerts) <= {"disengaged"}, alerts
        nats = daemon.query("SELECT avg(nats) FROM trial")[0][0]
        text = run("replay", daemon.journal)
        assert "identical bit for bit" in text, text
        print(text.strip())
        return nats


def check_eval(path, nats):
    score = json.loads(run("eval", path, "--json"))["pooled"]["nats"]
    assert abs(score - nats) < 1e-9, f"journal {nats}, eval {score}"


def play_with_keys():
    """CURVE: the pair of `murid keygen` opens the daemon, half of what is needed is refused."""
    with tempfile.TemporaryDirectory() as keys:
        server, mine = os.path.join(keys, "server"), os.path.join(keys, "mine")
        run("keygen", server)
        run("keygen", mine)
        security = {"server_key": server, "client_keys": mine + ".pub"}
        with Daemon({"security": security}, control=False) as daemon:
            for socket in ("ask", "trials"):
                run("play", DEMO, "--asap", "--to", daemon.endpoint[socket], "--rig", socket,
                    "--key", mine, "--server-key", server + ".pub")
            half = subprocess.run([MURID, "play", DEMO, "--key", mine], capture_output=True, text=True)
            assert half.returncode == 2 and "--server-key" in half.stderr, half
            assert daemon.stop() == 0
            counts = daemon.query("SELECT rig, count(*) FROM trial GROUP BY rig ORDER BY rig")
            assert [tuple(c) for c in counts] == [("ask", 600), ("trials", 600)], counts


def main():
    path, limit = (DATA, 0) if os.path.exists(DATA) else (DEMO, 0)
    if path == DEMO:
        print("../shared/data absent: the virtual mouse is played instead")
    if SANITIZED and path == DATA:
        limit = 12000
    for socket in ("ask", "trials"):
        nats = play(path, socket, limit, twice=False)
        if limit == 0:
            check_eval(path, nats)
    play(DEMO, "ask", 0, twice=True)
    play(DEMO, "trials", 0, twice=True)
    play_with_keys()


if __name__ == "__main__":
    sys.exit(main())
