"""What an answer means: `classify`, one pure function over status and body together, and `Answer`, what callers get.

Status alone says little. Nango reports an unknown connection as 400, a dead one as 424, a CRM it could not find as 400,
and passes on the CRM's own errors beside its own. An answer is Nango's when `error` is an object whose `code` is one of
Nango's; everything else behind the proxy is the CRM's, which its provider may read first (`ReadRefusal`).
Source: the Nango server, controllers `proxy` and `connection`, and its rate-limit middleware (version 0.71).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crm_pipeline.errors import NangoError, PipelineError, ProviderError
from crm_pipeline.nango.bodies import (
    BadBody,
    describe,
    describe_document,
    error_words,
    read_json,
    read_object,
    safe_text,
)
from crm_pipeline.nango.cases import case_of
from crm_pipeline.nango.retry import Failure, read_retry_after

UNREADABLE_TRIES = 3
"""A 200 that is no page of records is asked for at most twice again: gateway pages pass, a changed API stays."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A CRM's error as its provider file reads it. `connection_expired` with `can_retry`: a fresh token may help."""

    code: str
    message: str
    can_retry: bool = False
    retry_after: float | None = None
    action: str | None = None
    reason: str | None = None
    """The CRM's own code; kept in the error's facts, for a provider that has an answer to it."""


ReadRefusal = Callable[[int, Mapping[str, str], object], Refusal | None]
"""From status, headers (lower-case names), and parsed body (None when not JSON) to a refusal, or None: judge by status.

Also asked about a 2xx whose body lacks the keys the caller needs, since some CRMs report errors with 200.
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer. Behind the proxy most headers are missing and 201 to 207 may arrive as 200: judge by the body."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    call: str = field(default="the call", repr=False)
    parsed: dict[str, Any] | None = field(default=None, repr=False, compare=False)

    def object(self, *required: str) -> dict[str, Any]:
        """The JSON object in the body, having the `required` keys; else ProviderError `unexpected_response`."""
        if self.parsed is not None and all(key in self.parsed for key in required):
            return self.parsed
        found = read_object(self.body, required)
        if isinstance(found, BadBody):
            raise ProviderError("unexpected_response", f"{self.call} answered {self.status} with {found.text}")
        return found


def classify(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime,
    call: str = "the call",
    through_proxy: bool = True,
    read_refusal: ReadRefusal | None = None,
) -> Failure | None:
    """What is wrong with an answer and what may be tried; None for 2xx, whose bodies `check_shape` judges.

    `call` names what was attempted in the message; `now` reads a `Retry-After` date; without `through_proxy`
    every error is Nango's.
    """
    if 200 <= status < 300:
        return None
    document = _document_or_none(body)
    facts = _Facts(status, headers, body, document, call, through_proxy, read_retry_after(headers, now))
    if status < 400:
        return facts.failure("unexpected_response", "a redirect, which is never followed")
    return _nango_failure(facts) or _network_failure(facts) or _refused(facts, read_refusal) or _by_status(facts)


def check_shape(
    answer: Answer, shape: tuple[str, ...], *, through_proxy: bool = True, read_refusal: ReadRefusal | None = None
) -> Answer | Failure:
    """The answer with its body parsed, or why it is not an object with the keys in `shape`."""
    found = read_object(answer.body, shape)
    if not isinstance(found, BadBody):
        return Answer(answer.status, answer.headers, answer.body, answer.call, found)
    facts = _Facts(
        answer.status, answer.headers, answer.body, _document_or_none(answer.body), answer.call, through_proxy, None
    )
    if facts.document is not None and (refused := _refused(facts, read_refusal)) is not None:
        return refused
    return facts.failure("unexpected_response", found.text, can_retry=True, tries=UNREADABLE_TRIES)


@dataclass(frozen=True, slots=True)
class _Facts:
    """An answer with everything that helps to read it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    document: object
    call: str
    through_proxy: bool
    retry_after: float | None

    def failure(
        self,
        code: str,
        meaning: str,
        *,
        can_retry: bool = False,
        tries: int | None = None,
        refresh: bool = False,
        retry_after: float | None = None,
        action: str | None = None,
        is_nango: bool = False,
        nango_code: str | None = None,
        reason: str | None = None,
    ) -> Failure:
        """A failure whose message says what was attempted and what came back."""
        is_nango = (is_nango or not self.through_proxy) and code in NangoError.codes
        kind: type[PipelineError] = NangoError if is_nango else ProviderError
        error = kind(
            code,
            f"{self.call} answered {self.status}: {meaning}",
            action=action,
            can_retry=can_retry,
            retry_after=self.retry_after if retry_after is None else retry_after,
            status=self.status,
            nango_code=nango_code,
            reason=reason,
        )
        return Failure(error, tries, refresh)

    @property
    def words(self) -> str:
        """What the body says, masked; Nango's own answers about connections may hold credentials and are not quoted."""
        if words := error_words(self.document):
            return words
        if not self.through_proxy:
            return "no explanation"
        return describe(self.body) if self.document is None else describe_document(self.document, ("message",))


