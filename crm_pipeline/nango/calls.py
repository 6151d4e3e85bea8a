"""One call to Nango from beginning to end: pacing, sending, judging, trying again. Shared by the API and the proxy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from crm_pipeline.errors import ConfigError, NangoError, PipelineError, ProviderError
from crm_pipeline.nango.answers import UNREADABLE_TRIES, Answer, ReadRefusal, check_shape, classify
from crm_pipeline.nango.limits import Clock, Rate, TokenBucket
from crm_pipeline.nango.retry import Failure, LostTime, RetryPolicy, attempt_until_done
from crm_pipeline.nango.transport import NoAnswer, RawAnswer, Transport

AGENT = "crm-pipeline"
BUDGET_SHARE = 0.9
"""Of Nango's calls a minute; the rest is left to whoever shares the account."""


class Hidden(str):
    """A secret that is sent as it is, and shown by no `repr` of what holds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'[secret]'"


@dataclass(frozen=True, slots=True)
class Call:
    """What to send, and how to read what comes back."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    name: str
    """What messages call it: never with ids, queries or keys."""
    shape: tuple[str, ...] = ()
    through_proxy: bool = False
    read_refusal: ReadRefusal | None = None
    nothing: tuple[int, ...] = ()
    """Statuses with an empty body that mean "no rows"."""


class Line:
    """The line to Nango that all calls of one client share; thread safe."""

    def __init__(
        self, transport: Transport, secret_key: str, *, policy: RetryPolicy, budget: TokenBucket | None, clock: Clock
    ) -> None:
        if not secret_key or not fits_header(secret_key):
            raise ConfigError("invalid_setting", "NANGO_SECRET_KEY is empty or has characters no key has")
        self.policy = policy
        self.clock = clock
        self.headers: Mapping[str, str] = {
            "Authorization": Hidden(f"Bearer {secret_key}"),
            "Accept-Encoding": "gzip",
            "User-Agent": AGENT,
        }
        self._transport = transport
        self._secret = Hidden(secret_key)
        self._budget = budget
        self._is_budget_learnt = budget is None

    def __repr__(self) -> str:
        return "Line()"

    def new_lost_time(self) -> LostTime:
        """A fresh allowance of time that failures may cost."""
        return LostTime(self.policy.total_wait)

    def run(
        self,
        attempt: Callable[[], Answer | Failure],
        lost: LostTime,
        refresh: Callable[[], None] | None = None,
    ) -> Answer:
        """Attempts until done, by the policy."""
        return attempt_until_done(attempt, policy=self.policy, clock=self.clock, lost=lost, refresh=refresh)

    def attempt(self, call: Call, pace: TokenBucket | None = None) -> Answer | Failure:
        """Send once, then judge. Whoever's limit was hit, everybody who shares it pauses."""
        for bucket in (pace, self._budget):
            if bucket is not None:
                bucket.take()
        raw = self._transport.send(call.method, call.target, call.headers, call.body)
        if isinstance(raw, RawAnswer) and self._is_budget_learnt:
            self._learn_budget(raw, call)
        outcome = no_answer(raw, call) if isinstance(raw, NoAnswer) else self._judge(raw, call)
        if isinstance(outcome, Failure) and outcome.error.code == "rate_limited":
            self._pause(self._budget if isinstance(outcome.error, NangoError) else pace, outcome.error)
        return outcome

    def close(self) -> None:
        """Close the kept-alive connections."""
        self._transport.close()

    def _learn_budget(self, raw: RawAnswer, call: Call) -> None:
        """Nango says its calls a minute with every answer; no word of it means no limit.

        Through the proxy the header may be the CRM's own, unless Nango kept the CRM's headers to itself: then the
        answer has a length.
        """
        limit = raw.headers.get("x-ratelimit-limit", "")
        is_nangos = not call.through_proxy or (200 <= raw.status < 300 and "content-length" in raw.headers)
        if not is_nangos or not limit.isascii() or not limit.isdigit() or int(limit) == 0:
            return
        rate = Rate(int(limit) / 60 * BUDGET_SHARE, max(1, int(limit) // 10))
        if self._budget is None or self._budget.rate != rate:
            self._budget = TokenBucket(rate, clock=self.clock)

    def _judge(self, raw: RawAnswer, call: Call) -> Answer | Failure:
        # An echo of our own request must not reach a message or a table.
        body = raw.body.replace(self._secret.encode(), b"[secret]")
        if raw.status in call.nothing and not body.strip():
            return Answer(raw.status, raw.headers, b"", call.name)
        if not 200 <= raw.status < 300:
            failure = classify(
                raw.status,
                raw.headers,
                body,
                now=self.clock.now(),
                call=call.name,
                through_proxy=call.through_proxy,
                read_refusal=call.read_refusal,
            )
            if failure is not None:
                return failure
        answer = Answer(raw.status, raw.headers, body, call.name)
        if not call.shape:
            return answer
        return check_shape(answer, call.shape, through_proxy=call.through_proxy, read_refusal=call.read_refusal)

    def _pause(self, bucket: TokenBucket | None, error: PipelineError) -> None:
        if bucket is not None and (wait := self.policy.wait(1, error.retry_after)) is not None:
            bucket.pause(wait)


def no_answer(reason: NoAnswer, call: Call) -> Failure:
    """A call that brought no answer. Before Nango said a word it is Nango's fault, later most likely the CRM's."""
    is_nango = not call.through_proxy or reason.kind in ("unreachable", "certificate")
    kind: type[PipelineError] = NangoError if is_nango else ProviderError
    if reason.kind in ("too_large", "unreadable"):
        text = f"{call.name} answered with a body that {reason.text}"
        can_retry = reason.kind == "unreadable"
        return Failure(kind("unexpected_response", text, can_retry=can_retry, body=reason.kind), UNREADABLE_TRIES)
    code = "nango_unavailable" if is_nango else "provider_unavailable"
    text = f"{call.name}: {'Nango' if is_nango else 'the CRM behind Nango'} {reason.text}"
    return Failure(kind(code, text, can_retry=reason.kind != "certificate", network=reason.kind))


def fits_header(value: str) -> bool:
    """Whether a value can be sent as a header, and cannot start another one."""
    return value.isascii() and value.isprintable()
