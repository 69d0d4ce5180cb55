"""Random histories of sessions, restarts, gaps, late and repeated messages, held against a model that
keeps everything: the same trials are in the journal, each once, the same seq is durable, and every
message is answered with what it asked about."""
import os
import random
import subprocess
import sys
import unittest

from daemon import MURID, Daemon
from session_model import Model

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
HISTORIES = int(os.environ.get("HISTORIES", 150))
RESTARTS = 12  # of the daemon, by kill -9 once all is on disk


class Rig:
    """Makes up what a rig says: in order at first."""

    def __init__(self, draw, name):
        self.draw, self.name = draw, name
        self.with_seq = draw.random() < 0.7
        self.states_run = draw.random() < 0.15
        self.said = []

    def say(self, kind, **keys):
        m = {"kind": kind, "rig": self.name, "subject": "m-" + self.name, "session": self.session,
             **keys}
        if self.with_seq:
            self.seq += 1
            m["seq"] = self.seq
        if self.states_run:
            m["run"] = self.run
        self.said.append(m)

    def play_trials(self, first, n):
        for number in range(first, first + n):
            stimulus = self.draw.choice((-1.0, -0.25, 0.0, 0.25, 1.0))
            if self.draw.random() < 0.2:
                self.say("stimulus", stimulus=stimulus, trial=number)
            self.say("trial", trial=number, stimulus=stimulus, choice=self.draw.randrange(2),
                     rt_s=round(self.draw.uniform(0.1, 3.0), 6))
        return first + n

    def start(self):
        keys = {"stimuli": [-1.0, 1.0]} if self.draw.random() < 0.5 else {}
        self.say("session_start", t_wall_ns=self.draw.randrange(1 << 60), **keys)

    def play_session(self, name):
        self.session, self.seq, self.run = name, 0, 1
        if self.draw.random() < 0.8:
            self.start()
        at = self.play_trials(self.draw.choice((0, 0, 0, 1, 40)), self.draw.choice((1, 5, 30, 90)))
        for _ in range(self.draw.randrange(3)):
            what = self.draw.random()
            if what < 0.4:  # numbers are skipped
                at = self.play_trials(at + self.draw.choice((1, 3, 70, 300)), self.draw.choice((1, 20)))
            elif what < 0.6:  # one number slips
                self.play_trials(self.draw.choice((10 ** 9, at + 500)), 1)
                at = self.play_trials(at, 10)
            else:  # the task begins anew, in the same program or in another
                if self.draw.random() < 0.5:
                    self.seq = 0
                    self.start()
                self.run += 1
                at = self.play_trials(0, self.draw.choice((2, 10, 70)))
        if self.draw.random() < 0.7:
            self.say("session_end")

    def history(self):
        """What is said, out of order, lost and later sent, and repeated."""
        for i in range(self.draw.choice((1, 2, 3))):
            self.play_session(f"s{i}")
        sent = list(self.said)
        for _ in range(self.draw.choice((0, 0, 2, 6))):  # a message is late, by little or much
            i = self.draw.randrange(len(sent))
            sent.insert(min(i + self.draw.choice((1, 5, 100)), len(sent) - 1), sent.pop(i))
        for _ in range(self.draw.choice((0, 1, 4))):  # a stretch is sent again
            first = self.draw.randrange(len(sent))
            at = self.draw.randrange(first, len(sent) + 1)
            sent[at:at] = sent[first:min(at, first + self.draw.choice((1, 10, 200)))]
        for _ in range(self.draw.choice((0, 0, 1))):  # the same number with another content
            m = dict(self.draw.choice(sent))
            if m["kind"] == "trial":
                sent.insert(self.draw.randrange(len(sent)), dict(m, rt_s=9.5))
        return sent


class Histories(unittest.TestCase):
    maxDiff = 3000

    def check_reply(self, message, reply):
        for key in ("rig", "subject", "session", "trial", "seq"):
            self.assertEqual(reply.get(key), message.get(key), (key, message, reply))
        if "run" in message:
            self.assertEqual(reply["run"], message["run"])

    def check(self, daemon, asker, name, model):
        held = daemon.query("SELECT session, trial, rt_s FROM trial WHERE rig = ? ORDER BY session, trial",
                            name)
        owed = sorted((session + (f"+{run.number}" if run.number > 1 else ""), n, dict(content)["rt_s"])
                      for session, runs in model.sessions.items() for run in runs.values()
                      for n, content in run.trials.items())
        self.assertEqual(sorted(held), owed, name)
        for session, runs in model.sessions.items():
            for run in runs.values():
                told = asker.ask(kind="hello", rig=name, subject="m-" + name, session=session,
                                 run=run.number)["durable_seq"]
                self.assertEqual(told, run.count.durable(), (name, session, run.number))

    def test_what_is_heard_is_journaled_once_and_only_what_is_on_disk_is_called_durable(self):
        print(f"SEED={SEED}", file=sys.stderr)
        draw = random.Random(SEED)
        rigs = [Rig(draw, f"r{i}") for i in range(HISTORIES)]
        queues = {rig.name: rig.history() for rig in rigs}
        models = {rig.name: Model() for rig in rigs}
        journaled = dict.fromkeys(queues, 0)
        n_messages = 0
        daemon = Daemon()
        daemon.settings["limits"] = {"subjects": HISTORIES + 1}
        daemon.write_config()
        with daemon:
            asker = daemon.asker()
            left = [rig.name for rig in rigs]
            total = sum(len(q) for q in queues.values())
            restarts = sorted(draw.sample(range(total), RESTARTS))
            while left:
                name = draw.choice(left)
                message = queues[name].pop(0)
                reply = asker.ask(**message)
                self.check_reply(message, reply)
                is_new = models[name].hear(message)
                journaled[name] += is_new and ("seq" in message or message["kind"] == "trial")
                n_messages += 1
                self.assertLessEqual(reply["durable_seq"], max(
                    run.count.durable() for run in models[name].sessions[message["session"]].values()),
                    (message, reply))
                if not queues[name]:
                    left.remove(name)
                if restarts and n_messages == restarts[0]:
                    restarts.pop(0)
                    daemon.settle()
                    daemon.kill()
                    daemon.start()
                    asker = daemon.asker()
            daemon.settle()
            for name, model in models.items():
                self.check(daemon, asker, name, model)
            held = dict(daemon.query("SELECT rig, count(*) FROM event WHERE seq IS NOT NULL"
                                     " OR kind = 'trial' GROUP BY rig"))
            self.assertEqual(held, journaled)
            self.assertEqual(daemon.stop(), 0)
            done = subprocess.run([MURID, "replay", daemon.journal], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            print(f"{HISTORIES} histories, {n_messages} messages, {sum(journaled.values())} "
                  "journaled", file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
