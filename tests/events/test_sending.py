"""Where requests may go and where not: at registration, at sending, and between the two."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings

from ledger.events.addresses import check_url, is_public
from ledger.events.sending import Outcome, send
from tests.builders import refused
from tests.events.receiver import Receiver, receiver

PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::808:808", "::ffff:8.8.8.8"]
PRIVATE = [
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("192.0.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::1"),
    *("2002:a00:1::", "64:ff9b:1::a00:1", "nonsense", ""),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_of_no_public_network_are_not(address: str) -> None:
    assert not is_public(address)


def post(url: str, *, seconds: float = 5.0) -> Outcome:
    return send(url, body=b"{}", headers={"content-type": "application/json"}, seconds=seconds)


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names stand for in this test: the last address of the list for ever, those before it once each."""
    names: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def looked_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in names:
            return real(host, *args, **kwargs)
        addresses = names[host]
        address = addresses.pop(0) if len(addresses) > 1 else addresses[0]
        return real(address, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    return names


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://127.0.0.1/", "webhook_address_private"),
        ("https://localhost/", "webhook_address_private"),
        ("https://2130706433/", "webhook_address_private"),
        ("https://0x7f.1/", "webhook_address_private"),
        ("https://[::1]/", "webhook_address_private"),
        ("https://[::ffff:127.0.0.1]/", "webhook_address_private"),
        ("https://169.254.169.254/latest/meta-data/", "webhook_address_private"),
        ("http://93.184.216.34/", "webhook_not_https"),
        ("ftp://93.184.216.34/", "webhook_url_malformed"),
        ("https://user:pass@93.184.216.34/", "webhook_url_malformed"),
        ("https://93.184.216.34/#part", "webhook_url_malformed"),
        ("https://93.184.216.34:99999/", "webhook_url_malformed"),
        ("https://93.184.216.34/a b", "webhook_url_malformed"),
        ("https://93.184.216.34/\r\nX: y", "webhook_url_malformed"),
        ("https:///path", "webhook_url_malformed"),
        ("https://[::1", "webhook_url_malformed"),
        ("nonsense", "webhook_url_malformed"),
        ("https://no-such-host.invalid/", "webhook_host_unknown"),
        (f"https://{'a' * 300}.org/", "webhook_host_unknown"),
    ],
)
def test_an_address_that_is_not_allowed_is_refused_at_registration_and_at_sending(url: str, code: str) -> None:
    with refused(code):
        check_url(url)

    outcome = post(url)
    assert outcome.status is None
    assert outcome.answer.startswith(code)


def test_a_public_address_is_allowed(resolver: dict[str, list[str]]) -> None:
    resolver["hooks.example"] = ["93.184.216.34"]

    assert check_url("https://hooks.example:8443/path?x=1").port == 8443


@pytest.mark.django_db
def test_a_name_with_one_private_address_among_others_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)

    with refused("webhook_address_private"):
        check_url("https://hooks.example/")


@pytest.mark.django_db
def test_a_name_that_changes_its_address_after_registration_leads_nowhere(resolver: dict[str, list[str]]) -> None:
    with receiver() as inside:
        url = f"https://hooks.example:{inside.port}/"
        resolver["hooks.example"] = ["93.184.216.34", "127.0.0.1"]
        check_url(url)

        assert post(url).answer.startswith("webhook_address_private")
        assert not inside.received


def test_the_connection_goes_to_the_address_that_was_checked(
    resolver: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public when it is checked and private in the next moment: it is looked up once."""
    resolver["hooks.example"] = ["93.184.216.34", "127.0.0.1"]
    connected: list[str] = []

    def connect(address: tuple[str, int], *args: Any, **kwargs: Any) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError("nobody is there")

    monkeypatch.setattr(socket, "create_connection", connect)

    outcome = post("https://hooks.example/")

    assert connected == ["93.184.216.34"]
    assert outcome.answer.startswith("ConnectError")


def test_no_redirect_is_followed(hook: Receiver) -> None:
    with receiver() as inside:
        hook.status, hook.headers = 302, {"Location": inside.url}

        outcome = post(hook.url)

        assert (outcome.status, outcome.delivered) == (302, False)
        assert not inside.received


def test_no_proxy_of_the_environment_is_asked(hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

        assert post(hook.url).delivered
        assert not proxy.received


def test_an_answer_that_comes_by_drops_ends_with_the_time(hook: Receiver) -> None:
    """Each drop comes in time, all of them together do not."""

    def drip(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drops: ")
        try:
            while True:
                handler.wfile.write(b"x")
                Event().wait(0.05)
        except OSError:
            pass

    hook.answer = drip

    outcome = post(hook.url, seconds=0.5)

    assert outcome.answer.startswith("ReadTimeout")
    assert 500 <= outcome.milliseconds < 5_000


def test_of_an_endless_answer_the_beginning_is_read(hook: Receiver) -> None:
    def endless(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                handler.wfile.write(b"x" * 1000)
        except OSError:
            pass

    hook.answer = endless

    outcome = post(hook.url)

    assert (outcome.status, len(outcome.answer)) == (200, 500)


def test_a_port_where_nobody_answers_is_a_failure_and_no_crash(private_allowed: None) -> None:
    with receiver() as gone:
        url = gone.url

    assert post(url).answer.startswith("ConnectError")


def test_what_is_no_http_is_a_failure_and_no_crash(hook: Receiver, settings: Settings) -> None:
    def nonsense(handler: Any) -> None:
        handler.wfile.write(b"\x16\x03\x01 nonsense\r\n\r\n")

    hook.answer = nonsense
    assert post(hook.url).answer.startswith("RemoteProtocolError")
    # TLS spoken to a server that has none.
    assert post(hook.url.replace("http:", "https:")).status is None


def certificate(name: str, folder: Path) -> ssl.SSLContext:
    """A server's certificate for a name, signed by itself; `{folder}/cert.pem` is what to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    told = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "both.pem").write_bytes(told + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private_allowed: None) -> ssl.SSLContext:
    """The certificate of hooks.example, which this machine trusts."""
    context = certificate("hooks.example", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    return context


def test_the_name_is_what_the_server_is_asked_for_and_proves_though_an_address_is_connected_to(
    trusted: ssl.SSLContext, resolver: dict[str, list[str]]
) -> None:
    asked: list[str | None] = []
    trusted.sni_callback = lambda connection, name, context: asked.append(name)
    resolver["hooks.example"] = ["127.0.0.1"]

    with receiver(trusted) as secured:
        outcome = post(f"https://hooks.example:{secured.port}/hook")

        assert outcome.delivered, outcome
        assert asked == ["hooks.example"]
        assert secured.received[0].headers["host"] == f"hooks.example:{secured.port}"


@pytest.mark.parametrize("name", ["other.example", "127.0.0.1"])
def test_a_server_that_does_not_prove_the_name_gets_nothing(
    trusted: ssl.SSLContext, resolver: dict[str, list[str]], name: str
) -> None:
    resolver["other.example"] = ["127.0.0.1"]

    with receiver(trusted) as secured:
        outcome = post(f"https://{name}:{secured.port}/hook")

        assert outcome.status is None
        assert "CERTIFICATE_VERIFY_FAILED" in outcome.answer
        assert not secured.received
