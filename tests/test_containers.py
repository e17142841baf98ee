"""Dockerfile and compose.yaml, as far as they can be judged without a container engine: what they say."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
INSTRUCTIONS = {"FROM", "RUN", "WORKDIR", "COPY", "USER", "ENV", "CMD"}
PACKAGES = {"flows", "tasks", "segmentation", "schemas", "config", "deployments"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """compose.yaml, its anchors resolved."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "deployments" / "compose.yaml").read_text())
    return content


def read_instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, lines joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "deployments" / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in lines]


def test_the_dockerfile_copies_what_is_there_and_runs_as_nobody_special() -> None:
    """Known instructions; every package and file that it copies exists, none is left out; no root."""
    found = read_instructions()
    assert found[0][0] == "FROM" and {name for name, _ in found} <= INSTRUCTIONS
    copied = {source for name, rest in found if name == "COPY" for source in rest.split()[:-1]}
    assert all((ROOT / one).exists() for one in copied)
    assert copied >= PACKAGES
    names = [name for name, _ in found]
    assert dict(found)["USER"] == "resegment"
    assert names.index("USER") > max(place for place, name in enumerate(names) if name == "RUN")
    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert python.startswith(">=3.11") and dict(found)["FROM"].startswith("python:3.11")


def test_nothing_secret_gets_into_the_image() -> None:
    """Only what is named reaches the builder, and no password file."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} >= PACKAGES
    assert "deployments/*.auth" in lines


def test_only_this_host_reaches_the_services(compose: dict[str, Any]) -> None:
    """Every published port is bound to 127.0.0.1; PostgreSQL publishes none."""
    services = compose["services"]
    assert set(services) == {"postgres", "server", "deploy", "worker", "reports"}
    ports = {name: one.get("ports", []) for name, one in services.items()}
    assert all(port.startswith("127.0.0.1:") for listed in ports.values() for port in listed)
    assert {name for name, listed in ports.items() if listed} == {"server", "reports"}


def test_services_hang_together(compose: dict[str, Any]) -> None:
    """What is depended on, mounted and read as a secret is declared; secrets are files, not values."""
    services = compose["services"]
    for one in services.values():
        assert set(one.get("depends_on", {})) <= set(services)
        assert set(one.get("secrets", [])) <= set(compose["secrets"])
        assert {mount.split(":")[0] for mount in one["volumes"]} <= set(compose["volumes"])
        for variable, value in one.get("environment", {}).items():
            assert not re.search("AUTH|PASSWORD$|DATABASE", variable), value
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    ours = {name: one for name, one in services.items() if name != "postgres"}
    assert all(one["read_only"] and one["cap_drop"] == ["ALL"] for one in ours.values())
    assert services["reports"]["volumes"] == ["store:/store:ro"]
