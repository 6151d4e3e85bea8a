from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.domain.email import BadEmail, Email, parse_email, split_emails
from crm_pipeline.domain.reasons import REASONS


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ann@example.com", "ann@example.com"),
        ("Ann.Lee@Example.COM", "ann.lee@example.com"),
        (" ann@example.com ", "ann@example.com"),
        ("mailto:ann@example.com", "ann@example.com"),
        ("MAILTO:ann@example.com?subject=Hi", "ann@example.com"),
        ("Ann Lee <ann@example.com>", "ann@example.com"),
        ('"Lee, Ann" <ann@example.com>', "ann@example.com"),
        ("<ann@example.com>", "ann@example.com"),
        ("ann@example.com;", "ann@example.com"),
        ("ann@example.com.", "ann@example.com"),
        ("'ann@example.com'", "ann@example.com"),
        ("ann\u200b@example.com", "ann@example.com"),
        ("ann\uff20example.com", "ann@example.com"),
        ("ann+crm@example.com", "ann+crm@example.com"),
        ("a.n.n@gmail.com", "a.n.n@gmail.com"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("ann_lee-1@sub.example.co.uk", "ann_lee-1@sub.example.co.uk"),
        ("1@example.com", "1@example.com"),
        ('"ann lee"@example.com', '"ann lee"@example.com'),
        ("用户@例子.公司", "用户@例子.公司"),
        ("Ann@Müller.de", "ann@müller.de"),
        ("ann@xn--mller-kva.de", "ann@xn--mller-kva.de"),
    ],
)
def test_addresses(text: str, address: str) -> None:
    email = parse_email(text)
    assert isinstance(email, Email)
    assert email.address == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "email_invalid"),
        ("ann", "email_invalid"),
        ("@example.com", "email_invalid"),
        ("ann@", "email_invalid"),
        ("ann@example", "email_invalid"),
        ("ann@example..com", "email_invalid"),
        ("ann@.com", "email_invalid"),
        ("ann..lee@example.com", "email_invalid"),
        (".ann@example.com", "email_invalid"),
        ("ann.@example.com", "email_invalid"),
        ("ann lee@example.com", "email_invalid"),
        ("ann@exam ple.com", "email_invalid"),
        ("ann@-example.com", "email_invalid"),
        ("ann@example-.com", "email_invalid"),
        ("ann@example.123", "email_invalid"),
        ("ann@[127.0.0.1]", "email_invalid"),
        ("ann@lee@example.com", "email_invalid"),
        ("a@example.com, b@example.com", "email_several"),
        ("n/a", "email_invalid"),
        ("+1 415 555 2671", "email_invalid"),
        ("a" * 65 + "@example.com", "email_too_long"),
        ("ann@" + "a." * 130 + "com", "email_too_long"),
        ("x" * 5000 + "@example.com", "email_too_long"),
    ],
)
def test_what_is_no_address(text: str, reason: str) -> None:
    assert parse_email(text) == BadEmail(reason, text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann@Example.com", "ann@example.COM"),
        ("ann@müller.de", "ann@xn--mller-kva.de"),
        ("ann@MÜLLER.de", "ann@mu\u0308ller.de"),
        ("Ann Lee <ann@example.com>", "mailto:ann@example.com"),
    ],
)
def test_spellings_of_one_mailbox_share_a_key(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann.lee@gmail.com", "annlee@gmail.com"),
        ("ann+a@example.com", "ann@example.com"),
        ("ann@straße.de", "ann@strasse.de"),
        ("ann@example.com", "ann@example.org"),
    ],
)
def test_provider_habits_are_not_folded(one: str, other: str) -> None:
    assert key(one) != key(other)


@pytest.mark.parametrize(
    "local",
    ["info", "INFO", "sales", "support", "info+web", "info2", "kontakt", "vertrieb", "büro", "accueil", "ventas",
     "atendimento",
     "segreteria", "verkoop", "biuro", "kancelar", "kundservice", "bilgi", "no-reply", "noreply",
     "noemail", "postmaster"],
)  # fmt: skip
def test_role_mailboxes(local: str) -> None:
    email = parse_email(f"{local}@example.com")
    assert isinstance(email, Email)
    assert email.is_role


@pytest.mark.parametrize(
    "local", ["ann", "information.smith", "salesha", "infante", "j.support", "mailman", "itay", "42"]
)
def test_personal_mailboxes(local: str) -> None:
    email = parse_email(f"{local}@example.com")
    assert isinstance(email, Email)
    assert not email.is_role


def test_several_addresses_of_one_field() -> None:
    assert split_emails("a@x.co; b@x.co,c@x.co d@x.co") == ["a@x.co", "b@x.co", "c@x.co", "d@x.co"]
    assert split_emails("Ann Lee <a@x.co>") == ["Ann Lee <a@x.co>"]


LOCAL = st.from_regex(r"[a-z0-9_+-]{1,12}(\.[a-z0-9_+-]{1,12})?", fullmatch=True)
DOMAIN = st.from_regex(r"[a-z0-9]{1,12}(-[a-z0-9]{1,8})?(\.[a-z]{2,8}){1,2}", fullmatch=True)


@given(LOCAL, DOMAIN)
def test_the_short_way_agrees_with_the_long_one(local: str, domain: str) -> None:
    """Spaces around send the same address the long way."""
    plain = f"{local}@{domain}"
    assert parse_email(plain) == parse_email(f" {plain} ") or domain.startswith("xn--")


@given(st.text(max_size=60) | st.from_regex(r"\S{0,9}@\S{0,9}\.\S{0,5}", fullmatch=True))
def test_any_text_is_an_address_or_has_a_reason(text: str) -> None:
    email = parse_email(text)
    if isinstance(email, BadEmail):
        assert email.reason in REASONS
        assert email.text == text
    else:
        again = parse_email(email.address)
        assert isinstance(again, Email)
        assert (again.address, again.match_key) == (email.address, email.match_key)


def key(text: str) -> str:
    email = parse_email(text)
    assert isinstance(email, Email)
    return email.match_key
