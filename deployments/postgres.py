"""The stack's PostgreSQL: the one that the environment names, else one of its own on this machine.

Its own is initialised once, listens on no port, and is reached through a socket in a private folder.
What Prefect keeps in it is Prefect's.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from deployments.services import StartError

URL_VARIABLES = ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL")
ACCOUNT = "postgres"  # the system's user under which PostgreSQL runs where we are root: it refuses to be
DEBIAN = Path("/usr/lib/postgresql")
_LONGEST_SOCKET = 107  # bytes, sun_path of unix(7)
_NO_POSTGRES = (
    "no PostgreSQL is on this machine. Install one (Debian and Ubuntu: apt install postgresql; macOS: "
    f"brew install postgresql), or name a database in {URL_VARIABLES[0]} "
    "(postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE)"
)


class Database(NamedTuple):
    """A PostgreSQL of our own: its programs, its files, and the user it runs as (None: ours)."""

    programs: Path
    files: Path
    account: str | None

    @property
    def url(self) -> str:
        """For Prefect's server."""
        return f"postgresql+asyncpg://prefect@/postgres?host={self.sockets}"

    @property
    def sockets(self) -> Path:
        """The private folder of its socket."""
        return self.files / "sockets"

    def call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs to the end."""
        # Its output is no pipe: the server would inherit that, and we would wait for its end.
        with (self.files / "programs.log").open("a") as log:
            return subprocess.run(
                [str(self.programs / program), "-D", str(self.files / "data"), *arguments],
                cwd=self.files,
                user=self.account,
                group=pwd.getpwnam(self.account).pw_gid if self.account else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
                check=False,
            )


def get_configured_database() -> str | None:
    """The database that the environment names."""
    return next((os.environ[name] for name in URL_VARIABLES if os.environ.get(name)), None)


def locate_database(folder: Path) -> Database:
    """The stack's own PostgreSQL, below its folder, or below the database user's home where we are root."""
    programs = _find_programs()
    if os.geteuid() != 0:
        return Database(programs, folder / "postgres", None)
    try:
        home = Path(pwd.getpwnam(ACCOUNT).pw_dir)
    except KeyError:
        raise StartError(
            f"PostgreSQL does not run as root, and there is no user {ACCOUNT}; run as an ordinary user, or "
            f"name a database in {URL_VARIABLES[0]}"
        ) from None
    return Database(
        programs, home / f"resegment-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}", ACCOUNT
    )


def start_database(database: Database) -> bool:
    """Initialise it if it is new, and start it if it does not run; False if it did."""
    if len(str(database.sockets)) + len("/.s.PGSQL.5432") > _LONGEST_SOCKET:
        raise StartError(f"{database.files} is too long for a socket; set RESEGMENT_STATE to a shorter path")
    _make_private(database, database.files)
    _make_private(database, database.sockets)
    if not (database.files / "data" / "PG_VERSION").is_file():
        # The socket's folder is private, and there is no other way in: hence no password.
        trust = ("--username=prefect", "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8")
        _check(database, database.call("initdb", *trust))
    if is_database_up(database):
        return False
    options = f"-c listen_addresses= -c unix_socket_directories={database.sockets}"
    log = str(database.files / "postgres.log")
    _check(database, database.call("pg_ctl", "start", "--wait", "--log", log, "--options", options))
    return True


def is_database_up(database: Database) -> bool:
    """Does it run?"""
    return database.files.is_dir() and database.call("pg_ctl", "status").returncode == 0


def stop_database(database: Database) -> bool:
    """Stop it, its data on disk; False if it did not run."""
    if not is_database_up(database):
        return False
    _check(database, database.call("pg_ctl", "stop", "--wait", "--mode", "fast"))
    return True


def _make_private(database: Database, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if database.account:
        shutil.chown(folder, database.account)


def _check(database: Database, done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0:
        program = Path(done.args[0]).name
        raise StartError(f"PostgreSQL's {program} failed; see {database.files / 'programs.log'}")


def _find_programs() -> Path:
    """The folder of initdb and pg_ctl: on PATH, or where Debian puts them, the newest first."""
    on_path = shutil.which("pg_ctl")
    places = [Path(on_path).resolve().parent] if on_path else []
    versions = DEBIAN.glob("*/bin")
    places += sorted(versions, key=lambda place: float(place.parent.name), reverse=True)
    for place in places:
        if (place / "initdb").is_file() and (place / "pg_ctl").is_file():
            return place
    raise StartError(_NO_POSTGRES)
