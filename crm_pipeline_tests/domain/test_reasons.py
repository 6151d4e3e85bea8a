from __future__ import annotations

import pytest

from crm_pipeline.domain.reasons import REASONS, Reason


@pytest.mark.parametrize("reason", REASONS.values(), ids=lambda reason: reason.code)
def test_every_reason_says_what_is_wrong_and_what_to_do(reason: Reason) -> None:
    assert reason.code == reason.code.lower().replace(" ", "_")
    assert len(reason.meaning) > 15
    assert len(reason.advice) > 15
    assert reason.meaning.endswith(".")
    assert reason.advice.endswith(".")


def test_the_published_reasons_exist() -> None:
    published = {
        "missing_phone",
        "missing_name",
        "phone_too_short",
        "phone_too_long",
        "phone_invalid",
        "filtered_stage",
        "deleted",
    }
    assert published <= REASONS.keys()
