"""`session-mgmt-mcp`: the stdio server when called without a verb, the hook launcher, else the command line."""

import sys

FLAGS = {"--debug", "--in-process"}


def main(argv: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["hook"] and "--help" not in arguments:
        from session_mgmt_mcp import hook

        return hook.main(" ".join(arguments[1:]))
    if set(arguments) <= FLAGS:
        return _serve("--debug" in arguments, "--in-process" in arguments)
    from importlib import import_module

    return int(import_module("session_mgmt_mcp.cli").main(arguments) or 0)


def _serve(debug: bool, in_process: bool) -> int:
    import _signal  # type: ignore[import-not-found]  # `signal` takes milliseconds, in which a client that leaves would get a traceback

    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # until the shim is ready for it
    if debug:
        import os

        os.environ["SESSION_MGMT_DEBUG"] = "1"
    if sys.platform == "win32" and not in_process:
        sys.stderr.write("On Windows the server runs in process: one client at a time can use a data directory.\n")
    if in_process or sys.platform == "win32":
        from session_mgmt_mcp import in_process as alone

        return alone.run()
    from session_mgmt_mcp import shim

    return shim.run()


if __name__ == "__main__":
    sys.exit(main())
