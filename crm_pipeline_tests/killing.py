"""Runs the real command in a process of its own, and kills it at a chosen moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

LEAD_FACTS = (
    "select account_id, id, name, phone, email, company, crm_id, crm_status, crm_stage, crm_owner, crm_inactive_reason "
    "from leads order by account_id, id"
)
IDENTITY = "select contact_id, lead_id, is_member from staging.identity_map order by contact_id"
CONTACTS = "select contact_id, state, reason, content_hash from staging.contacts order by contact_id"
LOOSE_ENDS = "select count(*) from staging.match_queue"
OPEN_RUNS = "select count(*) from sync_runs where status = 'running'"
UNBALANCED = "select count(*) from sync_runs where fetched <> created + updated + unchanged + merged + skipped"


def command(arguments: list[str], environment: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    """The command line in a new process."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "crm_pipeline.cli", *arguments],
        env={**os.environ, **environment},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def sync_killed_after(seconds: float, environment: Mapping[str, str], folder: Path) -> bool:
    """Start a sync, kill -9 it after a while; whether it was still alive then."""
    process = command(["sync", "--json"], environment, folder)
    time.sleep(seconds)
    was_alive = process.poll() is None
    if was_alive:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    return was_alive


def sync_to_the_end(environment: Mapping[str, str], folder: Path) -> None:
    """A sync that nobody disturbs; raises when it fails."""
    process = command(["sync", "--json"], environment, folder)
    out, errors = process.communicate(timeout=120)
    if process.returncode != 0:
        raise AssertionError(f"sync ended with {process.returncode}: {out.decode()[-800:]} {errors.decode()[-800:]}")
