"""Who is told when a task fails or a run takes too long: a webhook, people by mail, or both, as the installation chose."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from airflow.sdk import Connection

from placard_dags.chosen import CHOSEN

TIMEOUT_SECONDS = 10


def message(context: Mapping[str, Any], what: str) -> dict[str, Any]:
    """What is sent, as one JSON object: `text` for people (Slack, Mattermost and Teams show it), the rest for programs.

    what: `failed` or `late`. The day is "" in a run without a partition key.
    """
    run, task = context.get("dag_run"), context.get("ti") if what == "failed" else None
    dag = getattr(run or context.get("dag"), "dag_id", "")  # of a run without a task left, Airflow gives the DAG and the run's id alone
    day, run_id = getattr(run, "partition_key", None) or "", getattr(run, "run_id", "") or context.get("run_id", "")
    name = f"{dag}.{task.task_id}" if task else dag
    why = str(context.get("exception") or "")[:500] if task else f"The run had not ended after {CHOSEN['run_hours']} hours."
    log = getattr(task, "log_url", "") if task else ""
    text = " ".join(part for part in (f"Placard: {name} {what}", f"for {day}." if day else ".", why, log) if part).replace(" .", ".")
    return {
        "text": text, "event": what, "dag": dag, "run": run_id, "day": day,
        "task": task.task_id if task else "", "reason": why, "log": log, "links": CHOSEN["links"],
    }  # fmt: skip


def tell(context: Mapping[str, Any], what: str) -> None:
    """Sends to everyone who is to be told. Whoever cannot be reached does not keep the others from it: the first error is raised last."""
    said, errors = message(context, what), []
    for way in (post, mail):
        try:
            way(said)
        except Exception as error:  # Airflow logs what a callback raises
            errors.append(error)
    if errors:
        raise errors[0]


def post(said: dict[str, Any]) -> None:
    """POSTs the message to the connection `webhook_connection`: its host (an address, or a name with schema and port), its password as
    bearer token. Raises OSError where it cannot be reached, ValueError for an address without http or https."""
    if not CHOSEN["webhook_connection"]:
        return
    to = Connection.get(CHOSEN["webhook_connection"])
    host = to.host or ""
    url = host if "://" in host else f"{to.schema or 'https'}://{host}{f':{to.port}' if to.port else ''}"
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"connection {CHOSEN['webhook_connection']}: host {url!r}. Write an address with http:// or https://.")
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {to.password}"} if to.password else {})}
    request = urllib.request.Request(url, json.dumps(said).encode(), headers, method="POST")
    urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS).close()


def mail(said: dict[str, Any]) -> None:
    """Mails the message to `mail_to` through the SMTP connection `mail_connection`."""
    if not CHOSEN["mail_to"]:
        return
    from airflow.providers.smtp.hooks.smtp import SmtpHook  # only where mail is chosen: the provider need not be there

    subject = f"Placard: {said['dag']} {said['task']} {said['event']} {said['day']}"
    body = "\n".join(f"{name}: {value}" for name, value in said.items() if value)
    with SmtpHook(smtp_conn_id=CHOSEN["mail_connection"]) as smtp:
        smtp.send_email_smtp(to=CHOSEN["mail_to"], subject=subject, html_content=f"<pre>{_html(body)}</pre>")


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def of_failure(context: Mapping[str, Any]) -> None:
    """A task's callback: it failed and is not tried again."""
    tell(context, "failed")


def of_late_run(context: Mapping[str, Any]) -> None:
    """A DAG's callback: its run took longer than it may. A run that failed otherwise was told of by its task."""
    if context.get("reason") == "timed_out":
        tell(context, "late")
