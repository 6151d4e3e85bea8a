"""`python -m crm_pipeline.sandbox`: serve until SIGTERM or SIGINT; the first two lines of output are settings."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Sequence
from types import FrameType

from crm_pipeline.sandbox import CRMS
from crm_pipeline.sandbox.server import DEFAULT_ACCOUNTS, Sandbox

STOPS = (signal.SIGTERM, signal.SIGINT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print `NANGO_HOST=...` and `NANGO_SECRET_KEY=...`, then serve; 0 after an orderly stop."""
    parser = argparse.ArgumentParser(
        prog="python -m crm_pipeline.sandbox", description="Nango and made-up CRMs on this machine."
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same people")
    parser.add_argument("--contacts", type=int, default=1000, help="in each CRM")
    parser.add_argument("--accounts", default=",".join(DEFAULT_ACCOUNTS), help="comma-separated")
    parser.add_argument("--crms", default=",".join(CRMS), help="those of every account, comma-separated: %(default)s")
    parser.add_argument("--nango-limit", type=int, default=None, help="Nango's calls a minute; none by default")
    parser.add_argument("--hubspot-limits", action="store_true", help="enforce HubSpot's own rate limits")
    options = parser.parse_args(arguments)
    crms = _names(options.crms)
    if not crms or not set(crms) <= CRMS.keys():
        parser.error(f"--crms: choose from {', '.join(CRMS)}")
    for number in STOPS:
        signal.signal(number, _stop)
    sandbox = Sandbox(
        port=options.port, seed=options.seed, contacts=options.contacts, accounts=_names(options.accounts),
        crms=crms, nango_limit=options.nango_limit, hubspot_limits=options.hubspot_limits,
    )  # fmt: skip
    with sandbox:
        for name, value in sandbox.environment().items():
            print(f"{name}={value}", flush=True)
        threading.Event().wait()
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    """Leave `main` in an orderly way; a second signal must not disturb that."""
    for other in STOPS:
        signal.signal(other, signal.SIG_IGN)
    raise SystemExit(0)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


if __name__ == "__main__":
    raise SystemExit(main())
