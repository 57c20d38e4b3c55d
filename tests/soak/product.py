"""The product's command, whose hubs save what is derived after every few writes: so that kills find them at it."""

import sys
from pathlib import Path

from session_mgmt_mcp import dial

HUB = "a-hub"
dial.HUB_COMMAND = (sys.executable, "-P", str(Path(__file__).resolve()), HUB)

if __name__ == "__main__":
    if sys.argv[1:2] == [HUB]:
        from session_mgmt_mcp import hub
        from session_mgmt_mcp.adapters.duckdb import connection, store

        store.SNAPSHOT_AFTER = connection.SNAPSHOT_AFTER = 60
        connection.SNAPSHOT_AT_ONCE = 40
        connection.REST_AFTER = 0.2
        sys.exit(hub.main(arguments=sys.argv[2:]))
    from session_mgmt_mcp import server

    sys.exit(server.main())
