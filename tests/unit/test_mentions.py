"""Which files a text speaks of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.mentions import LONGEST, MOST, mentioned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Look at src/cart.py.", ["src/cart.py"]),
        ("cart_test.go fails, cart_test.go:17:3 says why", ["cart_test.go"]),
        ("at /abs/x.ts:12 and /abs/x.ts:99", ["/abs/x.ts"]),
        ("**`./a/b.md`**, [the guide](docs/guide.md#install)", ["./a/b.md", "docs/guide.md"]),
        (r"open C:\x\y.py or D:/z/w.rs:4", [r"C:\x\y.py", "D:/z/w.rs"]),
        ('  File "/srv/app/main.py", line 3, in <module>', ["/srv/app/main.py"]),
        ("pytest tests/test_a.py::test_b --config=conf/x.toml", ["tests/test_a.py", "conf/x.toml"]),
        ("src/app.ts(12,5): error TS2322", ["src/app.ts"]),
        ("--- a/src/x.c\n+++ b/src/x.c", ["a/src/x.c", "b/src/x.c"]),
        ("app/[id]/page.tsx, ../up/one.rb, ~/.zshrc", ["app/[id]/page.tsx", "../up/one.rb", "~/.zshrc"]),
        ("the Makefile, docker/Dockerfile and .gitignore", ["Makefile", "docker/Dockerfile", ".gitignore"]),
        ("größe/länge.py and 设置/缓存.ts", ["größe/länge.py", "设置/缓存.ts"]),
        ("node_modules/@scope/pkg/index.js", ["node_modules/@scope/pkg/index.js"]),
    ],
)
def test_a_file_that_is_named_is_found_as_it_stands(text, expected):
    assert list(mentioned(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "see https://example.com/a/b.html and http://localhost:8000/x.js",
        "version 1.2.3, v0.13.0, 3.14 and 10.0.0.1:8080",
        "e.g. this, i.e. that, etc. and so on...",
        "and/or he/she client/server TCP/IP application/json origin/main 24/7",
        "example.com docs.rs readthedocs.io github.com/owner/repo.git",
        "git@github.com:owner/repo.git you@example.org someone@mail.md",
        "Node.js with Vue.js and socket.io, next.js",
        "store.get(x) self.total os.path.join numpy.ndarray console.log",
        "Done.Next sentence.And more", "a profile of the file", "/help /usr/bin/env ./run", "...", "x.", ".py",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_file_is_none(text):
    assert mentioned(text) == ()


@given(st.text(max_size=400))
def test_whatever_is_said_is_bounded_and_stands_in_the_text(text):
    for path in mentioned(text):
        assert path in text
        assert 0 < len(path) <= LONGEST


def test_no_more_than_fifty_files_are_kept_and_no_path_without_end():
    assert len(mentioned(" ".join(f"f{n}.py" for n in range(500)))) == MOST
    assert mentioned("a/" * 200 + "b.py") == ()
