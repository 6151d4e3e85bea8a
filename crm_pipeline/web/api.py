"""The JSON routes of the product."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/api")
