"""Which fits of the shipped program multiply through BLIS: calls are counted by a preloaded library."""
import os
import subprocess
import unittest

import skips
from fits import MURID, Table

COUNTER = os.environ["BLIS_COUNTER_LIBRARY"]


class Blis(Table):
    def calls(self, *words):
        env = dict(os.environ, LD_PRELOAD=COUNTER, BLIS_COUNTER=self.path("calls"),
                   ASAN_OPTIONS="verify_asan_link_order=0")
        done = subprocess.run([MURID, "fit", self.data, *words], env=env, capture_output=True, text=True,
                              timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("calls")) as f:
            counts = dict(line.split() for line in f)
        return int(counts["single"]), int(counts["double"])

    def test_the_static_regression_of_a_cross_validation_goes_through_blis(self):
        single, double = self.calls("--rule", "dnn", "--hidden", "128", "--epochs", "1", "--cv", "2")
        self.assertEqual(single, 0)
        self.assertGreater(double, 0)

    def test_gradients_of_few_animals_stay_with_the_own_kernel(self):
        for hidden in "16", "128":
            self.assertEqual(self.calls("--force", "-o", self.path("m.safetensors"), "--epochs", "1", "--hidden", hidden),
                             (0, 0))


if __name__ == "__main__":
    skips.main()
