"""A real PostgreSQL for the demo and the tests: its own data and process, on loopback, with a password."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from l9.demo import postgres_binaries
from l9.demo.child import PartError, end, spawn, tail
from l9.drivers.process.free_port import free_port

USER = "l9"
INITDB = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions")
START_SECONDS = 30.0
INITDB_SECONDS = 120.0
# For a small cluster; fsync stays on, as on a server.
SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=../socket",  # relative to the data directory: a socket's path is limited to 107 bytes
    "unix_socket_permissions=0700",
    "password_encryption=scram-sha-256",
    "fsync=on",
    "max_connections=100",
    "shared_buffers=32MB",
    "logging_collector=off",
)


class EmbeddedPostgres:
    """PostgreSQL from a wheel, in `directory`; also a context manager.

    port: 0 for a free one. As root, the server runs as the user nobody; if that user cannot access `directory`,
    the data are in `home`, a directory below /var/tmp. All methods raise PartError.
    """

    def __init__(self, directory: Path, port: int = 0, *, cache: Path = postgres_binaries.CACHE) -> None:
        self.directory = directory.absolute()
        self.home = self.directory
        self.port = port
        self._cache = cache
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.directory / "postgres.log"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> str:
        """Create the cluster if needed, start the server, wait for connections. Returns the DSN of database l9."""
        if self.pid is not None:
            return self.dsn()
        self.directory.mkdir(parents=True, exist_ok=True)
        binaries = postgres_binaries.find(self._cache)
        self.home = self._reachable(binaries.account)
        self._make(binaries)
        self._clear_stale_pid()
        self.port = self.port or free_port()
        settings = [word for setting in (*SETTINGS, f"port={self.port}") for word in ("-c", setting)]
        self._process = spawn(
            (binaries.postgres, "-D", self.data, *settings),
            log=self.log,
            env=_environment(),
            cwd=self.home,
            account=binaries.account,
            death_signal=signal.SIGINT,  # "fast shutdown"
        )
        try:
            self._wait_until_ready(self._process)
            return self.create_database(USER)
        except BaseException:
            self.stop()
            raise

    def dsn(self, database: str = USER) -> str:
        password = (self.home / "password").read_text().strip()
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Create a database unless it exists. Returns its DSN."""
        import psycopg
        from psycopg import sql

        try:
            with psycopg.connect(self.dsn("postgres"), autocommit=True, connect_timeout=10) as connection:
                known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
                if known is None:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise self._error(
                f"database {name!r} could not be created", "a new database", str(error)
            ) from error
        return self.dsn(name)

    def stop(self) -> None:
        """Stop the server: fast shutdown, then immediate, then SIGKILL. Does nothing if it is not running."""
        if self._process is not None:
            end(self._process, (signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0))
            self._process = None

    def remove(self) -> None:
        """Stop the server, and delete the cluster with its password."""
        self.stop()
        for name in ("data", "socket"):
            shutil.rmtree(self.home / name, ignore_errors=True)
        (self.home / "password").unlink(missing_ok=True)
        if self.home != self.directory:
            shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _reachable(self, account: int | None) -> Path:
        """Return the cluster's directory: `directory`, or one below /var/tmp if that account cannot access it."""
        if account is None or _may_enter(self.directory, account):
            return self.directory
        name = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:12]
        home = self._cache / f"l9-postgres-{name}"
        if not home.exists():
            home.mkdir()
            home.chmod(0o711)  # regardless of the umask
        if home.is_symlink() or home.stat().st_uid != os.geteuid() or not _may_enter(home, account):
            raise self._error(
                "PostgreSQL's data directory is not usable",
                f"{home} owned by uid {os.geteuid()} and accessible to uid {account}",
                "another owner or mode",
                f"rm -r {home}",
            )
        return home

    def _make(self, binaries: postgres_binaries.Binaries) -> None:
        """Run initdb unless the cluster exists, in a temporary directory so that no partial cluster is left."""
        socket = self.home / "socket"
        socket.mkdir(mode=0o700, exist_ok=True)
        if binaries.account is not None:
            os.chown(socket, binaries.account, binaries.account)
        if (self.data / "PG_VERSION").exists():
            return
        password = self.home / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24) + "\n")
        partial = Path(tempfile.mkdtemp(prefix="partial-", dir=self.home))
        try:
            (partial / "data").mkdir(mode=0o700)
            shutil.copyfile(password, partial / "password")
            if binaries.account is not None:
                for path in (partial, *partial.iterdir()):
                    os.chown(path, binaries.account, binaries.account)
            made = spawn(
                (binaries.initdb, "--pgdata=data", "--pwfile=password", f"--username={USER}", *INITDB),
                log=self.log,
                env=_environment(),
                cwd=partial,
                account=binaries.account,
            )
            try:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    made.wait(INITDB_SECONDS)
            finally:
                code = end(made)
            if code != 0:
                wanted = f"exit code 0 within {INITDB_SECONDS:g} s"
                raise self._error("initdb failed", wanted, f"exit code {code}")
            (partial / "data").rename(self.data)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _clear_stale_pid(self) -> None:
        """Remove the pid file of a killed server. Raises PartError if that server still runs."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid_file = self.data / "postmaster.pid"
            pid = int(pid_file.read_text().split("\n", 1)[0])
            if _is_server_of(pid, self.data):
                raise self._error(
                    "another PostgreSQL is running on this data directory",
                    "none",
                    f"pid {pid}",
                    f"kill -INT {pid}",
                )
            pid_file.unlink()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until the pid file, which must name this process, says `ready`."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                lines = (self.data / "postmaster.pid").read_text().splitlines()
                if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                    return
            if process.poll() is not None or time.monotonic() > deadline:
                code = process.poll()
                raise self._error(
                    "PostgreSQL did not start",
                    f"ready on 127.0.0.1:{self.port} within {START_SECONDS:g} s",
                    "still starting" if code is None else f"exit code {code}",
                )
            time.sleep(0.02)

    def _error(self, message: str, expected: str, found: str, remedy: str = "") -> PartError:
        return PartError(
            message,
            expected=expected,
            found=found,
            remedy=remedy or f"tail -n 50 {self.log}",
            log=tail(self.log),
        )


def _environment() -> dict[str, str]:
    """Return an environment without PGDATA, PGPORT and the like, which would configure the server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _may_enter(folder: Path, account: int) -> bool:
    """True if that account can enter the directory, as tried by the kernel and not read from the modes."""
    try:
        done = subprocess.run(
            ("/bin/sh", "-c", 'cd -- "$1"', "sh", folder),
            user=account, group=account, extra_groups=[], cwd="/", capture_output=True, check=False,
        )  # fmt: skip
    except OSError:
        return False
    return done.returncode == 0


def _is_server_of(pid: int, data: Path) -> bool:
    """True if that process is a PostgreSQL on this data directory, which is a postmaster's working directory."""
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == data.resolve() and "postgres" in (
            Path(f"/proc/{pid}/comm").read_text()
        )
    except OSError:
        return False
