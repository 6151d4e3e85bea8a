"""What Dagster calls a beta or a preview and is used here knowingly, without its warning at each start."""

import warnings
from collections.abc import Sequence

import dagster as dg

from crm_pipeline.defs.partitions import ACCOUNTS


def linked(assets: Sequence[dg.AssetsDefinition]) -> Sequence[dg.AssetsDefinition]:
    """The assets with links to their source files, for the asset's page; beta."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        found = dg.with_source_code_references(assets)
    return [one for one in found if isinstance(one, dg.AssetsDefinition)]


def check_by_account(name: str, *, asset: dg.AssetKey, description: str) -> dg.AssetCheckSpec:
    """A check with a result for each account, so that a healthy one does not hide a sick one; preview."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(name, asset=asset, description=description, partitions_def=ACCOUNTS)
