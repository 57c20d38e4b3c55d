"""A client in a process of its own, until it is killed: `client.py NAME SEED`. It prints what was acknowledged.

When its shim dies it starts another and asks again for what had no answer, as a person would.
"""

import itertools
import json
import os
import random
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.integration.conftest import Client  # noqa: E402

SHIM = (sys.executable, "-P", str(HERE / "product.py"))
PATIENCE = 150.0


class ShimGone(Exception):
    pass


def say(**what):
    print(json.dumps({"at": time.monotonic(), **what}), flush=True)


def begin(modern):
    client = Client(SHIM, modern)
    say(shim=client.process.pid)
    method = "server/discover" if modern else "initialize"
    wait(client, client.send(method, None if modern else {"protocolVersion": "2025-11-25", "capabilities": {},
         "clientInfo": {"name": "soak", "version": "1"}}))  # fmt: skip
    if not modern:
        client.send("notifications/initialized", notification=True)
    return client


def wait(client, whom):
    until = time.monotonic() + PATIENCE
    while not client.is_answered(whom):
        if client.process.poll() is not None:
            raise ShimGone
        assert time.monotonic() < until, client.last_words()
        time.sleep(0.002)
    answer = client.answer(whom)
    result = answer.get("result")
    if result is None or result.get("isError"):
        say(error=answer)
        time.sleep(1)
    return result or {}


def asked(client, modern, tool, **arguments):
    """The client that answered, and its answer."""
    while True:
        try:
            if client is None:
                client = begin(modern)
            return client, wait(client, client.start_call(tool, **arguments)).get("structuredContent") or {}
        except (ShimGone, BrokenPipeError):
            say(lost_shim=True)
            client = None


def main(name, seed):
    dice = random.Random(seed)
    modern = dice.random() < 0.5
    client = None
    for step in itertools.count():
        text = f"{name}x{step}: the {dice.choice(('cache', 'till', 'ledger'))} was mended in step {step} of {name}."
        client, found = asked(client, modern, "store_reflection", content=text, tags=[name])
        if "id" in found:
            say(id=found["id"], text=text)
        if step % 5 == 4:
            client, found = asked(client, modern, "search_reflections", query=f"{name}x{step}")
            if not any(text[:30] in hit["snippet"] for hit in found.get("hits", ())):
                say(error=f"{text!r} was stored and is not found: {found}")
        time.sleep(dice.uniform(0, 0.25))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main(*sys.argv[1:])
