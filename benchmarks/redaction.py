"""Precision and recall of redaction on the labelled corpus: `python -m benchmarks.redaction [--json]`."""

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from session_mgmt_mcp.domain.redaction import redact

CORPUS = Path(__file__).parent.parent / "tests" / "redaction_corpus.jsonl"
SPLITTER = "¦"  # stands inside the invented tokens, so that no scanner of repositories takes them for real ones
PLACEHOLDER = re.compile(r"\[(?:redacted:[a-z0-9-]+|private)\]")
SHORTEST_LEAK = 8


@dataclass(frozen=True, slots=True)
class Case:
    kind: str
    part: str  # "holdout": written before the patterns; "tuning": after
    text: str
    secrets: tuple[str, ...]  # none: a look-alike that must stay


@dataclass(slots=True)
class Score:
    secrets: int = 0
    found: int = 0
    lookalikes: int = 0
    kept: int = 0

    @property
    def recall(self) -> float:
        return self.found / self.secrets if self.secrets else 1.0

    @property
    def precision(self) -> float:
        """Of everything replaced, the share that had to be: a changed look-alike counts as one wrong replacement."""
        replaced = self.found + self.lookalikes - self.kept
        return self.found / replaced if replaced else 1.0


def cases(corpus: Path = CORPUS) -> Iterator[Case]:
    for line in corpus.read_text(encoding="utf-8").splitlines():
        row = json.loads(line.replace(SPLITTER, ""))
        yield Case(row["kind"], row["set"], row["text"], tuple(row["secrets"]))


def found(secret: str, text: str) -> bool:
    """Nothing of it is left: no piece of eight characters, or not the whole of a shorter one."""
    text = PLACEHOLDER.sub("[]", text)
    length = min(SHORTEST_LEAK, len(secret))
    return not any(secret[at : at + length] in text for at in range(len(secret) - length + 1))


def measure(corpus: Sequence[Case]) -> tuple[dict[str, Score], list[str]]:
    """Scores by kind and under `all`, and one line for each mistake."""
    scores: dict[str, Score] = defaultdict(Score)
    mistakes = []
    for case in corpus:
        text = redact(case.text).text
        for score in (scores[case.kind], scores["all"]):
            score.secrets += len(case.secrets)
            score.found += sum(found(secret, text) for secret in case.secrets)
            if not case.secrets:
                score.lookalikes += 1
                score.kept += text == case.text
        missed = [secret for secret in case.secrets if not found(secret, text)]
        if missed or (not case.secrets and text != case.text):
            mistakes.append(f"{'missed' if missed else 'changed'} {case.kind}: {text!r}")
    return dict(scores), mistakes


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--part", choices=["holdout", "tuning"])
    options = arguments.parse_args()
    corpus = [case for case in cases() if options.part in (None, case.part)]
    scores, mistakes = measure(corpus)
    overall = scores.pop("all")
    rows = {kind: {**asdict(s), "recall": s.recall, "precision": s.precision} for kind, s in sorted(scores.items())}
    rows["all"] = {**asdict(overall), "recall": overall.recall, "precision": overall.precision}
    if options.json:
        print(json.dumps({"cases": len(corpus), "kinds": rows, "mistakes": mistakes}, ensure_ascii=False, indent=2))
        return
    print(f"{'kind':24}{'secrets':>9}{'found':>7}{'recall':>8}{'look-alikes':>13}{'kept':>6}{'precision':>11}")
    for kind, row in rows.items():
        print(
            f"{kind:24}{row['secrets']:9}{row['found']:7}{row['recall']:8.3f}"
            f"{row['lookalikes']:13}{row['kept']:6}{row['precision']:11.3f}"
        )
    print(*mistakes, sep="\n")


if __name__ == "__main__":
    main()