def _document_or_none(body: bytes) -> object:
    try:
        return read_json(body)
    except ValueError:
        return None


def _nango_failure(facts: _Facts) -> Failure | None:
    """Nango's own errors: `{"error": {"code", "message"}}` with a code of Nango's; an empty 500 is its own too."""
    if facts.status == 500 and not facts.body.strip():
        return facts.failure("nango_unavailable", "an empty body", can_retry=True, is_nango=True)
    error = facts.document.get("error") if isinstance(facts.document, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(error, dict) or not isinstance(code, str):
        return None
    said = str(error.get("message") or "")
    if (case := case_of(code, facts.status, said)) is None:
        return None
    asked = facts.retry_after
    return facts.failure(
        case.code,
        f"{case.meaning} ({code}: {safe_text(said)})" if said else f"{case.meaning} ({code})",
        can_retry=case.can_retry,
        tries=case.tries,
        retry_after=asked if case.at_least is None else max(asked or 0.0, case.at_least),
        action=case.action,
        is_nango=not case.is_crm,
        nango_code=code,
    )


def _network_failure(facts: _Facts) -> Failure | None:
    """Nango had no answer from the CRM: 500 with `{"message", "code": "ECONNREFUSED", "method"}` and no `error`."""
    document = facts.document
    if not facts.through_proxy or facts.status != 500 or not isinstance(document, dict) or "error" in document:
        return None
    if not {"message", "method"} <= document.keys():
        return None
    code = safe_text(str(document.get("code") or "no code"))
    return facts.failure("provider_unavailable", f"Nango could not reach the CRM ({code})", can_retry=True)


def _refused(facts: _Facts, read_refusal: ReadRefusal | None) -> Failure | None:
    """The CRM's error as its provider reads it."""
    if read_refusal is None or not facts.through_proxy:
        return None
    refusal = read_refusal(facts.status, facts.headers, facts.document)
    if refusal is None:
        return None
    refresh = refusal.code == "connection_expired" and refusal.can_retry
    return facts.failure(
        refusal.code,
        safe_text(refusal.message),
        can_retry=refusal.can_retry and not refresh,
        refresh=refresh,
        retry_after=refusal.retry_after,
        action=refusal.action,
        reason=refusal.reason,
    )


def _by_status(facts: _Facts) -> Failure:
    """An error that nobody recognised, judged by its status."""
    status = facts.status
    if not facts.through_proxy:
        return _by_status_of_nango(facts)
    if status == 401:
        return facts.failure("connection_expired", facts.words, refresh=True)
    if status == 403:
        return facts.failure("missing_scope", facts.words)
    if status == 429:
        return facts.failure("rate_limited", facts.words, can_retry=True)
    if status == 423:
        return facts.failure(
            "provider_unavailable", facts.words, can_retry=True, retry_after=max(facts.retry_after or 0, 2)
        )
    if status in (408, 425, 477) or (status >= 500 and status not in (501, 505)):
        return facts.failure("provider_unavailable", facts.words, can_retry=True)
    return facts.failure("unexpected_response", facts.words)


def _by_status_of_nango(facts: _Facts) -> Failure:
    """Nango's API without Nango's error shape: another server at that address, or a gateway before Nango."""
    status = facts.status
    if status in (401, 403):
        return facts.failure("nango_unauthorized", facts.words)
    if status == 429:
        return facts.failure("rate_limited", facts.words, can_retry=True)
    if status in (408, 425) or status >= 500:
        return facts.failure("nango_unavailable", facts.words, can_retry=True)
    return facts.failure(
        "unexpected_response", facts.words, action="Check that NANGO_HOST is the address of Nango's API."
    )
