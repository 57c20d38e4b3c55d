"""Invented transcripts in the shape of real ones: the same seed gives the same bytes on every machine.

Beside 20 real sessions of work on one project (13.8 MB, 4,280 lines, counted line by line; 14 MB of ours):

| | real | ours |
|---|---|---|
| lines, bytes a line | 4,280, 3,235 | 4,320, 3,242 |
| of the lines: results, calls, texts, thoughts, prompts | 18, 18, 10, 7, 2 % | 17, 17, 9, 7, 2 % |
| of the lines: progress, file snapshots, marks and names | 42, 2, 2 % | 43, 2, 2 % |
| of the bytes: results, calls, texts, thoughts, prompts | 64, 8, 3, 5, 1 % | 64, 8, 3, 5, 1 % |
| of the bytes: progress, file snapshots, marks and names | 18, 0, 0 % | 20, 0, 0 % |
| characters of a result: median, 9 of 10 below | 204, 7,008 | as the real ones: drawn from their quantiles |
| characters beside it, for the client: the same | 1,304, 35,544 | " |
| characters of an answer, of a prompt: the same | 92, 559 and 105, 1,709 | " |
| memories, with their parts, in a megabyte | 113 | 110 |
| import, CPU to that of orjson on the same lines | 10.3 | 10.4 |

No line of these files holds a base64 image. Other sessions have more noise (attachments, copies of requests: up to 88 % of the
bytes), which is cheaper to read than talk.
"""

import math
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from benchmarks.texts import sentence, word

AT = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99, 1.0)
"""The quantiles of each row below: lengths in characters."""
SESSION = (92_000, 100_000, 290_000, 550_000, 910_000, 1_420_000, 1_770_000, 2_190_000, 2_190_000)  # in bytes
PROMPT = (3, 25, 51, 105, 334, 1_709, 6_128, 7_448, 7_448)
ANSWER = (2, 35, 56, 92, 171, 559, 1_447, 2_271, 4_536)
THOUGHT = (31, 68, 104, 171, 598, 1_341, 2_291, 2_861, 3_356)
SIGNATURE = (272, 324, 372, 460, 1_024, 2_080, 3_784, 6_108, 9_940)
RESULT = (2, 24, 79, 204, 1_808, 7_008, 19_373, 37_524, 62_164)
BESIDE = (24, 79, 151, 1_304, 9_130, 35_544, 49_300, 63_223, 109_822)
COMMAND = (20, 35, 45, 65, 100, 165, 530, 750, 1_270)
EDIT = (60, 160, 320, 640, 1_500, 3_100, 7_500, 8_900, 9_600)
TODOS = (150, 180, 250, 300, 700, 850, 880, 880, 880)
PROGRESS = (10, 12, 50, 150, 280, 1_700, 5_800, 18_800, 50_600)

PROMPTED, THOUGHTFUL, SAID, SNAPSHOT, MARKED, FAILED = 0.088, 0.39, 0.53, 0.13, 0.09, 0.05  # chances at each call
PROGRESSES = 2.3  # lines a call
TOOLS = {"Bash": 0.27, "Read": 0.27, "Edit": 0.22, "Grep": 0.10, "TodoWrite": 0.14}
HOME = "/home/dev/shop"
MEMORIES = 89  # of a megabyte, without their parts
_START = datetime(2026, 1, 5, 9, tzinfo=UTC)
_CODE = 400_000  # characters that what was printed and edited is cut from

Line = dict[str, Any]


def write_transcripts(folder: Path, megabytes: float, seed: int = 7) -> int:
    """Sessions as Claude Code leaves them, in one project, until there are `megabytes` (10 ** 6); bytes written."""
    rng = random.Random(seed)
    project = folder / "-home-dev-shop"
    project.mkdir(parents=True)
    code = _code(rng)
    left = int(megabytes * 1e6)
    while left > 0:
        session = _uuid(rng)
        written = 0
        with (project / f"{session}.jsonl").open("wb") as file:
            size = min(left, _drawn(rng, SESSION))
            for line in _lines(rng, session, code):
                written += file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
                if written >= size:
                    break
        left -= written
    return int(megabytes * 1e6) - left


def _drawn(rng: random.Random, quantiles: Sequence[int]) -> int:
    at = rng.random()
    for (low, high), (least, most) in zip(pairwise(AT), pairwise(quantiles), strict=True):
        if at <= high:
            return round(math.exp(math.log(least) + (math.log(most) - math.log(least)) * (at - low) / (high - low)))
    return quantiles[-1]


def _code(rng: random.Random) -> str:
    lines: list[str] = []
    size = 0
    while size < _CODE:
        name, other = word(rng), word(rng)
        lines += (
            f"func (s *Store) {name}({other} string) error {{",
            f"\tif err := s.{other}.{word(rng)}({name}); err != nil {{",
            f'\t\treturn fmt.Errorf("{word(rng)} %s: %w", {name}, err)',
            "\t}",
            f"\treturn nil // {sentence(rng)}",
            "}",
            f"ok  \tshop/{name}\t{rng.random():.3f}s → {other}",
        )
        size += sum(map(len, lines[-7:]))
    return "\n".join(lines)


