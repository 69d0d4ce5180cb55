"""murid fit: training on tables, interrupts, resuming, and agreement with PyTorch."""
import json
import os
import signal
import subprocess
import time
import unittest

import skips
from fits import HEADER, MURID, SLOW, Table, table

SOURCE = os.environ["MURID_SOURCE_DIR"]

NETS = ("dnn", "rnn", "gru_policy", "dnn_gain", "rnn_gain")


class OpenLoop(Table):
    MODE = ["--filter", "none"]
    RULES = NETS
    EPOCHS = 2000

    def test_the_loss_falls_and_the_model_says_where_it_comes_from(self):
        for rule in self.RULES:
            of_net = ["--epochs", "60", "--rate", "0.01", "--losses", self.path("l.csv")]
            self.fit("m.safetensors", "--rule", rule, "--seed", "7", *(of_net if rule in NETS else []))
            if rule in NETS:
                nats = self.losses("l.csv")
                self.assertEqual(len(nats), 60)
                self.assertLess(nats[-1], nats[0] - 0.01)
            done = subprocess.run([MURID, "model", self.path("m.safetensors"), "--json"],
                                  capture_output=True, text=True, check=True)
            model = json.loads(done.stdout)
            self.assertEqual(model["rule"], rule)
            self.assertEqual(model["metadata"]["seed"], "7")
            self.assertRegex(model["metadata"]["made_by"], r"^murid [0-9.]+ fit$")
            expected = subprocess.run(["sha256sum", self.data], capture_output=True, text=True,
                                      check=True).stdout.split()[0]
            self.assertEqual(model["metadata"]["data_sha256"], expected)
            self.assertFalse(os.path.exists(self.path("m.safetensors.fit")))
            self.check_range(rule, model)
            of_fit = json.loads(subprocess.run(
                [MURID, "eval", self.data, "--json", "--model", self.path("m.safetensors")],
                capture_output=True, check=True).stdout)
            self.assertEqual(of_fit["pooled"]["outside"], 0)
            scored = subprocess.run([MURID, "eval", self.data, "--model",
                                     self.path("m.safetensors")], capture_output=True)
            self.assertEqual(scored.returncode, 0, scored.stderr)

    def check_range(self, rule, model):
        if rule == "none":
            self.assertNotIn("range_w_lo", model)
            return
        for lo, hi, step in zip(model["range_w_lo"], model["range_w_hi"], model["range_step_max"]):
            self.assertTrue(lo < hi and step > 0, model)
        inputs = {"gru_policy": 9, "dnn": 6, "rnn": 6, "dnn_gain": 6, "rnn_gain": 6}
        self.assertEqual(len(model["range_x_lo"]), inputs.get(rule, 0))

    def test_the_number_of_threads_changes_no_bit_and_the_seed_does(self):
        one = self.fit("1.safetensors", "--epochs", "20", "--threads", "1")
        self.assertTrue(one == self.fit("2.safetensors", "--epochs", "20", "--threads", "2"))
        self.assertTrue(one == self.fit("3.safetensors", "--epochs", "20", "--threads", "5"))
        self.assertTrue(one != self.fit("4.safetensors", "--epochs", "20", "--seed", "1"))

    def test_an_interrupted_fit_goes_on_to_the_same_result(self):
        epochs = ["--epochs", str(self.EPOCHS // 5 if SLOW else self.EPOCHS), "--hidden", "16"]
        whole = self.fit("whole.safetensors", *epochs)
        out = self.path("part.safetensors")
        losses = ["--losses", self.path("l.csv")]
        process = subprocess.Popen([MURID, "fit", *self.MODE, self.data, "-o", out, *epochs, *losses],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if os.path.exists(self.path("l.csv")) and os.path.getsize(self.path("l.csv")) > 200:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, text = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, text)
        self.assertRegex(text, r"(?m)^murid: interrupted after [0-9]+ of [0-9]+ epochs; the same command "
                               r"with --resume continues\n\Z")
        self.assertTrue(os.path.exists(out))
        again = self.run_fit(self.data, "-o", out, *epochs)
        self.assertEqual(again.returncode, 2)
        self.assertIn("of an interrupted fit; --resume continues it", again.stderr)
        other = self.run_fit(self.data, "-o", out, *epochs, "--resume", "--seed", "3")
        self.assertEqual(other.returncode, 2)
        self.assertIn("of another fit, whose options was", other.stderr)
        shape = self.run_fit(self.data, "-o", out, *epochs[:2], "--hidden", "8", "--resume")
        self.assertEqual(shape.returncode, 2)
        with open(self.path("other.csv"), "w") as f:
            f.write(table(seed=2))
        data = self.run_fit(self.path("other.csv"), "-o", out, *epochs, "--resume")
        self.assertEqual(data.returncode, 2)
        self.assertIn("of another fit, whose data was", data.stderr)
        done = self.run_fit(self.data, "-o", out, *epochs, *losses, "--resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.digest("part.safetensors"), whole)
        self.assertEqual(len(self.losses("l.csv")), int(epochs[1]))
        self.assertFalse(os.path.exists(out + ".fit"))

    def test_a_damaged_state_is_refused(self):
        state = self.path("m.safetensors.fit")
        for content in (b"", b"\0" * 100, b"\x02\0\0\0\0\0\0\0{}"):
            with open(state, "wb") as f:
                f.write(content)
            done = self.run_fit(self.data, "-o", self.path("m.safetensors"), "--resume")
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertRegex(done.stderr, r"(?m)^murid: .*m\.safetensors\.fit: .+\n\Z")
        os.remove(state)
        done = self.run_fit(self.data, "-o", self.path("m.safetensors"), "--resume")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no such file", done.stderr)

    def test_interleaved_animals_train_as_apart(self):
        lines = table(animals=2, n=120).splitlines(keepends=True)[1:]
        one = [l for l in lines if l.startswith("m0,")]
        two = [l for l in lines if l.startswith("m1,")]
        mixed = [l for pair in zip(one, two) for l in pair] + one[len(two):]
        results = []
        for k, rows in enumerate((one + two, mixed)):
            out = self.path(f"{k}.safetensors")
            done = self.run_fit("-", "-o", out, "--epochs", "5", stdin=HEADER + "".join(rows))
            self.assertEqual(done.returncode, 0, done.stderr)
            results.append(self.digest(f"{k}.safetensors"))
        self.assertEqual(results[0], results[1])

    def test_thin_data_is_warned_of_and_trained_on(self):
        for text in (HEADER + "m1,1,0,0.5,1,1,\n",
                     HEADER + "".join(f"m1,1,{t},0.5,1,1,\n" for t in range(100))):
            done = self.run_fit("-", "-o", self.path("m.safetensors"), "--epochs", "3", stdin=text)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(": every choice is right" in done.stderr, len(text) > 1000)
            self.assertIn("murid: warning: only", done.stderr)


class InTheFilter(OpenLoop):
    MODE = []
    RULES = ("none", "reinforce", "reinforce_base", "reward_max", "predict_max", "eligibility", "dnn",
             "rnn", "gru_policy", "dnn_gain", "rnn_gain")
    EPOCHS = 1000

    def test_the_loss_is_what_eval_scores(self):
        usual = [(rule, "ekf" if rule in NETS else "moments", []) for rule in self.RULES]
        other = [(rule, filter, ["--filter", filter]) for rule, filter in (("rnn", "moments"), ("reinforce", "ekf"))]
        for rule, filter, words in usual + other:
            done = self.run_fit(self.data, "-o", self.path("m.safetensors"), "--rule", rule, *words,
                                *(["--epochs", "5", "--hidden", "8"] if rule in NETS else []))
            self.assertEqual(done.returncode, 0, done.stderr)
            about = subprocess.run([MURID, "model", self.path("m.safetensors"), "--json"], capture_output=True, check=True)
            self.assertEqual(json.loads(about.stdout)["filter"], filter)
            said = float(done.stdout.split(": ")[1].split()[0])
            scored = subprocess.run([MURID, "eval", self.data, "--json", "--model",
                                     self.path("m.safetensors")], capture_output=True, check=True)
            self.assertAlmostEqual(json.loads(scored.stdout)["pooled"]["nats"], said, delta=6e-5)

    def test_a_prior_that_is_stated_is_not_fitted(self):
        done = self.run_fit(self.data, "-o", self.path("m.safetensors"), "--rule", "reinforce", "--policy",
                            "stimulus,bias", "--start", "0.5,-0.25", "--start-sd", "0.7")
        self.assertEqual(done.returncode, 0, done.stderr)
        about = subprocess.run([MURID, "model", self.path("m.safetensors")], capture_output=True, text=True, check=True)
        self.assertRegex(about.stdout, r"(?m)^stimulus +0\.5 +0\.7 ")
        self.assertRegex(about.stdout, r"(?m)^bias +-0\.25 +0\.7 ")
        self.assertIn("start 0.5;-0.25, start-sd 0.7;0.7,", about.stdout)

    def test_batches_schedules_and_early_stopping_do_what_they_say(self):
        options = ["--rule", "rnn", "--epochs", "12", "--losses", self.path("l.csv")]
        plain = self.fit("a.safetensors", *options)
        for words in (["--batch", "1"], ["--schedule", "step"], ["--weight-decay", "1"],
                      ["--clip", "0.001"], ["--filter-rate", "1"]):
            self.assertTrue(plain != self.fit("b.safetensors", *options, *words), words)
        self.fit("c.safetensors", *options, "--hold-out", "1", "--patience", "2", "--rate", "0.1")
        with open(self.path("l.csv")) as f:
            lines = f.read().splitlines()
        self.assertEqual(lines[0], "epoch,nats_per_trial,held_out")
        held_out = [float(line.split(",")[2]) for line in lines[1:]]
        best = held_out.index(min(held_out))
        self.assertTrue(len(held_out) == 12 or len(held_out) == best + 3, held_out)
        more = self.run_fit(self.data, "-o", self.path("d.safetensors"), "--hold-out", "3")
        self.assertEqual(more.returncode, 2)
        self.assertIn("at least one must remain for training", more.stderr)


class Once(Table):
    """What need not be told for every way to fit."""

    def test_classic_rules_give_back_the_parameters_that_made_the_animals(self):
        mice = self.path("mice.csv")
        for rule, words in (("reinforce", []), ("reinforce_base", ["--baseline", "0.3"]),
                            ("reward_max", []), ("predict_max", [])):
            subprocess.run([MURID, "simulate", "--rule", rule, "--rate", "0.02", *words, "--policy",
                            "stimulus,bias", "--mice", "8", "--sessions", "3", "--trials", "400",
                            "--start-sd", "0", "--noise", "0", "--session-noise", "0", "-o", mice, "--force"],
                           check=True, capture_output=True)
            models = []
            for threads in ("1", "3"):
                out = self.path(threads + ".safetensors")
                done = self.run_fit(mice, "-o", out, "--filter", "none", "--rule", rule,
                                    "--threads", threads)
                self.assertEqual(done.returncode, 0, done.stderr)
                shown = subprocess.run([MURID, "model", out, "--json"], capture_output=True,
                                       text=True, check=True)
                models.append(json.loads(shown.stdout))
            self.assertEqual(models[0]["hash"], models[1]["hash"])
            rate, baseline = models[0]["rate"], models[0]["baseline"]
            print(rule, "rate", rate, "baseline", baseline)
            self.assertTrue(0.018 <= rate[0] <= 0.022, rate)
            if rule == "reinforce_base":
                # Hardly told by the choices: what is gained after errors is lost after successes.
                self.assertTrue(-0.2 <= baseline[0] <= 0.8, baseline)

    def test_a_rule_that_can_follow_two_animals_too_closely_still_predicts_them(self):
        """Its likelihood has a needle where noise is 0: in the file, which has some, that was worse than chance."""
        recorded = os.path.join(SOURCE, "..", "shared", "data", "ibl_trained_fit.csv")
        if not os.path.exists(recorded):
            self.skipTest("skipped: ../shared/data absent")
        with open(recorded, encoding="utf-8") as f, open(self.path("two.csv"), "w", encoding="utf-8") as two:
            two.writelines(row for row in f if row.split(",")[0] in ("subject", "i02", "i03"))
        nats = {}
        for rule in ("reinforce", "eligibility"):
            done = self.run_fit(self.path("two.csv"), "-o", self.path("two.safetensors"), "--force", "--rule", rule, "--filter",
                                "ekf", "--mirror", "off")
            self.assertEqual(done.returncode, 0, done.stderr)
            nats[rule] = float(done.stdout.split(" nats/trial")[0].split()[-1])
        self.assertLess(nats["eligibility"], nats["reinforce"] + 0.01, nats)

    def test_wrong_input_is_named_and_leaves_no_file(self):
        good = HEADER + "m1,1,0,0.5,1,1,\n"
        for words, text, code, expected in (
                (["-"], good, 2, "-o: the model file to write was expected"),
                (["-", "-o", "X", "--rule", "none", "--filter", "none"], good, 2,
                 "--filter ekf or moments was expected"),
                (["-", "-o", "X", "--rule", "reinforce", "--filter", "none", "--epochs", "3"], good,
                 2, "rule reinforce has no net and is fitted at once"),
                (["-", "-o", "X", "--rule", "reinforce", "--preset", "paper", "--resume"], good, 2,
                 "rule reinforce has no net and is fitted at once"),
                (["-", "-o", "X", "--rule", "smell"], good, 2, " or bank was expected"),
                (["-", "-o", "X", "--filter", "ukf"], good, 2, "ekf, moments or none was expected; did you mean ekf?"),
                (["-", "-o", "X", "--preset", "mine"], good, 2, "paper was expected"),
                (["-", "-o", "X", "--policy", "smell"], good, 2, '"smell"; a list with commas of stimulus,'),
                (["-", "-o", "X", "--hidden", "129"], good, 2, "hidden"),
                (["-", "-o", "X", "--threads", "0"], good, 2, "threads"),
                (["-", "-o", "X"], HEADER, 2, "no trials; rows under the header were expected"),
                (["-", "-o", "X"], HEADER + "m1,1,0,0.5,,,\n", 2, "no trials that ended"),
                (["-", "-o", "X"], HEADER + "m1,1,0,7,1,1,\n", 2, "column stimulus"),
                (["-", "-o", "X"], HEADER + "m1,1,0,nan,1,1,\n", 2, "column stimulus"),
                (["-", "-o", "X"], HEADER + "m1,1,0,0.5,1,1,inf\n", 2, "column rt_s"),
                (["/nonexistent.csv", "-o", "X"], "", 2, "cannot be opened"),
                (["-", "-o", "/nonexistent/m.safetensors", "--epochs", "1000000"], good, 2,
                 "cannot be written"),
                (["-", "-o", "X", "--losses", "/nonexistent/l.csv"], good, 2, "cannot be written")):
            words = [self.path("x.safetensors") if word == "X" else word for word in words]
            done = self.run_fit(*words, stdin=text)
            self.assertEqual(done.returncode, code, (words, done.stderr))
            self.assertIn(expected, done.stderr)
            self.assertEqual(done.stdout, "")
            self.assertEqual(os.listdir(self.directory.name), ["data.csv"])

    def test_the_first_50_losses_are_those_of_pytorch(self):
        epochs = "10" if SLOW else "50"
        for rule in ("rnn", "dnn"):
            options = ["--rule", rule, "--truncation", "90", "--preset", "paper"]
            self.fit("first.safetensors", *options, "--epochs", "0")
            self.fit("m.safetensors", *options, "--epochs", epochs, "--losses", self.path("l.csv"))
            done = subprocess.run(
                ["/usr/bin/python3", os.path.join(SOURCE, "tests/reference/fit_torch.py"), "losses",
                 self.path("first.safetensors"), self.data, epochs, "90"],
                capture_output=True, text=True, timeout=500)
            if done.returncode == 77:
                self.skipTest("no PyTorch for /usr/bin/python3 (python3-torch)")
            self.assertEqual(done.returncode, 0, done.stderr)
            theirs = [float(line.split(",")[1]) for line in done.stdout.splitlines()[1:]]
            ours = self.losses("l.csv")
            worst = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
            print(f"{rule}: worst difference from PyTorch {worst:.2g} nats a trial")
            self.assertLess(worst, 1e-5)


if __name__ == "__main__":
    skips.main()
