"""`murid forecast`: of tables and journals, what it says of animals whose future is known, bad input."""
import csv
import json
import math
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import unittest
import xml.dom.minidom

from daemon import MURID, Daemon

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
SOURCE = os.environ["MURID_SOURCE_DIR"]
COLUMNS = ("subject", "session", "trial", "stimulus", "choice", "reward", "rt_s", "side")
CONTRASTS = (-1.0, -0.5, -0.25, -0.125, -0.0625, 0.0, 0.0625, 0.125, 0.25, 0.5, 1.0)


def forecast(*arguments, code=0, text=None):
    done = subprocess.run([MURID, "forecast", *arguments], capture_output=True, text=True,
                          input=text, timeout=120)
    assert done.returncode == code, done
    return done.stdout if code == 0 else done.stderr


def animal(draw, n, name="m1", first=0.5, rate=0.0):
    """p(right) = sigmoid(w x); w rises by rate a trial up to 4."""
    rows, w = [], first
    for trial in range(n):
        stimulus = draw.choice(CONTRASTS)
        side = int(stimulus > 0) if stimulus else draw.randrange(2)
        x = math.tanh(5 * stimulus) / math.tanh(5)
        choice = int(draw.random() < 1 / (1 + math.exp(-w * x)))
        rows.append(dict(subject=name, session=f"d{trial // 300}", trial=trial % 300,
                         stimulus=stimulus, choice=choice, reward=int(choice == side),
                         rt_s=round(draw.uniform(0.2, 1.0), 3), side=side))
        w = min(w + rate, 4.0)
    return rows


