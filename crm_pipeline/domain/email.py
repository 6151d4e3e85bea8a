"""E-mail addresses as CRMs have them. No mailbox is asked; provider habits (dots, plus tags) are not folded."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from crm_pipeline.domain.text import visible_text

_LONGEST_LOCAL = 64
_LONGEST_ADDRESS = 254
"""RFC 5321, 4.5.3.1."""

_ATOM = r"[^\s\x00-\x20\x7f()<>\[\]:;@\\,.\"]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*|\"(?:[^\"\\\r\n]|\\.)+\"")
# What nine of ten addresses look like: nothing to unwrap, lower or translate. The long way below knows the others.
_PLAIN = re.compile(
    r"([a-z0-9_-][a-z0-9_+-]{0,31}(?:\.[a-z0-9_+-]{1,31})?)"
    r"@(?!xn--)[a-z0-9]{1,31}(?:-[a-z0-9]{1,31})?(?:\.[a-z]{2,60}){1,2}"
)
_LABEL = r"[^\W_](?:[^\W_]|-|[\u0300-\u036f\u0900-\u0dff\u200c\u200d])*"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")
_WRAPPED = re.compile(r"(?:.*<\s*(?:mailto:)?([^<>]*?)\s*>|(?:mailto|e-?mail)\s*:\s*([^?\s]+)(?:\?.*)?)", re.I | re.S)
_SEVERAL = re.compile(r"\s*[;,|\n]\s*|\s+(?:or|and|/)\s+|\s*/\s*|\s+")
_TAG_OR_COUNT = re.compile(r"\+.*|[._-]?\d{1,3}$")

_ROLE_WORDS = {
    "English, and words that every language uses": """
        abuse accounting accounts admin administration administrator all billing board booking bookings
        careers compliance contact contactus customercare customerservice customersupport dev enquiries
        enquiry events everyone feedback finance frontdesk general hello help helpdesk hi hostmaster hr
        info information inquiries inquiry investors invoice invoices it jobs legal mail mailbox mailer-
        daemon management marketing media membership news newsletter no-reply noreply donotreply do-not-
        reply office operations orders partners payments payroll postmaster press privacy purchasing
        recruiting recruitment reception registrar reservations returns root sales security service
        services shop staff store subscribe support sysadmin team tech unsubscribe usenet web webmaster
        welcome
    """,
    "German, Dutch": """
        anfrage anfragen bestellung bewerbung buchhaltung buero büro datenschutz einkauf empfang kanzlei
        kontakt kundenservice poststelle praxis rechnung rechnungen redaktion rezeption sekretariat
        versand vertrieb verwaltung zentrale administratie boekhouding facturen inkoop klantenservice
        receptie secretariaat verkoop
    """,
    "French": """
        accueil achats bonjour commande commandes commercial comptabilite comptabilité contactez
        direction facturation facture recrutement rh secretariat secrétariat serviceclient ventes
    """,
    "Spanish, Portuguese": """
        administracion administración atencion atendimento ayuda citas clientes comercial compras
        contabilidad contabilidade contacto contato direccion facturacion faturamento financeiro
        gerencia hola informacion oficina pedidos recepcion recepção reservas rrhh soporte suporte
        vendas ventas
    """,
    "Italian": """
        amministrazione assistenza clienti commerciale contabilita contatti direzione fatture
        fatturazione informazioni ordini prenotazioni segreteria ufficio vendite
    """,
    "Polish, Czech, Nordic, Turkish": """
        biuro handlowy kadry ksiegowosc rekrutacja sekretariat sprzedaz zamowienia fakturace kancelar
        obchod objednavky ekonomi faktura fakturor kundservice kundeservice myynti ordre post toimisto
        bilgi destek iletisim muhasebe satis
    """,
    "said when there is none": """
        email example n/a na nobody no no-email noemail nomail none not-provided null test unknown user
    """,
}
ROLES = frozenset(word for words in _ROLE_WORDS.values() for word in words.split())
"""Mailboxes of a function, not of a person, in a dozen languages; or a stand-in that strangers share."""


class Email(NamedTuple):
    """A well-formed address, lower case. `match_key` also has its domain in Unicode, so both spellings are equal."""

    address: str
    match_key: str
    is_role: bool
    """The mailbox is a function's (`info@`, `vertrieb@`): no evidence that two contacts are one person."""


class BadEmail(NamedTuple):
    """A text that is no address; `reason` is a key of `reasons.REASONS`."""

    reason: str
    text: str


def parse_email(text: str) -> Email | BadEmail:
    """One address out of one text: `mailto:`, `Name <a@b.c>` and stray punctuation around it are left out."""
    if plain := _PLAIN.fullmatch(text):
        return Email(text, text, _is_role(plain[1]))
    if len(text) > 4 * _LONGEST_ADDRESS:
        return BadEmail("email_too_long", text)
    address = _unwrapped(text)
    local, at, domain = address.rpartition("@")
    if "@" in local and not local.startswith('"'):
        parts = split_emails(address)
        return BadEmail(
            "email_several" if len(parts) > 1 and all("@" in one for one in parts) else "email_invalid", text
        )
    domain = domain.rstrip(".").replace("\u3002", ".")
    if not (at and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain) and _has_real_labels(domain)):
        return BadEmail("email_invalid", text)
    if len(local.encode()) > _LONGEST_LOCAL or len(local) + len(domain) >= _LONGEST_ADDRESS:
        return BadEmail("email_too_long", text)
    local, domain = _lower(local), _lower(domain)
    return Email(f"{local}@{domain}", f"{local}@{_unicode_domain(domain)}", _is_role(local))


def split_emails(text: str) -> list[str]:
    """The parts of a field that holds several addresses; the field itself when it holds at most one."""
    if text.count("@") < 2 or len(text) > 100 * _LONGEST_ADDRESS:
        return [text]
    return [part for part in _SEVERAL.split(text) if part]


def _unwrapped(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        text = "".join(chr(ord(c) - 0xFEE0) if "\uff01" <= c <= "\uff5e" else c for c in visible_text(text))
    text = text.strip()
    if "@" in text and ("<" in text or ":" in text) and (wrapped := _WRAPPED.fullmatch(text)):
        text = wrapped[1] or wrapped[2] or ""
    return text.strip(" \t'`,;<>").rstrip(".:")


def _has_real_labels(domain: str) -> bool:
    labels = domain.split(".")
    return not labels[-1].isdigit() and all(len(label) <= 63 and label[-1] != "-" for label in labels)


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def _unicode_domain(domain: str) -> str:
    """`xn--mller-kva.de` as `müller.de`; a label that cannot be decoded stays."""
    if "xn--" not in domain:
        return domain
    return ".".join(map(_unicode_label, domain.split(".")))


def _unicode_label(label: str) -> str:
    if not label.startswith("xn--") or not label.isascii():
        return label
    try:
        return _lower(label[4:].encode().decode("punycode"))
    except (UnicodeError, ValueError, OverflowError):
        return label


def _is_role(local: str) -> bool:
    return local in ROLES or (not local.isalpha() and _TAG_OR_COUNT.sub("", local) in ROLES)
