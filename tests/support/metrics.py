"""The series that a receiver shows."""

import pytest
from prometheus_client import CollectorRegistry

from ringback.receiver.admin import figures
from ringback.receiver.admin.outbox_figures import OutboxDepth, Queued
from ringback.receiver.app import make_app
from ringback.receiver.metrics import serving
from ringback.schemas.backlog import Backlog
from ringback.schemas.settings import Settings
from ringback.schemas.tally_fields import Bucket, Ran, Runs, Seconds, SendBucket, SendOutcome, Sends, SendSeconds


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Name every series that a receiver shows at /metrics."""
    registry = CollectorRegistry()
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), insecure=True)
    make_app(settings, "redis://127.0.0.1:1/0", registry)
    sent = (Sends("mocean", SendOutcome.ACCEPTED), SendSeconds("mocean"), SendBucket("mocean", 0.5))
    tally = {str(one): 1.0 for one in (Runs("h", Ran.OK), Seconds("h"), Bucket("h", 1.0), *sent)}
    outbox = OutboxDepth(2, {("mocean", "acme"): Queued(1, 1)}, 1, 1, {"acme": 1}, is_sending=True)
    everything = figures.Shared(
        length=1, behind=Backlog(1, 1), oldest_s=1, retries=1, dead=1, quarantined=1, evicted={"acme": 1},
        workers={"events": 1}, oddities={"mocean flag": 1}, tally=tally, outbox=outbox,
        polled={"mycoolsms report": 1},
    )  # fmt: skip
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    families = [*registry.collect(), *figures.families(everything), figures.up(True), *serving(1, 1)]
    return {family.name + ending for family in families for ending in endings[family.type]}
