"""Invented talk whose words are as frequent as those of real talk: the same seed gives the same words on every machine.

In what share of all memories the n-th most frequent word stands, in what share each word of a question (quartiles), and
what these shares of one question come to (median and 90th percentile):

| | 10th | 100th | 1,000th | words of a question | their sum |
|---|---|---|---|---|---|
| LoCoMo, turns | .10 | .028 | .0015 | .002 .012 .053 | .15 .32 |
| BEAM-100K-a, turns | .23 | .066 | .0080 | .015 .035 .072 | .46 .95 |
| coding sessions, with actions | .18 | .034 | .0026 | .013 .033 .072 | .13 .38 |
| these | .13 | .027 | .0036 | .006 .016 .059 | .19 .36 |
| `texts`: a worst case | .37 | .003 | .0003 | .140 .185 .372 | 1.64 2.27 |
"""

import json
import random
from functools import cache
from importlib.resources import files
from itertools import accumulate

from session_mgmt_mcp.adapters.duckdb.tokens import STOP_WORDS

from benchmarks.texts import word

WORDS = 60_000
SHAPE, STEEPNESS = 20.0, 1.2  # Zipf and Mandelbrot's law: the n-th word is as frequent as 1 / (n + SHAPE) ** STEEPNESS
TOPICS, WORDS_OF_TOPIC = 125, 16
OWN = 0.75  # of a sentence's words are its topic's
IN_SESSION = 60  # memories
NOT_SAID = STOP_WORDS | {"user", "assistant"}  # the latter stand in every memory anyway
FRAMES = (
    "The {} of the {} {} is {}, and it was {} before {}.",
    "Why do we {} the {} {} when it {} for the {}?",
    "It was not the {} but the {} {} that did {} the {}.",
    "I did {} the {}, then {} and {} in the {} {}.",
    "What is the {} of {} {} that we had with the {} {}?",
    "You should {} it: {} is in {}, not with {} or {}.",
    "How did he {} the {} from the {} to the {} of {}?",
    "They are {}, so that a {} {} can {} as {} as this.",
)


def sentence(rng: random.Random, topic: int) -> str:
    """Five or six words that count, among those that no index keeps."""
    frame = rng.choice(FRAMES)
    common, weights = _vocabulary()
    own = _words_of(topic)
    words = [
        rng.choice(own) if rng.random() < OWN else rng.choices(common, cum_weights=weights)[0]
        for _ in range(frame.count("{}"))
    ]
    return frame.format(*words)


def topic_of(number: int) -> int:
    """Of a memory: what is said in one session is about one thing."""
    return number // IN_SESSION * 7 % TOPICS


def message(rng: random.Random, topic: int) -> str:
    """One to thirty sentences, mostly few: about 27 words that count."""
    return " ".join(sentence(rng, topic) for _ in range(min(30, 1 + int(rng.expovariate(0.2)))))


def messages(count: int, seed: int = 7) -> list[str]:
    rng = random.Random(seed)
    return [message(rng, topic_of(number)) for number in range(count)]


def questions(count: int, seed: int = 11) -> list[str]:
    """One sentence each."""
    rng = random.Random(seed)
    return [sentence(rng, rng.randrange(TOPICS)) for _ in range(count)]


@cache
def _words_of(topic: int) -> list[str]:
    common, weights = _vocabulary()
    return random.Random(f"topic {topic}").choices(common, cum_weights=weights, k=WORDS_OF_TOPIC)


@cache
def _vocabulary() -> tuple[list[str], list[float]]:
    """The words of the model's tokenizer, which stand there about as frequent as they are, and invented rare ones."""
    tokens = json.loads((files("session_mgmt_mcp.adapters.onnx") / "tokenizer.json").read_bytes())["model"]["vocab"]
    known = [
        token for token in tokens if len(token) > 3 and token.isascii() and token.isalpha() and token not in NOT_SAID
    ]
    rng = random.Random(5)
    words = list(dict.fromkeys([*known, *(word(rng) for _ in range(2 * WORDS))]))[:WORDS]
    return words, list(accumulate((place + SHAPE) ** -STEEPNESS for place in range(1, len(words) + 1)))
