"""What Dagster calls a beta and is used here knowingly, without its warning at each start."""

import warnings
from collections.abc import Sequence

import dagster as dg


def linked(assets: Sequence[dg.AssetsDefinition]) -> Sequence[dg.AssetsDefinition]:
    """The assets with links to their source files, for the asset's page; beta."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        found = dg.with_source_code_references(assets)
    return [one for one in found if isinstance(one, dg.AssetsDefinition)]
