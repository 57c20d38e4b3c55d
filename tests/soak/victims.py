"""Who is killed, and at what: each lane kills one sort of process, side by side with the others."""

import json
import os
import random
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from tests.integration.test_duckdb_original import CONVERSATIONS, REFLECTIONS
from tests.integration.test_import_killed import import_and_kill, many_sessions
from tests.integration.test_versions import FIXTURES
from tests.integration.test_versions import FOLDER as SCHEMAS

HERE = Path(__file__).resolve().parent
PRODUCT = (sys.executable, "-P", str(HERE / "product.py"))
SHARES = {
    "hub": 0.35,
    "shim": 0.12,
    "client": 0.12,
    "importer": 0.1,
    "library importer": 0.1,
    "hook": 0.12,
    "backup": 0.04,
    "migration": 0.05,
}
CLIENTS = 4
ORIGINALS = 300
OPENER = """
import asyncio, sys
from pathlib import Path
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.domain.adoption import adopt

async def main(path):
    print("now", flush=True)
    store = await DuckDBVectorStore.open(Path(path), adopt=adopt)
    await store.count(())
    await store.close()
    print("closed", flush=True)

asyncio.run(main(sys.argv[1]))
"""


@dataclass
class Tally:
    """What happened, told by all lanes."""

    killed: Counter = field(default_factory=Counter)
    recoveries: list = field(default_factory=list)
    most_hubs: int = 0
    stored: dict = field(default_factory=dict)  # text by id, acknowledged
    errors: list = field(default_factory=list)
    last_heard: float = 0.0
    backups: list = field(default_factory=list)
    openings: int = 0  # of databases of older versions, that were let alone
    completed: Counter = field(default_factory=Counter)


