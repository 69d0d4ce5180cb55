"""docs/glossary.md has the words of the code; those that were retired stand nowhere."""
import os
import re
import subprocess
import unittest

from daemon import MURID

SOURCE = os.environ["MURID_SOURCE_DIR"]
RETIRED = ("colony", "gist", "mood", "encounter", "rerun", "herd", "jobdir", "trainees", "auditor", "learner_init",
           "erf_curve", "status_tracker")
# Where a word means what it says: the learning animals of a benchmark, and the names of old files in the changes.
LEFT = ("CHANGELOG.md",)
# Phrases that a reader of the field would have to guess. Pages made from help and quoted output follow the programs, and so do
# the texts in headers.
PHRASES = ("by heart", "of late", "taken? up", "takes up(?! to)", "took up", "begun anew", "begins? anew", "began anew", "starts? anew",
           "nats a (?:trial|choice)", "share correct", "what came", "the session at hand", "the batch at hand", "trials? to come",
           "(?:is|are|was|were) told", "tells? of", "likelier", "likeliest", "for ever", "never seen", "was (?:not )?heard",
           "were (?:not )?heard", "heard again", "it is heard", "goes on from", "gone on with", "go on with", "passed over", "stands? there",
           "written over", "writes over", "the same for programs", "no longer there", "whoever plays", "rig for recordings")
MADE = ("commands.md", "commands.def")


def pages():
    for folder in ("daemon", "model", "proto", "firmware-bridge", "docs"):
        for at, _, names in os.walk(os.path.join(SOURCE, folder)):
            for name in names:
                if name.endswith((".h", ".c", ".md", ".def")):
                    yield os.path.join(at, name)
    for name in ("README.md", "CONTRIBUTING.md"):
        yield os.path.join(SOURCE, name)


class Glossary(unittest.TestCase):
    def test_retired_words_stand_in_no_source_page_or_help(self):
        word = re.compile(r"\b(" + "|".join(RETIRED) + r")(s|_\w+)?\b", re.I)
        n = 0
        for path in pages():
            if os.path.basename(path) in LEFT:
                continue
            n += 1
            with open(path, encoding="utf-8") as f:
                for i, line in enumerate(f, 1):
                    self.assertIsNone(word.search(line), f"{os.path.relpath(path, SOURCE)}:{i}: {line.strip()}")
        self.assertGreater(n, 300)
        for command in re.findall(r"(?m)^  (\w+)  +\S", subprocess.run([MURID, "--help"], capture_output=True, text=True,
                                                                     check=True).stdout):
            text = subprocess.run([MURID, command, "--help"], capture_output=True, text=True, check=True).stdout
            self.assertIsNone(word.search(text), command)

    def test_retired_phrases_stand_in_no_page_list_or_header(self):
        phrase = re.compile(r"\b(?:" + "|".join(PHRASES) + r")\b", re.I)
        n = 0
        for path in pages():
            name = os.path.relpath(path, SOURCE)
            if not (name.endswith((".md", ".def")) or "/include/" in name) or os.path.basename(path) in MADE:
                continue
            n += 1
            with open(path, encoding="utf-8") as f:
                text = f.read()
            if name.endswith(".md"):
                text = re.sub(r"(?m)^ {4}.*$", "", re.sub(r"(?s)```.*?```", "", text))
            elif name.endswith(".h"):
                text = " ".join(re.findall(r"(?s)/\*.*?\*/", text)).replace("\n *", " ")
            found = phrase.findall(re.sub(r"\s+", " ", text))
            self.assertEqual(found, [], name)
        self.assertGreater(n, 70)

    def test_terms_stand_in_alphabetical_order_and_once(self):
        with open(os.path.join(SOURCE, "docs", "glossary.md"), encoding="utf-8") as f:
            terms = re.findall(r"(?m)^\| ([^,|]+?)(?:,[^|]*)? \|", f.read())[1:]
        self.assertGreater(len(terms), 80)
        self.assertEqual(terms, sorted(set(terms), key=str.lower))

    def test_headers_named_in_the_glossary_are_there(self):
        with open(os.path.join(SOURCE, "docs", "glossary.md"), encoding="utf-8") as f:
            text = f.read()
        headers = re.findall(r"`(model/\w+\.h)`", text)
        self.assertGreater(len(headers), 8)
        for header in headers:
            self.assertTrue(os.path.exists(os.path.join(SOURCE, "model", "include", header)), header)
        nouns = re.findall(r"`(twin/\w+)`", text)
        self.assertGreater(len(nouns), 3)
        for noun in nouns:
            self.assertTrue(os.path.exists(os.path.join(SOURCE, "daemon", "src", noun + ".h")), noun)


if __name__ == "__main__":
    unittest.main()
