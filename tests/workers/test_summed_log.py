"""The summed log: what callers can cause without end is a line a second of each name."""

from structlog.testing import capture_logs

from ringback.workers.summed_log import SummedLog


def test_a_line_a_second_of_each_name() -> None:
    now = 0.0
    lines = SummedLog(lambda: now)
    with capture_logs() as logs:
        for number in range(5):
            lines.error("voice.no_handler", event_id=str(number))
        lines.warning("voice.too_late", event_id="5")
        lines.look()
        now = 1.0
        lines.look()
        lines.look()
        lines.error("voice.no_handler", event_id="6")
        now = 1.9
        lines.look()
        now = 2.0
        lines.error("voice.no_handler", event_id="7")
        lines.error("voice.no_handler", event_id="8")
        lines.flush()
    assert [
        (line["event"], line["log_level"], line["event_id"], line["count"]) for line in logs if "count" in line
    ] == [
        ("voice.no_handler", "error", "0", 1),
        ("voice.too_late", "warning", "5", 1),
        ("voice.no_handler", "error", "4", 4),
        ("voice.no_handler", "error", "7", 2),
        ("voice.no_handler", "error", "8", 1),
    ]
