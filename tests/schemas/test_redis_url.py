"""RINGBACK_REDIS_URL: which are read, and what is said of the others."""

import pytest

from ringback.schemas.redis_url import Sentinels, sentinels_of, without_password

THREE = (("10.0.0.1", 26379), ("10.0.0.2", 26380), ("sentinel.example", 26379))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://10.0.0.1:6379/0", None),
        ("rediss://user:pa%2Fss@cache.example/0", None),
        ("unix:///run/valkey.sock", None),
        ("unix:///run/valkey.sock?db=2", None),
        ("redis://h", None),
        ("redis://h/?db=2&client_name=ringback&health_check_interval=30&socket_keepalive=true", None),
        ("rediss://h/0?ssl_cert_reqs=none", None),
        ("rediss://h/0?ssl_ca_certs=%2Fetc%2Fca.pem&ssl_check_hostname=false", None),
        ("redis+sentinel://10.0.0.1:26379,10.0.0.2:26380,sentinel.example/calls/2", Sentinels(THREE, "calls", 2)),
        ("redis+sentinel://10.0.0.1/calls", Sentinels((("10.0.0.1", 26379),), "calls")),
        ("redis+sentinel://[2001:db8::1]:5000/calls/0", Sentinels((("2001:db8::1", 5000),), "calls")),
        ("rediss+sentinel://h/calls/0", Sentinels((("h", 26379),), "calls", tls=True)),
        (
            "redis+sentinel://:pa%2Fs%23s@h,i/calls/0?sentinel_user=watch&sentinel_password=a%26b",
            Sentinels(
                (("h", 26379), ("i", 26379)), "calls", password="pa/s#s", sentinel_user="watch", sentinel_password="a&b"
            ),
        ),
        ("redis+sentinel://app:secret@h/calls", Sentinels((("h", 26379),), "calls", user="app", password="secret")),
    ],
)
def test_urls_that_are_read(url: str, expected: Sentinels | None) -> None:
    assert sentinels_of(url) == expected


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("localhost:6379", "no Redis URL"),
        ("http://localhost:6379", "no Redis URL"),
        ("redis://:se/cret@localhost/0", "no Redis URL"),
        ("redis://:secret@h/x", "has no number as its database; write redis://host:port/db"),
        ("redis://h/1/2", "has no number as its database"),
        ("redis://h/-1", "has no number as its database"),
        ("redis://h/99999999999", "has no number as its database"),
        ("redis://:secret#2@h/0", "no Redis URL"),
        ("redis://h/0#secret", "no Redis URL"),
        ("redis://h h/0", "no Redis URL"),
        ("unix://", "names no socket; write unix:///path"),
        ("redis://h/0?ssl_cert_reqs=none", "has ssl_cert_reqs, which is for TLS; write rediss://…, or leave it out"),
        ("rediss://h/0?ssl_cert_reqs=secret", "a wrong value for ssl_cert_reqs; write none, optional or required"),
        ("redis://h?db=secret", "a wrong value for db; write a number"),
        ("redis://h/1?db=3", "names two databases; write redis://host:port/db, without"),
        ("redis://h/0?socket_keepalive=secret", "a wrong value for socket_keepalive; write true or false"),
        ("redis://h/0?socket_timeout=0.001", "an option that is not one of redis://; behind the . write db, username"),
        ("redis://h/0?secret=x", "an option that is not one of redis://"),
        ("redis+sentinel://h:26379", "names no service"),
        ("redis+sentinel://h:26379/", "names no service"),
        ("redis+sentinel://h:26379/calls/first", "has no number as its database"),
        ("redis+sentinel:///calls/0", "a Sentinel that is no host:port"),
        ("redis+sentinel://h,,i/calls/0", "a Sentinel that is no host:port"),
        ("redis+sentinel://:secret@h:port/calls/0", "a Sentinel that is no host:port"),
        ("redis+sentinel://h/calls/0?db=1", "nothing else"),
    ],
)
def test_urls_that_are_not(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as raised:
        sentinels_of(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h:6379/0", "redis://h:6379/0"),
        ("redis://user:secret@h:6379/0", "redis://***@h:6379/0"),
        ("redis+sentinel://:secret@h,i/calls?sentinel_password=secret", "redis+sentinel://***@h,i/calls?***"),
    ],
)
def test_what_is_shown_has_no_password(url: str, shown: str) -> None:
    assert without_password(url) == shown
    assert "secret" not in repr(sentinels_of(url))
