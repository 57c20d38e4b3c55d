"""`make audit` finds what is known of a locked package, and says of which packages it could learn nothing."""

import http.server
import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import ClassVar

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / ".ci" / "audit.py"
HASH = "--hash=sha256:" + "0" * 64
LOCK = f"good==1.0 \\\n    {HASH}\nbad==2.0 ; sys_platform == 'win32' \\\n    {HASH}\nold==1.0 ; python_full_version < '3.12' \\\n    {HASH}\nold==3.0 \\\n    {HASH}\n"
PAGES = {
    "/good/json": {"info": {"version": "1.0"}, "vulnerabilities": []},
    "/bad/2.0/json": {"info": {"version": "2.0"}, "vulnerabilities": [
        {"id": "PYSEC-1", "fixed_in": ["2.1"], "withdrawn": None}, {"id": "PYSEC-2", "fixed_in": [], "withdrawn": "2026-01-01"},
    ]},
    "/old/json": {"info": {"version": "3.0"}, "vulnerabilities": []},
}  # fmt: skip


class Service(http.server.BaseHTTPRequestHandler):
    """The index's pages, and OSV at /query."""

    pages: ClassVar[dict] = {}
    osv: ClassVar[dict] = {}

    def do_GET(self):
        self._answer(self.pages.get(self.path))

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        told = self.osv.get((asked["package"]["name"], asked["version"]), {})
        self._answer({"vulns": told} if told else {})

    def _answer(self, told):
        self.send_response(404 if told is None else 200)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def service():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Service,), {})) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.RequestHandlerClass, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def nobody():
    with socket.socket() as taken:  # bound, and not listened on: whoever connects is refused
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def lock(tmp_path):
    file = tmp_path / "requirements.lock"
    file.write_text(LOCK)
    return file


@pytest.fixture
def audit():
    spec = importlib.util.spec_from_file_location("audit", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["audit"]


def run(lock, index, osv, *options):
    env = {**os.environ, "AUDIT_INDEX_URL": index, "AUDIT_OSV_URL": osv}
    command = [sys.executable, SCRIPT, "--lock", lock, *options]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=100)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def test_the_lock_is_read_whole_for_every_system_and_python(audit, lock):
    assert list(map(str, audit.locked(lock))) == ["good 1.0", "bad 2.0", "old 1.0", "old 3.0"]
    ours = audit.locked(ROOT / "requirements.lock")
    assert len(ours) > 150 and all(package.hashes for package in ours)


def test_a_package_without_a_hash_is_refused(audit, lock):
    lock.write_text(f"{LOCK}loose==1.0\n")
    with pytest.raises(ValueError, match="loose has no hash"):
        audit.locked(lock)


def test_a_page_tells_of_its_own_version_and_of_no_other(audit, lock, service):
    service[0].pages = PAGES
    known = audit.by_index(audit.locked(lock), service[1])
    told = {str(package): sentences for package, sentences in known.items()}
    assert told == {"good 1.0": [], "bad 2.0": ["bad 2.0: PYSEC-1, fixed in 2.1"], "old 3.0": []}


def test_an_index_that_does_not_answer_tells_of_nothing(audit, lock, nobody, capsys):
    assert audit.by_index(audit.locked(lock), nobody) == {}
    assert "The index could not be asked" in capsys.readouterr().out


@pytest.mark.slow
def test_what_osv_knows_fails_the_audit(lock, service, nobody):
    service[0].osv = {("bad", "2.0"): [{"id": "GHSA-x", "affected": [{"package": {"name": "bad", "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.2"}]}]}]}]}  # fmt: skip
    code, said = run(lock, nobody, f"{service[1]}/query")
    assert code == 1 and "bad 2.0: GHSA-x, fixed in 2.2\n" in said
    assert "audited: 4 of 4 locked packages (4 by OSV" in said and "not audited" not in said


@pytest.mark.slow
def test_where_nothing_is_known_the_audit_passes(lock, service, nobody):
    code, said = run(lock, nobody, f"{service[1]}/query", "--strict")
    assert code == 0 and "audited: 4 of 4" in said and "known to be vulnerable: 0" in said


@pytest.mark.slow
def test_without_any_service_it_says_that_nothing_was_checked(lock, nobody):
    code, said = run(lock, nobody, nobody)
    assert code == 0 and "OSV could not be asked" in said and "The index could not be asked" in said
    assert "not audited: 4 of 4" in said and "nothing was checked" in said
    assert run(lock, nobody, nobody, "--strict")[0] == 2


@pytest.mark.slow
def test_what_only_the_index_knows_fails_it_too_and_the_rest_is_named(lock, service, nobody):
    service[0].pages = PAGES
    code, said = run(lock, service[1], nobody)
    assert code == 1 and "PYSEC-1" in said and "PYSEC-2" not in said
    assert "audited: 3 of 4" in said and "no service told of them: old 1.0" in said


def test_the_audit_is_part_of_what_every_change_must_pass():
    assert "\nmake audit\n" in (ROOT / ".ci" / "run").read_text()
    assert "\naudit: install\n\t$(BIN)/python .ci/audit.py\n" in (ROOT / "Makefile").read_text()
