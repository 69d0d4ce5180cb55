"""A rig's program on murid.py, to be killed and started again: rig_program.py SPEC.json.

It runs the sessions of the SPEC one after the other, each trial announced by its stimulus, waits after
each session until all of it is said to be on disk, and holds that against the journal itself. Where it
was is told by its spool and by one file with the numbers of sessions that are over."""
import json
import os
import random
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.environ["MURID_SOURCE_DIR"], "proto", "python"))
import murid  # noqa: E402


def trial_of(spec, session, run, number):
    """What the animal does on a trial follows from its number alone."""
    draw = random.Random(f"{spec['rig']}/{session}/{run}/{number}")
    stimulus = draw.choice((-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0))
    choice = None if draw.random() < 0.05 else int(draw.random() < 0.5 + 0.4 * stimulus)
    return {"stimulus": stimulus, "choice": choice, "rt_s": round(draw.uniform(0.1, 2.0), 3),
            "reward": None if choice is None else int((stimulus > 0) == bool(choice))}


def count_on_disk(spec, session):
    """Of the trials that the journal itself holds; a look from outside, as a person takes one."""
    db = sqlite3.connect(f"file:{spec['journal']}?mode=ro", uri=True, timeout=10)
    try:
        return db.execute("SELECT count(*) FROM trial WHERE rig = ? AND (session = ? OR session LIKE ?)",
                          (spec["rig"], session, session + "+%")).fetchone()[0]
    finally:
        db.close()


def write(path, text):
    with open(path + ".new", "w") as f:
        f.write(text)
    os.replace(path + ".new", path)


def play(rig, spec, name, lengths):
    """One session, whose task begins anew for each further length. Lengths fall, so that the number of
    the next trial tells whether the run under way has begun."""
    begun = {}
    path = spec["spool"] + ".begun"  # which run of it is under way
    if os.path.exists(path):
        with open(path) as f:
            begun = json.load(f)
    run = begun.get(name, 1)
    rig.session_start(spec["subject"], session=name, stimuli=[-1.0, 0.0, 1.0])
    for run in range(run, len(lengths) + 1):
        number = rig.trial if rig.trial <= lengths[run - 1] else 0
        write(path, json.dumps(dict(begun, **{name: run})))
        while number < lengths[run - 1]:
            trial = trial_of(spec, name, run, number)
            rig.stimulus(trial["stimulus"], trial=number)
            rig.ask(trial=number, **trial)
            number += 1
            time.sleep(spec["pause_s"])
    rig.session_end()


def main(path):
    with open(path) as f:
        spec = json.load(f)
    over = spec["spool"] + ".over"
    done = int(open(over).read()) if os.path.exists(over) else 0
    with murid.Client(spec["rig"], ask=spec["ask"], spool=spec["spool"], timeout_s=0.2) as rig:
        for name, lengths in spec["sessions"][done:]:
            play(rig, spec, name, lengths)
            while not rig.flush(1):
                time.sleep(0.02)
            held = count_on_disk(spec, name)
            assert held >= sum(lengths), f"flush() said True with {held} of {lengths} of {name} on disk"
            done += 1
            write(over, str(done))
    print("done", rig.refused)


if __name__ == "__main__":
    main(sys.argv[1])
