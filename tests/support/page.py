"""A page of docs/ whose tables a program makes; they stand between two marks."""
import os

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")


class Page:
    def __init__(self, name, mark):
        self.path = os.path.join(DOCS, name)
        self.begin = f"<!-- {mark}: begin -->\n"
        self.end = f"<!-- {mark}: end -->\n"

    def parts(self):
        """What stands before the tables, the tables, and what stands after them."""
        with open(self.path, encoding="utf-8") as f:
            before, rest = f.read().split(self.begin)
        tables, after = rest.split(self.end)
        return before, tables, after

    def update(self, tables):
        before, _, after = self.parts()
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(before + self.begin + tables + self.end + after)
