"""What is wrong with a file, and where: problems with file, line, column, dotted path and a hint."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file. `line` and `column` count from 1; line 0 means that there is no file (an override, a dict)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong; its text is `file:line:column: path: message (hint)`."""

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = str(Position(self.file, self.line, self.column))
        hint = f" ({self.hint})" if self.hint else ""
        return ": ".join(part for part in (where, self.path, self.message) if part) + hint


class ScenarioError(ValueError):
    """A scenario that cannot be used; `problems` holds everything that is wrong with it, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.file, problem.line, problem.column)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def near(word: str, known: Iterable[str]) -> str:
    """Return a hint: the nearest known names, or all of them where they are few."""
    names = sorted(set(known))
    folded = [name for name in names if name.lower() == word.lower()]
    matches = folded or difflib.get_close_matches(word, names, 3, 0.6)
    if matches:
        return f"did you mean {' or '.join(f'`{name}`' for name in matches)}?"
    return f"known: {', '.join(names)}" if 0 < len(names) <= 12 else ""
