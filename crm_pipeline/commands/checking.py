"""The command `check`: does all hold that must hold of the leads?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from crm_pipeline.commands import app, output
from crm_pipeline.commands.text import counted, safe
from crm_pipeline.settings import Settings

if TYPE_CHECKING:
    from crm_pipeline.walk.checks import Outcome


@click.command()
@click.option("--account", help="Only this account.")
@output.json_option
def check(account: str | None, as_json: bool) -> int:
    """Are the leads what they must be?

    What is wrong with leads ends with exit code 1; what a person should look at is only told. Examples are ids, never
    names or phones.
    """
    from crm_pipeline.walk.checks import check_account

    with app.reading(app.store(Settings.from_environment())) as session:
        accounts = app.known_accounts(session)
        app.require_account(account, accounts)
        chosen = accounts if account is None else [account]
        outcomes = [one for name in chosen for one in check_account(session, name, now=datetime.now(UTC))]
    blocking = [one for one in outcomes if one.check.is_blocking and not one.passed]
    if as_json:
        output.write_json({"success": not blocking, "checks": [one.as_dict() for one in outcomes]})
    elif not accounts:
        output.empty("There is nothing to check.", account=account, accounts=accounts)
    else:
        _tell(outcomes)
    return app.FAILED if blocking else app.DONE


def _tell(outcomes: list[Outcome]) -> None:
    screen, failed = output.console(), [one for one in outcomes if not one.passed]
    for one in failed:
        prefix, style = ("wrong  ", "bold red") if one.check.is_blocking else ("look   ", "yellow")
        name = f"{safe(one.account_id)}: {one.check.name}"
        output.told(screen, f"  {name}: {safe(one.found)} {one.check.holds}", prefix=prefix, style=style)
        for example in one.examples:
            output.told(screen, "         " + ", ".join(f"{key} {safe(value)}" for key, value in example.items()))
        output.told(screen, f"         {safe(one.action)}")
    passed = len(outcomes) - len(failed)
    output.told(screen, f"{counted(passed, 'check')} of {len(outcomes)} passed.")
