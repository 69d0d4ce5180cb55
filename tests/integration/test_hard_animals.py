"""Animals as hard as they come, heard by the real daemon with the shipped model: every answer is a
prediction whose numbers are finite and in their ranges, what happened is said, and the journal
replays bit for bit."""
import math
import os
import random
import sqlite3
import subprocess
import tempfile
import unittest

from daemon import Daemon, trial

MURID = os.environ["MURID_BIN"]
MODEL = os.path.join(os.environ["MURID_SOURCE_DIR"], "configs", "models", "mice.safetensors")
STIMULI = [-1.0, -0.25, -0.0625, 0.0, 0.0625, 0.25, 1.0]


class HardAnimals(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon({"model": {"file": MODEL}}).start()
        self.asker = self.daemon.asker()

    def tearDown(self):
        self.daemon.stop()
        self.daemon.close()

    def check(self, reply):
        self.assertEqual(reply["kind"], "prediction", reply)
        for lo, p, hi in zip(reply["lo"], reply["p_right"], reply["hi"]):
            self.assertTrue(0 <= lo <= hi <= 1 and 0 < p < 1, reply)
        self.assertTrue(all(math.isfinite(w) for w in reply["w"] + reply["w_sd"]), reply)
        self.assertAlmostEqual(sum(reply["bank"].values()), 1, places=6)
        return reply

    def start(self, subject, session="s1"):
        self.check(self.asker.ask(kind="session_start", rig="r1", subject=subject, session=session,
                                  stimuli=STIMULI))

    def trial(self, subject, number, session="s1", **keys):
        return self.check(self.asker.ask(kind="trial", rig="r1", subject=subject, session=session,
                                         trial=number, **keys))

    def width(self, reply, stimulus):
        i = reply["stimuli"].index(stimulus)
        return reply["hi"][i] - reply["lo"][i]

    def finish(self):
        self.assertEqual(self.daemon.stop(), 0)
        done = subprocess.run([MURID, "replay", self.daemon.data], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("identical bit for bit", done.stdout)

    def test_one_that_always_turns_left(self):
        self.start("left")
        for t in range(400):
            reply = self.trial("left", t, stimulus=STIMULI[t % 7], choice=0, rt_s=0.4,
                               reward=int(STIMULI[t % 7] < 0))
        self.assertLess(max(reply["p_right"]), 0.1)
        self.assertGreater(reply["score"]["coverage_bins"], 0)
        self.finish()

    def test_one_that_does_not_answer_for_2000_trials(self):
        self.start("away")
        for t in range(200):
            c = STIMULI[t % 7]
            before = self.trial("away", t, stimulus=c, choice=int(c > 0), reward=1, rt_s=0.4)
        for t in range(200, 2200):
            reply = self.trial("away", t, stimulus=STIMULI[t % 7], choice=None)
        self.assertEqual(reply["score"]["n"], 200)
        self.assertGreater(self.width(reply, 0.25), self.width(before, 0.25))
        self.assertGreater(reply["p_disengaged"], 0.8)
        self.finish()
        alerts = self.daemon.query("SELECT count(*) FROM alert WHERE code = 'disengaged'")
        self.assertEqual(alerts, [(1,)])

    def test_reaction_times_of_0_and_none(self):
        self.start("quick")
        for t in range(300):
            c = STIMULI[t % 7]
            self.trial("quick", t, stimulus=c, choice=t % 2, reward=1,
                       rt_s=(0, math.nan, 0.5, 1e-9, 86400)[t % 5])
        bare = self.asker.raw(b'{"kind": "trial", "rig": "r1", "subject": "quick", "session":'
                                    b' "s1", "trial": 300, "stimulus": 1, "choice": 1, "rt_s": NaN}')
        self.check(bare)
        self.finish()

    def test_sessions_of_one_trial(self):
        for i in range(60):
            self.start("short", f"s{i}")
            reply = self.trial("short", 0, f"s{i}", stimulus=0.25, choice=1, reward=1)
            self.assertEqual((reply["score"]["n"], reply["session_score"]["n"]), (i + 1, 1))
        self.finish()

    def test_a_stimulus_that_was_never_shown(self):
        self.start("narrow")
        for t in range(200):
            c = 0.25 if t % 2 else -0.25
            reply = self.trial("narrow", t, stimulus=c, choice=int(c > 0), reward=1, rt_s=0.4,
                               next_stimulus=(1.0, 0.0625, -1.0, -0.0625)[t % 4])
        self.assertEqual(reply["stimuli"][0], -0.0625)
        p = dict(zip(reply["stimuli"], reply["p_right"]))
        self.assertTrue(p[-1.0] < p[-0.0625] < p[0.0625] < p[1.0], p)
        self.trial("narrow", 200, stimulus=1.0, choice=1, reward=1, rt_s=0.4)
        self.trial("narrow", 201, stimulus=0.0625, choice=0, reward=0, rt_s=0.4)
        self.finish()

    def test_one_that_does_the_opposite_the_next_day(self):
        for day in range(4):
            self.start("turned", f"day{day}")
            for t in range(200):
                c = STIMULI[t % 7]
                right = (c > 0) == (day < 2)
                reply = self.trial("turned", t, f"day{day}", stimulus=c, choice=int(right),
                                   reward=int(day < 2), rt_s=0.4)
            p = dict(zip(reply["stimuli"], reply["p_right"]))
            self.assertEqual(p[1.0] > 0.5, day < 2)
        self.assertEqual(sum(reply["reliability"]["n"]), reply["score"]["n"])
        self.finish()


class OutsideOfTheModel(unittest.TestCase):
    """The rule was fitted on animals at chance; what is heard is one that only turns left."""

    def test_is_said_once_a_bout_with_what_was_outside(self):
        draw = random.Random(5)
        with tempfile.TemporaryDirectory() as directory:
            table = os.path.join(directory, "chance.csv")
            model = os.path.join(directory, "m.safetensors")
            with open(table, "w") as f:
                f.write("subject,session,trial,stimulus,choice,reward\n")
                for animal in range(2):
                    for t in range(400):
                        c = t % 2 if t < 4 else draw.randrange(2)
                        f.write(f"m{animal},1,{t},{draw.choice(STIMULI)},{c},1\n")
            subprocess.run([MURID, "fit", table, "-o", model, "--rule", "reinforce", "--policy",
                            "stimulus,bias"], check=True, capture_output=True)
            shown = subprocess.run([MURID, "model", model], check=True, capture_output=True,
                                   text=True).stdout
            self.assertRegex(shown, r"(?m)^0 +reinforce +bias +-[0-9.]+ +[0-9.]+ +[0-9.e-]+$")
            with Daemon({"model": {"file": model}}) as daemon:
                asker = daemon.asker()
                for t in range(300):
                    reply = asker.ask(**trial(t, stimulus=STIMULI[t % 7], choice=0, reward=1))
                    self.assertEqual(reply["kind"], "prediction", reply)
                daemon.settle()
                texts = daemon.alerts("model_out_of_range")
                self.assertEqual(len(texts), 1, texts)
                self.assertEqual(daemon.stop(), 0)
                done = subprocess.run([MURID, "replay", daemon.data], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                with sqlite3.connect(daemon.journal) as db:
                    db.execute("DELETE FROM alert WHERE code = 'model_out_of_range'")
                db.close()
                done = subprocess.run([MURID, "replay", daemon.data], capture_output=True, text=True)
                self.assertRegex(done.stderr, "no alert `model_out_of_range` stands there, one is rec")
                self.assertRegex(texts[0], r"^m1, trial \d+: (weight \w+ is -?[0-9.]+, -[0-9.]+ to [0-9.]+ where|a "
                                           r"trial or weight outside the range that) the rule reinforce was fitted")


if __name__ == "__main__":
    unittest.main()