class Speaker:
    """A client in a process of its own; when it is killed, its shim has to go by itself."""

    def __init__(self, tally, name, seed):
        self.tally = tally
        self.shim = None
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(HERE / "client.py"), name, str(seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            if not line.endswith("\n"):
                return  # killed in the middle of a word
            said = json.loads(line)
            self.shim = said.get("shim", self.shim)
            if "error" in said:
                self.tally.errors.append(said["error"])
            if "id" in said:
                self.tally.stored[said["id"]] = said["text"]
                self.tally.last_heard = max(self.tally.last_heard, said["at"])

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class Speakers:
    """So many at once; whoever dies is followed by another with a name of its own."""

    def __init__(self, tally, dice):
        self.tally, self.dice = tally, dice
        self.names = iter(range(1_000_000))
        self.all = [self.another() for _ in range(CLIENTS)]

    def another(self):
        return Speaker(self.tally, f"n{next(self.names)}", self.dice.random())

    def check(self):
        for one in self.all:
            if one.process.poll() is not None:
                self.tally.errors.append(one.process.stderr.read()[-3_000:])

    def end(self):
        for one in self.all:
            one.kill()


def nap(dice, most, budget):
    time.sleep(min(dice.uniform(0, most), max(budget.until - time.monotonic(), 0)))


def wait_for(holds, budget, pause=0.01):
    """Whether it came to be before the soak was over."""
    while not holds():
        if budget.over:
            return False
        time.sleep(pause)
    return True


def kill_hubs(world, budget, dice, tally, times):
    """A fifth of them while they start; the others after they answered, at whatever they do then."""
    killed_at, starting = time.monotonic(), False
    for _ in range(times):
        if not starting:
            if not wait_for(lambda since=killed_at: tally.last_heard > since, budget):
                return
            if tally.killed["hub"]:
                tally.recoveries.append(tally.last_heard - killed_at)
        elif not wait_for(lambda: world.announced().get("state") == "starting", budget):
            return
        nap(dice, 1.0, budget)
        while not (pids := world.hubs()):
            if budget.over:
                return
            time.sleep(0.05)
        tally.most_hubs = max(tally.most_hubs, len(pids))
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            tally.killed["hub"] += 1
        killed_at = time.monotonic()
        starting = dice.random() < 0.2
    if wait_for(lambda: tally.last_heard > killed_at, budget):
        tally.recoveries.append(tally.last_heard - killed_at)


def kill_shims(speakers, budget, dice, tally, times):
    while tally.killed["shim"] < times and not budget.over:
        nap(dice, 2.0, budget)
        shim = dice.choice(speakers.all).shim
        try:
            os.kill(shim or 0, 0)
            os.kill(shim, signal.SIGKILL)
        except (OSError, TypeError):
            continue
        tally.killed["shim"] += 1


def kill_clients(speakers, budget, dice, tally, times):
    while tally.killed["client"] < times and not budget.over:
        nap(dice, 2.0, budget)
        speakers.check()
        at = dice.randrange(CLIENTS)
        speakers.all[at].kill()
        speakers.all[at] = speakers.another()
        tally.killed["client"] += 1


class Patience:
    """How long a process may live, at most: so that on any machine most are killed at their work, and some come through."""

    def __init__(self, dice, seconds):
        self.dice, self.seconds = dice, seconds

    def next(self):
        return self.dice.uniform(0.01, self.seconds)

    def learn(self, was_killed):
        self.seconds *= 1.1 if was_killed else 0.75


def run_and_kill(words, seconds, tally, victim, given=b""):
    """Whether it was still at it after that time, when it was killed; else what it said."""
    process = subprocess.Popen(
        [*PRODUCT, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        said, complaint = process.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        tally.killed[victim] += 1
        return None
    if process.returncode == 0:
        tally.completed[victim] += 1
    elif complaint.count(b"\n") > 1 or b"Traceback" in complaint:
        tally.errors.append(complaint.decode())
    return process.returncode, said


def kill_importers(budget, dice, tally, times):
    patience = Patience(dice, 3)
    while tally.killed["importer"] < times and not budget.over:
        patience.learn(run_and_kill(("import", "--json"), patience.next(), tally, "importer") is None)


def kill_library_importers(folder, budget, dice, tally, times):
    root, copies = folder / "projects", 4
    many_sessions(root, copies)
    while tally.killed["library importer"] < times and not budget.over:
        if import_and_kill(folder / "data" / "memories.duckdb", root, 7, dice.randint(1, 14)):
            tally.killed["library importer"] += 1
        else:
            tally.completed["library importer"] += 1
            copies += 3
            many_sessions(root, copies)


def kill_hooks(root, budget, dice, tally, times):
    patience = Patience(dice, 0.2)
    events = ("SessionStart", "UserPromptSubmit", "PostToolUse", "Stop", "SessionEnd")
    while tally.killed["hook"] < times and not budget.over:
        transcripts = sorted(root.rglob("*.jsonl"))
        if transcripts:
            chosen = dice.choice(transcripts)
            payload = {"session_id": f"hooked{dice.randrange(20)}", "transcript_path": str(chosen), "cwd": str(root)}
            words = ("hook", dice.choice(events))
            patience.learn(run_and_kill(words, patience.next(), tally, "hook", json.dumps(payload).encode()) is None)
        nap(dice, 0.3, budget)


def kill_backups(folder, budget, dice, tally, times):
    patience, number = Patience(dice, 3), 0
    while tally.killed["backup"] < times and not budget.over:
        number += 1
        file = folder / f"copy{number}"
        ended = run_and_kill(("backup", str(file), "--json"), patience.next(), tally, "backup")
        patience.learn(ended is None)
        if ended is None or ended[0] == 0:
            tally.backups.append(file)  # the hub may have written it all the same
        nap(dice, 2.0, budget)


def write_an_original(path):
    with duckdb.connect(str(path)) as raw:
        raw.execute(CONVERSATIONS)
        raw.execute(REFLECTIONS)
        raw.execute(
            "insert into reflections select 'r' || i, 'reflection ' || i || ' of the till', null, ['x'], "
            f"'2025-06-01 10:00:00', null from range({ORIGINALS}) t(i)"
        )


def kill_migrations(folder, budget, dice, tally, times):
    """Databases of every older version are opened; one that nobody killed is looked through at the end."""
    patience, turn = Patience(dice, 0.3), 0
    while tally.killed["migration"] < times and not budget.over:
        turn += 1
        fixture = dice.choice([*FIXTURES, "original"])
        place = folder / f"{turn:04}-{fixture}"
        place.mkdir(parents=True)
        if fixture == "original":
            write_an_original(place / "reflection.duckdb")
        else:
            with tarfile.open(SCHEMAS / f"{fixture}.tar.xz") as archive:
                archive.extractall(place, filter="data")
        while not open_and_kill(place / "reflection.duckdb", patience, tally, times, budget):
            patience.learn(True)
        patience.learn(False)
        tally.openings += 1


def open_and_kill(path, patience, tally, times, budget):
    """Whether it could be opened and closed in peace."""
    spared = tally.killed["migration"] >= times or budget.over
    with subprocess.Popen([sys.executable, "-c", OPENER, str(path)], stdout=subprocess.PIPE, text=True) as opener:
        assert opener.stdout.readline() == "now\n"
        try:
            opener.wait(60 if spared else patience.next())
        except subprocess.TimeoutExpired:
            opener.kill()
            tally.killed["migration"] += 1
            return False
        assert opener.stdout.read() == "closed\n", "it could not be opened"
        return True


def grow(staged, live, budget, dice, stop):
    """Transcripts grow by pieces that end anywhere, as their client writes them."""
    files = sorted(staged.rglob("*.jsonl"))
    written = dict.fromkeys(files, 0)
    while not stop.is_set() and any(written[file] < file.stat().st_size for file in files):
        file = dice.choice(files)
        written[file] += append(file, live / file.relative_to(staged), written[file], dice.randint(1, 6_000))
        time.sleep(0.02)
    for file in files:
        append(file, live / file.relative_to(staged), written[file], None)


def append(file, target, done, more):
    data = file.read_bytes()[done:][:more]
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("ab") as stream:
        stream.write(data)
    return len(data)


def lane(seed, name):
    """What happens in one lane is decided by the seed, whatever happens in the others."""
    return random.Random(f"{seed} {name}")
