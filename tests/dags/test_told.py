"""Who hears of a failure, and what they are told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import StreamRequestHandler, TCPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from conftest import StandIn


@contextmanager
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server on loopback that keeps what it is sent: its address, and each body with its Authorization."""
    kept: list[dict[str, Any]] = []

    class Keeper(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kept.append(body | {"token": self.headers.get("Authorization", "")})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Keeper) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", kept
        server.shutdown()
        thread.join()


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What the chosen webhook was sent."""
    from placard_dags.chosen import CHOSEN

    with webhook() as (url, kept):
        connection = {"conn_type": "http", "host": url, "password": "secret-token"}
        monkeypatch.setenv("AIRFLOW_CONN_PLACARD_WEBHOOK", json.dumps(connection))
        monkeypatch.setitem(CHOSEN, "webhook_connection", "placard_webhook")
        yield kept


def test_a_failed_task_is_told_of_once_with_its_day_and_a_refusal_is_not(
    bag: DagBag, stand_in: StandIn, heard: list[dict[str, Any]]
) -> None:
    stand_in.fails("features validate", 3)
    bag.dags["features_daily"].test(run_conf={"day": "2026-01-18"})
    (said,) = heard
    assert (said["event"], said["dag"], said["task"], said["token"]) == ("failed", "features_daily", "validate", "Bearer secret-token")
    assert "features_daily.validate failed" in said["text"] and "exit code 3" in said["reason"]
    heard.clear()
    stand_in.fails("gate --head click", 3)
    bag.dags["rankers_daily"].test(run_conf={"day": "2026-01-18"})
    assert heard == []


def test_a_late_run_is_told_of_and_one_that_failed_is_told_of_by_its_task_alone(heard: list[dict[str, Any]]) -> None:
    from placard_dags.told import of_late_run

    run = SimpleNamespace(dag_id="features_daily", run_id="scheduled__1", partition_key="2026-01-18")
    of_late_run({"dag_run": run, "reason": "task_failure"})
    assert heard == []
    of_late_run({"dag_run": run, "reason": "timed_out"})
    (said,) = heard
    assert (said["event"], said["day"]) == ("late", "2026-01-18") and "12 hours" in said["text"]


def test_a_late_run_is_named_where_airflow_gives_no_more_than_its_dag_and_id(heard: list[dict[str, Any]]) -> None:
    from placard_dags.told import of_late_run

    of_late_run({"dag": SimpleNamespace(dag_id="quality_daily"), "run_id": "scheduled__2", "reason": "timed_out"})
    assert [(said["dag"], said["run"], said["task"]) for said in heard] == [("quality_daily", "scheduled__2", "")]
    assert heard[0]["text"].startswith("Placard: quality_daily late. The run had not ended")


def test_without_a_webhook_nothing_is_sent_and_nothing_breaks() -> None:
    from placard_dags.told import of_late_run

    of_late_run({"dag_run": None, "reason": "timed_out"})


def test_an_address_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from placard_dags.chosen import CHOSEN
    from placard_dags.told import of_late_run

    monkeypatch.setenv("AIRFLOW_CONN_PLACARD_WEBHOOK", json.dumps({"conn_type": "http", "host": "file:///etc/passwd"}))
    monkeypatch.setitem(CHOSEN, "webhook_connection", "placard_webhook")
    with pytest.raises(ValueError, match="placard_webhook"):
        of_late_run({"dag_run": None, "reason": "timed_out"})


class MailTaker(StreamRequestHandler):
    """As much of SMTP as taking one mail is: its lines go to the server's `kept`."""

    def handle(self) -> None:
        def say(line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        say("220 here")
        while line := self.rfile.readline().decode().strip():
            if line.upper() == "DATA":
                say("354 go on")
                while (text := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                    self.server.kept.append(text)  # type: ignore[attr-defined]
            say("221 bye" if line.upper() == "QUIT" else "250 fine")
            if line.upper() == "QUIT":
                return


def test_a_mail_goes_to_everyone_who_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    from placard_dags.chosen import CHOSEN
    from placard_dags.told import of_late_run

    kept: list[str] = []
    with TCPServer(("127.0.0.1", 0), MailTaker) as server:
        server.kept = kept  # type: ignore[attr-defined]
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com"}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": server.server_address[1], "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
        monkeypatch.setitem(CHOSEN, "mail_to", ["ads@example.com"])
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            of_late_run({"dag": SimpleNamespace(dag_id="quality_daily"), "run_id": "scheduled__2", "reason": "timed_out"})
        finally:
            server.shutdown()
            thread.join()
    assert "To: ads@example.com" in kept and any(line.startswith("Subject: Placard: quality_daily") for line in kept)
