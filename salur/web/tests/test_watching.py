"""What an operator sees of the server, and what nobody may see in its log."""

import json
import logging

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from salur.lib.logs import JsonLines, Words
from salur.web import watching

NIK = "9935110101000017"


def test_health_tells_a_stranger_that_the_server_works_and_nothing_else(db, client):
    answer = client.get("/health/")
    assert (answer.status_code, sorted(answer.json())) == (200, ["ok", "version"])


def test_without_its_database_the_server_says_when_to_ask_again(db, client, monkeypatch):
    class Gone:
        def cursor(self):
            raise OperationalError("connection refused")

    monkeypatch.setattr(watching, "connection", Gone())
    answer = client.get("/health/")
    assert (answer.status_code, answer.json()["wrong"], answer.headers["Retry-After"]) == (503, "database", "5")


def lines_of(answer):
    return [line for line in answer.content.decode().splitlines() if not line.startswith("#")]


def test_metrics_count_what_the_boards_count(office, client):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE programmes_stage SET deadline = current_date WHERE id = %s", [office.stage])
    lines = lines_of(client.get("/metrics"))
    assert f'salur_entitlements{{stage="{office.stage_code}"}} 11.0' in lines
    assert "salur_phones_enrolled 0.0" in lines
    assert any(line.startswith("salur_disk_free_bytes") for line in lines)


def test_requests_are_counted_by_the_name_of_their_address(office, client):
    client.get(f"/realisasi/{NIK}/")
    text = client.get("/metrics").content.decode()
    assert 'route="realisasi/<str:stage>/"' in text
    assert NIK not in text


@pytest.mark.parametrize(
    ("headers", "token", "status"),
    [
        ({}, "", 200),
        ({"X-Forwarded-For": "203.0.113.9"}, "", 404),
        ({}, "s3cret", 404),
        ({"Authorization": "Bearer s3cret"}, "s3cret", 200),
        ({"Authorization": "Bearer s3cre"}, "s3cret", 404),
    ],
)
def test_metrics_are_for_who_watches(db, client, monkeypatch, headers, token, status):
    monkeypatch.setenv("SALUR_METRICS_TOKEN", token)
    assert client.get("/metrics", headers=headers).status_code == status


def raised(work):
    try:
        work()
    except Exception as error:  # noqa: BLE001  whatever it is shall be written down
        return logging.LogRecord(
            "django.request", logging.ERROR, "", 0, "%s: %s", ("x", NIK), (type(error), error, error.__traceback__)
        )
    raise AssertionError("nothing was raised")


def test_an_error_is_written_down_without_its_words(db):
    def parse():
        int(f"NIK {NIK}")

    record = raised(parse)
    line = json.loads(JsonLines().format(record))
    assert line["error"]["type"] == "builtins.ValueError"
    assert any("parse" in frame for frame in line["error"]["frames"])
    assert NIK not in json.dumps(line)
    assert NIK not in Words().format(record)


def test_a_refusal_of_the_database_names_the_constraint_and_not_the_row(office):
    def twice():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO danom_entitlement SELECT * FROM danom_entitlement WHERE stage = %s LIMIT 1", [office.stage]
            )

    with pytest.raises(IntegrityError):
        twice()
    line = json.loads(JsonLines().format(raised(twice)))
    assert line["error"]["sqlstate"] == "23505"
    assert line["error"]["constraint"].startswith("danom_entitlement")
    assert str(office.entitlements[0]) not in json.dumps(line)


def test_a_page_that_breaks_leaves_its_route_and_no_address(office, client, caplog, monkeypatch):
    client.raise_request_exception = False
    monkeypatch.setattr("salur.web.watching.shutil.disk_usage", lambda path: int("x" + NIK))
    with caplog.at_level(logging.WARNING):
        assert client.get(f"/metrics?nik={NIK}").status_code == 500
    lines = [JsonLines().format(record) for record in caplog.records]
    assert any('"event": "broke"' in line and '"route": "metrics"' in line for line in lines)
    assert NIK not in "".join(lines)
