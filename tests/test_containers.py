"""Dockerfile and compose.yaml, checked as far as possible without a container engine."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
INSTRUCTIONS = {"FROM", "RUN", "WORKDIR", "COPY", "USER", "ENV", "CMD"}
PACKAGES = {"resegment", "flows", "tasks", "segmentation", "schemas", "config", "deployments"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """compose.yaml with its anchors resolved."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "deployments" / "compose.yaml").read_text())
    return content


def read_instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with continued lines joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "deployments" / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in lines]


def test_the_dockerfile_copies_every_package_and_drops_root() -> None:
    """Every path that it copies exists, no package is left out, and the image does not run as root."""
    instructions = read_instructions()
    assert instructions[0][0] == "FROM" and {name for name, _ in instructions} <= INSTRUCTIONS
    sources = {path for name, paths in instructions if name == "COPY" for path in paths.split()[:-1]}
    assert all((ROOT / path).exists() for path in sources)
    assert sources >= PACKAGES
    names = [name for name, _ in instructions]
    assert dict(instructions)["USER"] == "resegment"
    assert names.index("USER") > max(position for position, name in enumerate(names) if name == "RUN")
    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert python.startswith(">=3.11") and dict(instructions)["FROM"].startswith("python:3.11")


def test_nothing_secret_gets_into_the_image() -> None:
    """The builder gets listed paths only, and no password file."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} >= PACKAGES
    assert "deployments/*.auth" in lines


def test_only_this_host_reaches_the_services(compose: dict[str, Any]) -> None:
    """Every published port is bound to 127.0.0.1, and PostgreSQL publishes no port."""
    services = compose["services"]
    assert set(services) == {"postgres", "server", "deploy", "worker", "reports"}
    ports = {name: service.get("ports", []) for name, service in services.items()}
    assert all(port.startswith("127.0.0.1:") for published in ports.values() for port in published)
    assert {name for name, published in ports.items() if published} == {"server", "reports"}


def test_services_hang_together(compose: dict[str, Any]) -> None:
    """Every dependency, volume and secret is declared; secrets are files, not values."""
    services = compose["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        assert {mount.split(":")[0] for mount in service["volumes"]} <= set(compose["volumes"])
        for variable, value in service.get("environment", {}).items():
            assert not re.search("AUTH|PASSWORD$|DATABASE", variable), value
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    own_images = [service for name, service in services.items() if name != "postgres"]
    assert all(service["read_only"] and service["cap_drop"] == ["ALL"] for service in own_images)
    assert services["reports"]["volumes"] == ["store:/store:ro"]


def list_images() -> list[str]:
    """Every image that is pulled: of the Dockerfile's FROM lines, and of services that are not built."""
    instructions = read_instructions()
    content = yaml.safe_load((ROOT / "deployments" / "compose.yaml").read_text())
    services = [service["image"] for service in content["services"].values() if "build" not in service]
    return [value.split()[0] for name, value in instructions if name == "FROM"] + services


def test_images_are_pinned_by_digest() -> None:
    """What is pulled is named by its content, so a tag that moves changes nothing."""
    images = list_images()
    assert len(images) == 2
    assert [image for image in images if not re.search(r":[\w.-]+@sha256:[0-9a-f]{64}$", image)] == []


def test_readers_and_forms_are_limited(compose: dict[str, Any]) -> None:
    """Beyond the container, reports need a password; runs read and write below RESEGMENT_ROOTS only."""
    reports, worker = compose["services"]["reports"], compose["services"]["worker"]
    assert reports["command"][-2:] == ["--auth-file", "/run/secrets/reports"]
    assert reports["secrets"] == ["reports"]
    assert worker["environment"]["RESEGMENT_ROOTS"] == "${RESEGMENT_ROOTS:-/store}"
    assert "exec python -m deployments.worker start" in worker["command"][-1]
