"""The stack's PostgreSQL: the one the environment configures, otherwise one started on this machine.

The local one is initialised once, listens on no port, and is reached through a socket in a private folder.
Its tables belong to Prefect.
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
ACCOUNT = "postgres"  # PostgreSQL refuses to run as root, so root starts it under this system user
DEBIAN = Path("/usr/lib/postgresql")
_LONGEST_SOCKET = 107  # bytes, sun_path of unix(7)
_NO_POSTGRES = (
    "this machine has no PostgreSQL. Install one (Debian and Ubuntu: apt install postgresql; macOS: "
    f"brew install postgresql), or set {URL_VARIABLES[0]} "
    "(postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE)"
)


class Database(NamedTuple):
    """A PostgreSQL on this machine. account: the system user it runs as; None is the current one."""

    programs: Path
    files: Path
    account: str | None

    @property
    def url(self) -> str:
        """The connection URL for Prefect's server."""
        return f"postgresql+asyncpg://prefect@/postgres?host={self.sockets}"

    @property
    def sockets(self) -> Path:
        """The private folder of its socket."""
        return self.files / "sockets"

    def call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run initdb or pg_ctl and wait for it."""
        # A pipe would be inherited by the server that pg_ctl starts, and waiting would never end.
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
    """The database URL that the environment configures."""
    return next((os.environ[name] for name in URL_VARIABLES if os.environ.get(name)), None)


def locate_database(folder: Path) -> Database:
    """The stack's PostgreSQL: in its folder, or for root in the home of the user `postgres`."""
    programs = locate_programs()
    if os.geteuid() != 0:
        return Database(programs, folder / "postgres", None)
    try:
        home = Path(pwd.getpwnam(ACCOUNT).pw_dir)
    except KeyError:
        raise StartError(
            f"PostgreSQL refuses to run as root, and this machine has no user {ACCOUNT}; run as an ordinary "
            f"user, or set {URL_VARIABLES[0]}"
        ) from None
    # One cluster per state folder: two stacks of root on this machine must not share tables.
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return Database(programs, home / f"resegment-{digest}", ACCOUNT)


def start_database(database: Database) -> bool:
    """Start it, initialising it first if it is new; False if it was running already."""
    if len(str(database.sockets)) + len("/.s.PGSQL.5432") > _LONGEST_SOCKET:
        raise StartError(f"{database.files} is too long for a socket; set RESEGMENT_STATE to a shorter path")
    _make_private(database, database.files)
    _make_private(database, database.sockets)
    if not (database.files / "data" / "PG_VERSION").is_file():
        # No password: the socket's private folder is the only way in.
        trust = ("--username=prefect", "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8")
        _check_success(database, database.call("initdb", *trust))
    if is_database_up(database):
        return False
    # No TCP port: whoever can enter the socket's folder is the owner (decision 16).
    options = f"-c listen_addresses= -c unix_socket_directories={database.sockets}"
    log = str(database.files / "postgres.log")
    _check_success(database, database.call("pg_ctl", "start", "--wait", "--log", log, "--options", options))
    return True


def is_database_up(database: Database) -> bool:
    """Whether it runs."""
    return database.files.is_dir() and database.call("pg_ctl", "status").returncode == 0


def stop_database(database: Database) -> bool:
    """Stop it once its data is on disk; False if it was not running."""
    if not is_database_up(database):
        return False
    # "fast" ends sessions instead of waiting for them.
    _check_success(database, database.call("pg_ctl", "stop", "--wait", "--mode", "fast"))
    return True


def _make_private(database: Database, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if database.account:
        shutil.chown(folder, database.account)


def _check_success(database: Database, process: subprocess.CompletedProcess[str]) -> None:
    if process.returncode != 0:
        program = Path(process.args[0]).name
        raise StartError(f"PostgreSQL's {program} failed; see {database.files / 'programs.log'}")


def locate_programs() -> Path:
    """The folder of initdb and pg_ctl: on PATH, or where Debian installs them, newest version first."""
    on_path = shutil.which("pg_ctl")
    folders = [Path(on_path).resolve().parent] if on_path else []
    debian_folders = DEBIAN.glob("*/bin")
    # By number, since as text 9.6 would sort after 17.
    folders += sorted(debian_folders, key=lambda folder: float(folder.parent.name), reverse=True)
    for folder in folders:
        if (folder / "initdb").is_file() and (folder / "pg_ctl").is_file():
            return folder
    raise StartError(_NO_POSTGRES)
