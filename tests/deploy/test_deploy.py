"""The files under deploy/: read as what they are, held against the code that they speak of, and checked by the tools
that will read them, where those are installed (.ci/run installs them).

A tool that is missing is named in the summary; what needs no tool is checked all the same.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from redis.asyncio import Redis

from ringback.receiver.admin import health
from ringback.receiver.admin.check import Grade
from ringback.run.children import POLLS_QUEUE, RECEIVER_STOP_S, SENDS_QUEUE, WORKER_STOP_S
from ringback.run.store import await_store, command
from ringback.schemas.keys import HANDLERS_GROUP, Keys
from ringback.schemas.sending_settings import NOT_FOR_RECEIVERS, SENDING
from ringback.schemas.settings import Settings
from ringback.workers.rq.processes import QUEUES
from tests.support.service import ROOT, Service, free_port, process, store_program
from tests.support.tools import DEPLOY, check, documents, tool

KUBERNETES: Final = DEPLOY / "kubernetes"
DOCKERFILE: Final = DEPLOY / "Dockerfile"
SYSTEMD: Final = DEPLOY / "systemd"
SERVICES: Final = sorted(SYSTEMD.glob("*.service"))


def manifests(*files: str) -> list[dict[str, Any]]:
    return [one for file in files for one in documents(KUBERNETES / file)]


def only(found: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (one,) = [one for one in found if one["kind"] == kind]
    return one


def is_setting(variable: str) -> bool:
    return variable.removeprefix("RINGBACK_").lower() in {*Settings.model_fields, *SENDING}


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


# What they say


@pytest.mark.parametrize("file", [str(file.relative_to(ROOT)) for file in sorted(DEPLOY.rglob("*")) if file.is_file()])
def test_settings_that_are_named_exist(file: str) -> None:
    named = variables(ROOT / file)
    # The variable that Kubernetes would make of a Service.
    assert {one for one in named - {"RINGBACK_SERVICE_PORT"} if not is_setting(one)} == set()


@pytest.mark.parametrize("file", [str(file.relative_to(ROOT)) for file in sorted(DEPLOY.rglob("*.yml"))])
def test_yaml(file: str) -> None:
    assert all(isinstance(document, dict) for document in documents(ROOT / file))


NEVER_RUN: Final = {
    "Dockerfile", "compose.yml", "ngrok.yml", "prometheus.yml", "dashboard.json",
    *(f"kubernetes/{file.name}" for file in KUBERNETES.iterdir()),
}  # fmt: skip


@pytest.mark.parametrize("file", sorted(str(one.relative_to(DEPLOY)) for one in DEPLOY.rglob("*") if one.is_file()))
def test_what_nobody_has_run_says_so_first(file: str) -> None:
    """Where one is run for the first time, by a test or by hand, it leaves this list and says so in docs/deploy.md."""
    first = next(line for line in (DEPLOY / file).read_text().splitlines() if line != "{")
    assert ("Never run: " in first) == (file in NEVER_RUN)


def test_no_secrets() -> None:
    assert documents(DEPLOY / "compose.yml")[0]["services"]["receiver"]["env_file"] == "ringback.env"
    assert [one["kind"] for one in manifests(*listed()) if one["kind"] == "Secret"] == []
    settings = only(manifests("settings.yaml"), "ConfigMap")["data"]
    assert {"RINGBACK_TOKENS", "RINGBACK_REDIS_URL"} & set(settings) == set()
    assert "RINGBACK_TOKENS=\n" in (DEPLOY / "ringback.env.example").read_text()
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"deploy/ringback.env", "deploy/workers.env"} <= {*ignored}
    for line in (DEPLOY / "workers.env.example").read_text().splitlines():
        assert not line or line[0] == "#" or line.endswith("=")


def test_workers_alone_have_credentials_of_providers() -> None:
    """In each way of running it they are in a file or a Secret of their own."""
    assert NOT_FOR_RECEIVERS & variables(DEPLOY / "ringback.env.example") == set()
    assert NOT_FOR_RECEIVERS - variables(DEPLOY / "workers.env.example") == {"RINGBACK_MOCEAN_API_TOKEN"}
    services = documents(DEPLOY / "compose.yml")[0]["services"]
    files = {name: one.get("env_file") for name, one in services.items()}
    assert files == {"valkey": None, "receiver": "ringback.env", "workers": ["ringback.env", "workers.env"]}
    units = {file.name: "workers.env" in file.read_text().partition("[Unit]")[2] for file in SERVICES}
    assert units == {"ringback-receiver.service": False, "ringback-workers.service": True}
    secret = {"secretRef": {"name": "ringback-providers", "optional": True}}
    for file, has in (("workers.yaml", True), ("receiver.yaml", False), ("receiver-spool.yaml", False)):
        for _, template in pods(file):
            assert (secret in template["spec"]["containers"][0]["envFrom"]) is has


def variables(file: Path) -> set[str]:
    return set(re.findall(r"\bRINGBACK_[A-Z_]*[A-Z]\b", file.read_text()))


# Image, compose, systemd


def test_dockerfile() -> None:
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line and not line.startswith("#")]
    words = [line.split() for line in lines]
    assert [word[1] for word in words if word[0] == "USER"] == ["10001:10001"]
    last = {word[0]: line.partition(" ")[2] for word, line in zip(words, lines, strict=True)}
    assert json.loads(last["ENTRYPOINT"]) == ["prlimit", "--core=0", "ringback"]
    assert json.loads(last["CMD"]) == ["serve"]
    probe = json.loads(DOCKERFILE.read_text().partition("--retries=3 \\\n    CMD ")[2].partition("\n")[0])
    assert "/livez" in probe[2]
    kept = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"}
    assert kept == {"pyproject.toml", "deploy/build.lock", "deploy/requirements.lock", "README.md", "LICENSE",
                    "schemas", "receiver", "workers", "ringback"}  # fmt: skip
    # No secret is baked in: neither by ENV nor by ARG.
    baked = re.findall(r"\bRINGBACK_\w+(?==)", DOCKERFILE.read_text())
    assert set(baked) == {"RINGBACK_HOST", "RINGBACK_ADMIN_HOST", "RINGBACK_DATA_DIR", "RINGBACK_LOG_FORMAT",
                          "RINGBACK_HANDLERS"}  # fmt: skip


def locked(file: str) -> dict[str, str]:
    """Return name -> version of a file of pins, and see that it has nothing but pins, each with hashes."""
    text = "\n".join(line for line in (DEPLOY / file).read_text().splitlines() if not line.startswith("#"))
    pin = r"[a-z0-9-]+==[0-9a-z.]+(?: ; [^\\\n]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n?"
    assert re.fullmatch(rf"\n*(?:{pin})+", text), f"{file}: not only pins with hashes; run make pins"
    return dict(re.findall(r"^([a-z0-9-]+)==([0-9a-z.]+)", text, re.MULTILINE))


def needed_by(name: str) -> Iterator[str]:
    """Yield what a package that is installed here needs, and what that needs."""
    for requirement in map(Requirement, metadata.requires(name) or []):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)
            yield from needed_by(requirement.name)


def test_the_image_is_made_of_pins_with_hashes() -> None:
    pins, build = locked("requirements.lock"), locked("build.lock")
    constraints = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
    direct = {name for name in pins if name in constraints}
    assert {name: pins[name] for name in direct} == {name: constraints[name] for name in direct}, "run make pins"
    older = {line for line in (DEPLOY / "requirements.in").read_text().split("\n") if line and line[0] != "#"}
    assert {*needed_by("ringback"), *older} == set(pins), "run make pins"
    assert set(build) == {"setuptools"}
    # Made by the Python that the image has: another may need other packages.
    image = re.findall(r"ARG PYTHON=(\d+\.\d+)", DOCKERFILE.read_text())
    assert [f"with Python {one}" in (DEPLOY / "requirements.lock").read_text() for one in image] == [True]


def test_no_step_of_the_image_takes_a_package_that_is_not_pinned() -> None:
    steps = re.findall(r"pip (?:install|wheel|download)\b[^&\n\\]*", DOCKERFILE.read_text())
    assert len(steps) == 4
    for step in steps:
        pinned = "--require-hashes --only-binary :all: -r deploy/" in step
        assert pinned or ("--no-deps" in step and "--no-index" in step), step


def test_dockerfile_by_hadolint() -> None:
    check([tool("hadolint", "make tools"), str(DOCKERFILE)], ROOT)


def test_the_health_check_of_the_image(service: Service) -> None:
    probe = json.loads(DOCKERFILE.read_text().partition("--retries=3 \\\n    CMD ")[2].partition("\n")[0])
    healthy = [sys.executable, *probe[1:-1], probe[-1].replace("8000", str(service.port))]
    sick = [*healthy[:-1], probe[-1].replace("8000", str(free_port()))]
    assert [subprocess.run(one, capture_output=True, check=False).returncode for one in (healthy, sick)] == [0, 1]


def test_compose() -> None:
    compose = documents(DEPLOY / "compose.yml")[0]
    services = compose["services"]
    assert {name: one.get("ports") for name, one in services.items()} == {
        "valkey": None, "receiver": ["127.0.0.1:8000:8000"], "workers": None,
    }  # fmt: skip
    assert compose["networks"]["store"] == {"internal": True}
    assert services["valkey"]["networks"] == ["store"]
    assert seconds(services["workers"]["stop_grace_period"]) > WORKER_STOP_S
    assert services["workers"]["command"][0:2] == ["work", "--queues"]
    assert set(services["workers"]["command"][2].split(",")) == {*QUEUES, SENDS_QUEUE, POLLS_QUEUE}
    assert "spool:/var/lib/ringback" in services["receiver"]["volumes"]
    assert "store:/data" in services["valkey"]["volumes"]
    for name, one in services.items():
        assert (one["read_only"], one["cap_drop"], one["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
        assert one["ulimits"] == {"core": 0}
        assert one["pids_limit"] > 0
        # Nothing goes to a swap disk.
        assert one["mem_limit"] == one["memswap_limit"], name
    assert {name: one["mem_limit"] for name, one in services.items()} == {
        "valkey": "6g", "receiver": "1g", "workers": "2g",
    }  # fmt: skip
    # Its entrypoint would need capabilities to become another user than root.
    assert services["valkey"]["user"] == "valkey"


def test_compose_by_its_own_tool(tmp_path: Path) -> None:
    program = tool("docker-compose", "apt-get install docker-compose")
    # Debian 12 has a compose that is older than the key `name`.
    text = (DEPLOY / "compose.yml").read_text().replace("\nname: ringback\n", "\n")
    (tmp_path / "compose.yml").write_text(text)
    for name in ("ringback.env", "workers.env"):
        shutil.copy(DEPLOY / f"{name}.example", tmp_path / name)
    check([program, "-f", "compose.yml", "config", "-q"], tmp_path)


def unit(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line and line[0] != "#")


@pytest.mark.parametrize("file", SERVICES, ids=lambda file: file.name)
def test_unit(file: Path) -> None:
    found = unit(file)
    wanted = {"User": "ringback", "KillMode": "mixed", "EnvironmentFile": "/etc/ringback/ringback.env",
              "RestartPreventExitStatus": "2", "ProtectSystem": "strict", "NoNewPrivileges": "true",
              "LimitCORE": "0", "MemorySwapMax": "0",
              "MemoryMax": "2G" if "workers" in file.name else "1G"}  # fmt: skip
    assert {name: found[name] for name in wanted} == wanted
    longest = WORKER_STOP_S if "workers" in file.name else RECEIVER_STOP_S
    assert float(found["TimeoutStopSec"]) > longest
    assert found["ExecStart"].split()[1] == ("work" if "workers" in file.name else "serve")


def test_the_receiver_serves_on_the_socket_of_systemd() -> None:
    service, held = unit(SYSTEMD / "ringback-receiver.service"), unit(SYSTEMD / "ringback-receiver.socket")
    assert service["Requires"] == "ringback-receiver.socket"
    assert service["ExecStart"].endswith(" serve --fd 3")
    assert held["ListenStream"] == f"{Settings.model_fields['host'].default}:{Settings.model_fields['port'].default}"
    assert held["Accept"] == "no"


@pytest.mark.parametrize("name", [file.name for file in sorted(SYSTEMD.iterdir())])
def test_unit_by_systemd(name: str, tmp_path: Path) -> None:
    program = tool("systemd-analyze", "apt-get install systemd")
    for file in SYSTEMD.iterdir():
        text = (
            file.read_text().replace("# LoadCredential=", "LoadCredential=").replace("# Environment=", "Environment=")
        )
        (tmp_path / file.name).write_text(text.replace("/opt/ringback/bin/ringback", sys.executable))
    assert check([program, "verify", "--man=no", str(tmp_path / name)], tmp_path) == ""


@pytest.mark.parametrize(("name", "most"), [("ringback-receiver.service", 0.9), ("ringback-workers.service", 1.1)])
def test_how_exposed_a_unit_is(name: str, most: float, tmp_path: Path) -> None:
    """What is left: networks that they need, our own root folder, sockets; and for handlers what compiles."""
    program = tool("systemd-analyze", "apt-get install systemd")
    told = check([program, "security", "--offline=true", "--no-pager", str(SYSTEMD / name)], tmp_path)
    (exposure,) = re.findall(rf"Overall exposure level for {name}: (\d+\.\d+)", told)
    assert float(exposure) <= most, told


def test_a_handler_that_takes_all_memory_does_not_end_the_other_workers() -> None:
    assert unit(SYSTEMD / "ringback-workers.service")["OOMPolicy"] == "continue"


# The store


@pytest.mark.each_store
async def test_valkey_conf(tmp_path: Path) -> None:
    socket = tmp_path / "valkey.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--dir", str(tmp_path), "--logfile", "valkey.log"]
    with process([store_program(), str(DEPLOY / "valkey.conf"), *options]):
        await_store(f"unix://{socket}")
        async with Redis.from_url(f"unix://{socket}", decode_responses=True) as client:
            assert [one for one in await health.redis_checks(client) if one.grade is not Grade.OK] == []
            found = await client.config_get("*")
    embedded = command(tmp_path, socket)[1:]
    same = {
        "appendonly", "appendfsync", "no-appendfsync-on-rewrite", "auto-aof-rewrite-percentage", "save",
        "maxmemory-policy", "stream-node-max-bytes",
    }  # fmt: skip
    wanted = dict(zip((one.removeprefix("--") for one in embedded[::2]), embedded[1::2], strict=True))
    assert {name: found[name] for name in same} == {name: wanted[name] for name in same}
    assert (wanted["auto-aof-rewrite-min-size"], found["auto-aof-rewrite-min-size"]) == ("1gb", str(1024**3))


# Kubernetes


def listed() -> list[str]:
    files: list[str] = documents(KUBERNETES / "kustomization.yaml")[0]["resources"]
    return files


def pods(*files: str) -> list[tuple[str, dict[str, Any]]]:
    kinds = ("Deployment", "StatefulSet")
    return [(one["metadata"]["name"], one["spec"]["template"]) for one in manifests(*files) if one["kind"] in kinds]


SETS: Final = {
    "deployment": ("settings.yaml", "receiver.yaml", "workers.yaml", "keda.yaml", "network.yaml"),
    "spool": ("settings.yaml", "receiver-spool.yaml", "workers.yaml", "keda.yaml", "network.yaml"),
}


def test_kustomization() -> None:
    assert set(listed()) == set(SETS["deployment"])
    assert {file.name for file in KUBERNETES.iterdir()} == {*SETS["deployment"], *SETS["spool"], "kustomization.yaml"}


@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_manifests_by_their_schemas(version: str) -> None:
    if find_spec("kubernetes_validate") is None:
        pytest.skip("kubernetes-validate is not installed: make tools")
    from kubernetes_validate import validate

    for manifest in manifests(*SETS["deployment"], "receiver-spool.yaml"):
        if not manifest["apiVersion"].startswith("keda.sh/"):  # not Kubernetes's own; below
            validate(manifest, version, strict=True)


@pytest.mark.parametrize("chosen", SETS)
def test_manifests_fit_together(chosen: str) -> None:
    found = manifests(*SETS[chosen])
    names = {(one["kind"], one["metadata"]["name"]) for one in found}
    labels = {name: template["metadata"]["labels"] for name, template in pods(*SETS[chosen])}
    assert set(labels) == {"ringback-receiver", "ringback-drain", "ringback-steady"}
    for one in found:
        spec = one.get("spec", {})
        if one["kind"] in ("Deployment", "StatefulSet", "PodDisruptionBudget"):
            assert spec["selector"]["matchLabels"] == labels[one["metadata"]["name"]], one["metadata"]["name"]
        if one["kind"] == "HorizontalPodAutoscaler":
            assert (spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"]) in names
    for kind in ("Deployment", "StatefulSet"):
        for one in (one for one in found if one["kind"] == kind and one["metadata"]["name"] != "ringback-steady"):
            assert "replicas" not in one["spec"]  # an autoscaler's to say
    assert only(found, "Service")["spec"]["selector"] == labels["ringback-receiver"]


@pytest.mark.parametrize("chosen", SETS)
def test_the_admin_port_stays_inside(chosen: str) -> None:
    found = manifests(*SETS[chosen])
    assert [port["targetPort"] for port in only(found, "Service")["spec"]["ports"]] == ["http"]
    (rule,) = only(found, "Ingress")["spec"]["rules"]
    assert [(path["path"], path["backend"]["service"]["port"]) for path in rule["http"]["paths"]] == [
        ("/webhooks/", {"name": "http"})
    ]


def test_only_the_ingress_controller_reaches_the_port_that_believes_it() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in manifests("network.yaml") if one["kind"] != "Ingress"}
    allowed = {rule["ports"][0]["port"]: rule.get("from") for rule in policies["ringback-receiver"]["ingress"]}
    name = "kubernetes.io/metadata.name"
    assert allowed == {
        "http": [{
            "namespaceSelector": {"matchLabels": {name: "ingress-nginx"}},
            "podSelector": {"matchLabels": {
                "app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller",
            }},
        }],
        "admin": [{"namespaceSelector": {"matchLabels": {name: "monitoring"}}}],
    }  # fmt: skip
    assert policies["ringback-receiver"]["policyTypes"] == ["Ingress", "Egress"]
    assert policies["ringback-workers"]["policyTypes"] == ["Ingress"]
    assert "ingress" not in policies["ringback-workers"]
    # The range of the pods, and not whatever is private.
    trusted = ip_network(only(manifests("settings.yaml"), "ConfigMap")["data"]["RINGBACK_TRUSTED_PROXIES"])
    assert trusted.prefixlen >= 16


@pytest.mark.parametrize(("name", "template"), pods(*SETS["deployment"], "receiver-spool.yaml"))
def test_pods(name: str, template: dict[str, Any]) -> None:
    spec = template["spec"]
    (container,) = spec["containers"]
    # Without it the Service's own variables are unknown settings, and no process starts.
    assert spec["enableServiceLinks"] is False
    # What the Pod Security Standard "restricted" asks for, which the namespace enforces, and more.
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert container["resources"]["limits"].keys() == {"memory", "ephemeral-storage"}
    assert {"hostNetwork", "hostPID", "hostIPC"} & set(spec) == set()
    assert [one["emptyDir"].keys() for one in spec["volumes"]] == [{"sizeLimit"}]
    # The image's entrypoint, which turns core dumps off, is the one that starts.
    assert "command" not in container
    assert {one["name"] for one in container["env"]} >= {"RINGBACK_TOKENS", "RINGBACK_REDIS_URL"}
    if name == "ringback-receiver":
        assert container["args"] == ["serve"]
        assert {probe: container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")} == {
            "livenessProbe": "/livez", "readinessProbe": "/livez",
        }  # fmt: skip
    else:
        assert container["args"][:2] == ["work", "--queues"]
        assert set(container["args"][2].split(",")) <= {*QUEUES, SENDS_QUEUE, POLLS_QUEUE}
        assert spec["terminationGracePeriodSeconds"] > WORKER_STOP_S


def test_every_queue_has_workers() -> None:
    served = [template["spec"]["containers"][0]["args"] for _, template in pods("workers.yaml")]
    assert {queue for args in served for queue in args[2].split(",")} == {*QUEUES, SENDS_QUEUE, POLLS_QUEUE}


@pytest.mark.parametrize(
    "commands",
    [
        pytest.param(re.findall(r"ringback work --queues (\S+)", (ROOT / "Procfile").read_text()), id="Procfile"),
        *(
            pytest.param(re.findall(r"--queues (\S+)$", file.read_text(), re.MULTILINE), id=file.name)
            for file in SERVICES
            if "--queues" in file.read_text()
        ),
    ],
)
def test_every_queue_is_served_and_sends_once(commands: list[str]) -> None:
    served = [queue for command in commands for queue in command.split(",")]
    assert (set(served), served.count(SENDS_QUEUE)) == ({*QUEUES, SENDS_QUEUE, POLLS_QUEUE}, 1)


def test_the_two_receivers_differ_in_the_spool_alone() -> None:
    ((_, plain),), ((_, spooling),) = pods("receiver.yaml"), pods("receiver-spool.yaml")
    (without,), (with_,) = plain["spec"]["containers"], spooling["spec"]["containers"]
    assert without["env"].pop() == {"name": "RINGBACK_SPOOL", "value": "off"}
    assert with_["volumeMounts"].pop() == {"name": "spool", "mountPath": "/var/lib/ringback"}
    assert plain == spooling
    (claim,) = only(manifests("receiver-spool.yaml"), "StatefulSet")["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "spool"


def test_keda_looks_at_our_stream() -> None:
    found = manifests("keda.yaml")
    scaled = only(found, "ScaledObject")["spec"]
    assert scaled["scaleTargetRef"] == {"name": "ringback-drain"}
    assert scaled["minReplicaCount"] >= 1
    (trigger,) = scaled["triggers"]
    metadata = trigger["metadata"]
    assert trigger["type"] == "redis-streams"
    assert (metadata["stream"], metadata["consumerGroup"]) == (Keys("ringback").events, HANDLERS_GROUP)
    assert int(metadata["lagCount"]) > 0
    assert "pendingEntriesCount" not in metadata
    assert trigger["authenticationRef"]["name"] == only(found, "TriggerAuthentication")["metadata"]["name"]