def _talk(rng: random.Random, length: int) -> str:
    said: list[str] = []
    size = 0
    while size < length:
        one = sentence(rng)
        if ("token" in one or "session" in one) and rng.random() < 0.75:
            continue  # one text in four has a name that could be a secret's
        said.append(one)
        size += len(one) + 1
    return " ".join(said)[:length]


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _lines(rng: random.Random, session: str, code: str) -> Iterator[Line]:
    """Without an end: calls with their results, and what stands between them."""
    time, parent, turn = _START + timedelta(minutes=rng.randint(0, 200_000)), None, 0

    def line(kind: str, **more: Any) -> Line:
        nonlocal time, parent
        time += timedelta(seconds=rng.randint(1, 90))
        found = {
            "parentUuid": parent,
            "isSidechain": False,
            "userType": "external",
            "cwd": HOME,
            "sessionId": session,
            "version": "2.1.330",
            "gitBranch": "main",
            "type": kind,
            "uuid": (parent := _uuid(rng)),
            "timestamp": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        return found | more

    def cut(quantiles: Sequence[int]) -> str:
        length = _drawn(rng, quantiles)
        start = rng.randrange(len(code) - length)
        return code[start : start + length]

    def answered(block: Line) -> Line:
        usage = {"input_tokens": 9, "cache_creation_input_tokens": rng.randint(0, 9_999), "output_tokens": 210}
        usage |= {"cache_creation": {"ephemeral_5m_input_tokens": 0}, "service_tier": "standard"}
        message = {"model": "claude-opus-4-5", "id": f"msg_{turn}{session[:8]}", "type": "message", "role": "assistant"}
        message |= {"content": [block], "stop_reason": None, "stop_sequence": None, "usage": usage}
        return line("assistant", message=message, requestId=f"req_{rng.getrandbits(96):024x}")

    while True:
        turn += 1
        if turn == 1 or rng.random() < PROMPTED:
            yield line("user", message={"role": "user", "content": _said(rng, PROMPT, cut, 0.125)})
        if rng.random() < THOUGHTFUL:
            signature = f"{rng.getrandbits(4 * _drawn(rng, SIGNATURE)):x}"
            thought = _talk(rng, _drawn(rng, THOUGHT))
            yield answered({"type": "thinking", "thinking": thought, "signature": signature})
        if rng.random() < SAID:
            yield answered({"type": "text", "text": _said(rng, ANSWER, cut, 0.027)})
        call, failed = f"toolu_{rng.getrandbits(96):024x}", rng.random() < FAILED
        [tool] = rng.choices(list(TOOLS), list(TOOLS.values()))
        asked, beside = _call(rng, tool, cut)
        yield answered({"type": "tool_use", "id": call, "name": tool, "input": asked})
        for _ in range(int(rng.expovariate(1 / (PROGRESSES + 0.5)))):
            yield line("progress", data={"type": "bash_progress", "output": cut(PROGRESS)}, toolUseID=call)
        result = {"tool_use_id": call, "type": "tool_result", "content": cut(RESULT), "is_error": failed}
        kept: object = f"Error: {cut(RESULT)}" if failed else beside
        yield line("user", message={"role": "user", "content": [result]}, toolUseResult=kept)
        if rng.random() < SNAPSHOT:
            yield {"type": "file-history-snapshot", "messageId": parent, "snapshot": {"trackedFileBackups": {"a": {}}}}
        if rng.random() < MARKED:
            yield line("system", subtype="stop_hook_summary", hookCount=1, hookInfos=[], level="suggestion")


Cut = Callable[[Sequence[int]], str]


def _said(rng: random.Random, quantiles: Sequence[int], cut: Cut, fenced: float) -> str:
    text = _talk(rng, _drawn(rng, quantiles))
    return f"{text}\n```go\n{cut(EDIT)}\n```" if rng.random() < fenced else text


def _call(rng: random.Random, tool: str, cut: Cut) -> tuple[Line, Line]:
    """What is asked for, and what the client keeps of the answer for itself."""
    path = f"{HOME}/{word(rng)}/{word(rng)}.go"
    match tool:
        case "Bash":
            command = f"cd {HOME} && go test ./{word(rng)}/... # {_talk(rng, _drawn(rng, COMMAND))}"
            return {"command": command, "description": sentence(rng)}, {"stdout": cut(BESIDE), "stderr": ""}
        case "Read":
            return {"file_path": path}, {"type": "text", "file": {"filePath": path, "content": cut(BESIDE)}}
        case "Edit":
            before, after = cut(EDIT), cut(EDIT)
            whole = {"filePath": path, "oldString": before, "newString": after, "originalFile": cut(BESIDE)}
            return {"file_path": path, "old_string": before, "new_string": after}, whole
        case "Grep":
            return {"pattern": word(rng), "path": HOME}, {"mode": "content", "content": cut(BESIDE)}
        case _:
            todos = [{"content": _talk(rng, _drawn(rng, TODOS)), "status": "pending"}]
            return {"todos": todos}, {"oldTodos": [], "newTodos": todos}
