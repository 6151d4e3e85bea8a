"""What the API takes and answers, exactly."""

from __future__ import annotations