def write(directory, rows, name="trials.csv"):
    path = os.path.join(directory, name)
    with open(path, "w", newline="") as f:
        writer = csv.DictWriter(f, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def make_model(directory, *words):
    path = os.path.join(directory, "model.safetensors")
    subprocess.run([MURID, "model", "--new", "-o", path, *words], check=True, capture_output=True, timeout=60)
    return path


class Forecast(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.draw = random.Random(SEED)

    def path(self, rows, name="trials.csv"):
        return write(self.directory.name, rows, name)

    def json(self, *arguments):
        return json.loads(forecast(*arguments, "--json"))

    def test_its_bands_hold_animals_that_stand_still(self):
        """Windows of one animal miss together, so it takes several: 82 of 96 hold on average, at 90%."""
        within = 0
        for _ in range(8):
            table = self.path(animal(self.draw, 2400, first=2.0))
            said = self.json(table, "--at", "1200", "--horizon", "1200")
            self.assertEqual((said["subject"], said["at"], said["stimuli"]), ("m1", 1200, "real"))
            self.assertEqual(len(said["windows"]), 12)
            within += sum(w["correct"]["lo90"] <= w["came"] <= w["correct"]["hi90"]
                          for w in said["windows"])
            for w in said["windows"]:
                c = w["correct"]
                self.assertTrue(c["lo90"] <= c["lo50"] <= c["median"] <= c["hi50"] <= c["hi90"])

            def width(of):
                return sum(w[of]["hi90"] - w[of]["lo90"] for w in said["windows"])
            self.assertLess(width("p_correct"), width("correct"))  # a single one may be drawn otherwise
        self.assertGreaterEqual(within, 64)

    def test_what_came_is_counted_by_hand(self):
        rows = animal(self.draw, 900, first=1.5)
        for row in rows[350:360]:
            row["choice"] = row["reward"] = ""
        said = self.json(self.path(rows), "--at", "300", "--horizon", "500", "--rollouts", "20")
        kept = [r for r in rows[300:] if r["choice"] != ""]
        for i, w in enumerate(said["windows"]):
            window = kept[100 * i:100 * i + 100]
            share = sum(r["choice"] == r["side"] for r in window) / 100
            self.assertAlmostEqual(w["came"], share, 6)

    def test_learners_are_told_to_go_on_learning(self):
        """One of them may look as if it stood still, by chance, and then it is told so: the median of three."""
        model = make_model(self.directory.name, "--rule", "reinforce", "--rate", "0.02", "--policy",
                           "stimulus,bias", "--noise", "0.003", "--session-noise", "0.01")
        rises, reached = [], []
        for _ in range(3):
            table = self.path(animal(self.draw, 700, first=0.0, rate=0.002))
            said = self.json(table, "--model", model, "--at", "700", "--horizon", "3000")
            self.assertEqual(said["stimuli"], "recent")
            self.assertIsNone(said["windows"][0]["came"])
            rises.append(said["windows"][-1]["correct"]["median"] - said["windows"][0]["correct"]["median"])
            reached.append(said["criterion"]["p_reached"])
        self.assertGreater(statistics.median(rises), 0.05)
        self.assertGreater(statistics.median(reached), 0.5)

    def met_at(self, rows, accuracy=0.8, over=100, easy=0.5):
        """Counted here: the trial, from 1, with which the criterion is met; None: never."""
        right = []
        for number, row in enumerate(rows, 1):
            if row["choice"] != "" and abs(row["stimulus"]) >= easy:
                right.append(row["choice"] == row["side"])
                if len(right) >= over and sum(right[-over:]) >= accuracy * over:
                    return number
        return None

    def test_what_is_met_already_is_said_to_be_met_and_when(self):
        rows = animal(self.draw, 900, first=4.0)
        met = self.met_at(rows)
        table = self.path(rows)
        for at in (met, 800):
            said = self.json(table, "--at", str(at), "--horizon", "100", "--rollouts", "20")
            criterion = said["criterion"]
            self.assertEqual((criterion["met_at"], criterion["p_reached"]), (met, 1.0))
            self.assertEqual(set(criterion["trials"].values()), {0.0})
            self.assertEqual(set(criterion["sessions"].values()), {0.0})
        picture = os.path.join(self.directory.name, "p.svg")
        text = forecast(table, "--at", "800", "--horizon", "100", "--rollouts", "20", "--plot", picture)
        self.assertIn(f"0.8 correct over 100 trials of contrast 0.5 and above: met at trial {met}\n", text)
        self.assertNotIn("  trials ", text)
        with open(picture) as f:
            drawn = f.read()
        self.assertIn(f"0.8 correct of 100 trials of contrast 0.5 and above: met at trial {met}<", drawn)
        (line,) = re.findall(r'class="line c4 dashed" x1="([\d.]+)" y1="[\d.]+" x2="([\d.]+)"', drawn)
        self.assertEqual(line[0], line[1])  # upright: at a time, not a share of other trials

    def test_before_it_is_met_it_is_ahead(self):
        rows = animal(self.draw, 900, first=4.0)
        met = self.met_at(rows)
        said = self.json(self.path(rows), "--at", str(met - 1), "--horizon", "300", "--rollouts", "20")
        self.assertIsNone(said["criterion"]["met_at"])
        self.assertGreater(said["criterion"]["trials"]["median"], 0)

    def test_the_same_seed_says_the_same_and_another_nearly(self):
        table = self.path(animal(self.draw, 600, first=1.0))
        one = forecast(table, "--at", "300", "--json", "--seed", "3")
        self.assertEqual(one, forecast(table, "--at", "300", "--json", "--seed", "3"))
        other = json.loads(forecast(table, "--at", "300", "--json", "--seed", "4"))
        self.assertNotEqual(json.loads(one)["windows"], other["windows"])
        for a, b in zip(json.loads(one)["windows"], other["windows"]):
            self.assertAlmostEqual(a["correct"]["mean"], b["correct"]["mean"], delta=0.03)

    def test_what_comes_after_is_not_looked_at(self):
        rows = animal(self.draw, 800, first=1.0)
        said = self.json(self.path(rows), "--at", "400", "--horizon", "400")
        for row in rows[400:]:
            row["choice"] = 1 - row["choice"]
            row["reward"] = 1 - row["reward"]
        again = self.json(self.path(rows, "other.csv"), "--at", "400", "--horizon", "400")
        for a, b in zip(said["windows"], again["windows"]):
            self.assertEqual(a["correct"], b["correct"])
            self.assertAlmostEqual(a["came"] + b["came"], 1.0, 6)
        self.assertEqual(said["criterion"], again["criterion"])

    def test_a_protocol_is_followed(self):
        table = self.path(animal(self.draw, 600, first=3.0))
        protocol = os.path.join(SOURCE, "configs", "protocols", "ibl_training.yaml")
        said = self.json(table, "--protocol", protocol, "--horizon", "400", "--rollouts", "50")
        self.assertEqual(said["stimuli"], "protocol")
        self.assertGreater(said["windows"][0]["correct"]["median"], 0.85)
        why = forecast(table, "--protocol", protocol, "--stage", "nowhere", code=2)
        self.assertIn('has no stage "nowhere"', why)

    def test_the_plot_is_a_picture(self):
        table = self.path(animal(self.draw, 900, first=1.0))
        picture = os.path.join(self.directory.name, "p.svg")
        forecast(table, "--at", "400", "--horizon", "400", "--plot", picture)
        with open(picture) as f:
            text = f.read()
        xml.dom.minidom.parseString(text)
        self.assertIn("m1 after 400 trials", text)
        self.assertEqual(text.count("dot c3"), 4 + 1)  # and the legend's

    def test_a_journal_says_what_its_table_says(self):
        rows = animal(self.draw, 420, first=1.5)
        sent = rows[:100] + [rows[101], rows[100]] + rows[102:]  # one comes late
        with Daemon() as daemon:
            rig = daemon.asker()
            for row in sent:
                reply = rig.ask(v=1, kind="trial", rig="r1", **row)
                self.assertEqual(reply["kind"], "prediction", reply)
            daemon.settle()
            by_journal = self.json(daemon.data, "--at", "300", "--horizon", "100")
        self.assertEqual(by_journal,
                         self.json(self.path(rows), "--at", "300", "--horizon", "100"))

    def test_bad_input_is_named(self):
        table = self.path(animal(self.draw, 50) + animal(self.draw, 50, "m2"))
        self.assertIn("one animal was expected, or --subject", forecast(table, code=2))
        self.assertIn("no trials of m3", forecast(table, "--subject", "m3", code=2))
        self.assertIn("has only 50 trials",
                      forecast(table, "--subject", "m1", "--at", "51", code=2))
        self.assertIn("no choices before trial 0",
                      forecast(table, "--subject", "m1", "--at", "0", "--recent", code=2))
        self.assertIn("1 to 64 were expected",
                      forecast(table, "--subject", "m1", "--horizon", "50", code=2))
        self.assertIn("murid: ", forecast(self.directory.name + "/none.csv", code=2))
        self.assertIn("murid: ", forecast(table, "--model", table, code=2))
        self.assertEqual(len(forecast(table, code=2).splitlines()), 1)

    def test_hard_animals_stay_finite(self):
        left = animal(self.draw, 800, first=1.0)
        for row in left:
            row["choice"], row["reward"] = 0, int(row["side"] == 0)
        silent = animal(self.draw, 100) + [dict(r, choice="", reward="", session="d9")
                                           for r in animal(self.draw, 2000)]
        for number, row in enumerate(silent):
            row["trial"] = number
        one = animal(self.draw, 1)
        for rows in (left, silent, one):
            said = self.json(self.path(rows), "--horizon", "300", "--rollouts", "100")
            for w in said["windows"]:
                self.assertTrue(0.0 <= w["correct"]["lo90"] <= w["correct"]["hi90"] <= 1.0)
                self.assertTrue(0.0 <= w["bias"]["lo90"] <= w["bias"]["hi90"] <= 1.0)

    def test_it_stops_on_ctrl_c(self):
        table = self.path(animal(self.draw, 600, first=1.0))
        run = subprocess.Popen([MURID, "forecast", table, "--horizon", "20000", "--window", "500",
                                "--rollouts", "4096"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
        time.sleep(0.3)
        run.send_signal(signal.SIGINT)
        _, error = run.communicate(timeout=20)
        self.assertEqual((run.returncode, error.splitlines()[-1]), (1, "murid: interrupted"))


if __name__ == "__main__":
    print("seed", SEED)
    unittest.main(argv=sys.argv)
