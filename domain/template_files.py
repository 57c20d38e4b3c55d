"""The texts of the starting layouts. @NAME@, @MODULE@, @JOINED@ and @TITLE@ stand for the project's name."""

from collections.abc import Mapping

from session_mgmt_mcp.ports.project_files import Language

SHARED = frozenset({"README.md", ".gitignore"})


def _readme(test: str) -> str:
    return f"# @TITLE@\n\nWhat it is for, in one sentence.\n\n```sh\n{test}\n```\n"


def _ignored(*patterns: str) -> str:
    return "\n".join([*patterns, ".env", ""])


_PYTHON_TEST = "python -m pytest"
_PYTHON = {
    "pyproject.toml": """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "@NAME@"
version = "0.1.0"
description = "What it is for, in one sentence."
requires-python = ">=3.11"
dependencies = []

[dependency-groups]
dev = ["pytest>=8"]

[tool.hatch.build.targets.wheel]
packages = ["src/@MODULE@"]

[tool.pytest.ini_options]
pythonpath = ["src"]
testpaths = ["tests"]
""",
    "src/@MODULE@/__init__.py": '''\
"""What it is for, in one sentence."""


def greeting(name: str) -> str:
    return f"Hello, {name}!"
''',
    "tests/test_greeting.py": """\
from @MODULE@ import greeting


def test_it_greets_by_name() -> None:
    assert greeting("Ada") == "Hello, Ada!"
""",
    "README.md": _readme(_PYTHON_TEST),
    ".gitignore": _ignored("__pycache__/", ".venv/", ".pytest_cache/", "dist/"),
}

_NODE_TEST = "node --test"
_JAVASCRIPT = {
    "package.json": """\
{
  "name": "@NAME@",
  "version": "0.1.0",
  "description": "What it is for, in one sentence.",
  "private": true,
  "type": "module",
  "exports": "./src/index.js",
  "engines": { "node": ">=20" },
  "scripts": { "test": "node --test" }
}
""",
    "src/index.js": """\
/** @param {string} name */
export function greeting(name) {
  return `Hello, ${name}!`;
}
""",
    "test/index.test.js": """\
import assert from "node:assert/strict";
import { test } from "node:test";

import { greeting } from "../src/index.js";

test("it greets by name", () => {
  assert.equal(greeting("Ada"), "Hello, Ada!");
});
""",
    "README.md": _readme(_NODE_TEST),
    ".gitignore": _ignored("node_modules/", "coverage/"),
}

_TYPESCRIPT = {
    "package.json": """\
{
  "name": "@NAME@",
  "version": "0.1.0",
  "description": "What it is for, in one sentence.",
  "private": true,
  "type": "module",
  "exports": "./src/index.ts",
  "engines": { "node": ">=22.18" },
  "scripts": { "test": "node --test", "check": "tsc" },
  "devDependencies": { "@types/node": ">=22", "typescript": ">=5.8" }
}
""",
    "tsconfig.json": """\
{
  "compilerOptions": {
    "target": "es2023",
    "module": "nodenext",
    "strict": true,
    "noEmit": true,
    "allowImportingTsExtensions": true,
    "erasableSyntaxOnly": true,
    "verbatimModuleSyntax": true,
    "types": ["node"]
  },
  "include": ["src", "test"]
}
""",
    "src/index.ts": """\
export function greeting(name: string): string {
  return `Hello, ${name}!`;
}
""",
    "test/index.test.ts": """\
import assert from "node:assert/strict";
import { test } from "node:test";

import { greeting } from "../src/index.ts";

test("it greets by name", () => {
  assert.equal(greeting("Ada"), "Hello, Ada!");
});
""",
    "README.md": _readme(_NODE_TEST),
    ".gitignore": _ignored("node_modules/", "coverage/"),
}

_GO_TEST = "go test ./..."
_GO = {
    "go.mod": "module example.com/@NAME@\n\ngo 1.24\n",
    "greeting.go": """\
// Package @JOINED@ is for what one sentence says.
package @JOINED@

// Greeting greets by name.
func Greeting(name string) string {
	return "Hello, " + name + "!"
}
""",
    "greeting_test.go": """\
package @JOINED@

import "testing"

func TestItGreetsByName(t *testing.T) {
	if got := Greeting("Ada"); got != "Hello, Ada!" {
		t.Errorf("got %q", got)
	}
}
""",
    "README.md": _readme(_GO_TEST),
    ".gitignore": _ignored("*.test", "*.out", "bin/"),
}

_RUST_TEST = "cargo test"
_RUST = {
    "Cargo.toml": """\
[package]
name = "@NAME@"
version = "0.1.0"
edition = "2021"
description = "What it is for, in one sentence."
publish = false

[dependencies]
""",
    "src/lib.rs": """\
//! What it is for, in one sentence.

pub fn greeting(name: &str) -> String {
    format!("Hello, {name}!")
}
""",
    "tests/greeting.rs": """\
use @MODULE@::greeting;

#[test]
fn it_greets_by_name() {
    assert_eq!(greeting("Ada"), "Hello, Ada!");
}
""",
    "README.md": _readme(_RUST_TEST),
    ".gitignore": _ignored("target/"),
}

_JAVA_TEST = "mvn test"
_JAVA = {
    "pom.xml": """\
<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
         xsi:schemaLocation="http://maven.apache.org/POM/4.0.0 http://maven.apache.org/xsd/maven-4.0.0.xsd">
  <modelVersion>4.0.0</modelVersion>
  <groupId>com.example</groupId>
  <artifactId>@NAME@</artifactId>
  <version>0.1.0</version>
  <description>What it is for, in one sentence.</description>

  <properties>
    <maven.compiler.release>17</maven.compiler.release>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>

  <dependencies>
    <dependency>
      <groupId>org.junit.jupiter</groupId>
      <artifactId>junit-jupiter</artifactId>
      <version>6.1.3</version>
      <scope>test</scope>
    </dependency>
  </dependencies>

  <build>
    <plugins>
      <plugin>
        <artifactId>maven-compiler-plugin</artifactId>
        <version>3.15.0</version>
      </plugin>
      <plugin>
        <artifactId>maven-surefire-plugin</artifactId>
        <version>3.6.0</version>
      </plugin>
    </plugins>
  </build>
</project>
""",
    "src/main/java/com/example/@JOINED@/Greeting.java": """\
package com.example.@JOINED@;

/** What it is for, in one sentence. */
public final class Greeting {
    private Greeting() {}

    public static String of(String name) {
        return "Hello, " + name + "!";
    }
}
""",
    "src/test/java/com/example/@JOINED@/GreetingTest.java": """\
package com.example.@JOINED@;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class GreetingTest {
    @Test
    void itGreetsByName() {
        assertEquals("Hello, Ada!", Greeting.of("Ada"));
    }
}
""",
    "README.md": _readme(_JAVA_TEST),
    ".gitignore": _ignored("target/"),
}

LAYOUTS: Mapping[Language, tuple[str, Mapping[str, str]]] = {
    Language.PYTHON: (_PYTHON_TEST, _PYTHON),
    Language.TYPESCRIPT: (_NODE_TEST, _TYPESCRIPT),
    Language.JAVASCRIPT: (_NODE_TEST, _JAVASCRIPT),
    Language.GO: (_GO_TEST, _GO),
    Language.RUST: (_RUST_TEST, _RUST),
    Language.JAVA: (_JAVA_TEST, _JAVA),
}
"""By language: the command that runs its tests, and its files."""
