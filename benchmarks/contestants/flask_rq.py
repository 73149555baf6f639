"""What Mocean's Flask sample becomes once its work is put on a queue: read the five fields, enqueue a job an event."""

import os

from flask import Flask, request
from redis import Redis
from rq import Queue

from benchmarks.contestants.rq_jobs import QUEUE, handle
from benchmarks.dlr import PATH
from benchmarks.results import CONNECTION_COUNTS

# A connection a thread: redis-py would refuse the 101st.
connection = Redis.from_url(os.environ["BENCH_REDIS_URL"], max_connections=max(CONNECTION_COUNTS))
queue = Queue(QUEUE, connection=connection)
app = Flask(__name__)


def get_delivery_report() -> tuple[str, int]:
    """Queue the report, and only then answer."""
    data = request.form
    queue.enqueue(
        handle,
        data["mocean-to"],
        data["mocean-from"],
        data["mocean-dlr-status"],
        data["mocean-msgid"],
        data["mocean-error-code"],
    )
    return "", 204


# Not `@app.route`, so that the types also check where Flask is not installed.
app.add_url_rule(PATH, view_func=get_delivery_report, methods=["PUT"])
