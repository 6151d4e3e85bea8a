"""What people write into a phone field, taken apart: spreadsheet damage, labels, several numbers, extensions, letters.

Nothing here knows a numbering plan; `phone_plan` does.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from crm_pipeline.domain.text import visible_text

_NO_PHONE = """
    -|--|---|.|?|na|n/a|n.a.|n.a|nil|none|null|no|nan|undefined|unknown|unbekannt|keine|ninguno|aucun|tbd|tbc|tba|empty
    leer|#n/a|#value!|#error!|(blank)|[blank]|blank|xxx|x|no phone|not available|not provided|not given|no number
    kein telefon
"""
FILLERS = frozenset(re.split(r"[|\n]\s*", _NO_PHONE.strip()))
"""Ways to say that there is no phone."""

FORBIDDEN = re.compile(
    r"\b(?:do ?n[o']t|dont|never|no longer|no (?:texts?|texting|sms|calls?|messages?)"
    r"|stop|opt(?:ed)?[ -]?out|unsubscribed?|wrong|incorrect|invalid|disconnected"
    r"|bounced|dnc|dnd|out of (?:service|order)|not (?:in service|working|valid|active)|inactive|deceased"
    r"|bad n(?:umber|o|r)|nicht|falsch|ungültig|ne pas|no llamar|no contactar|faux num[eé]ro|equivocado)\b",
    re.I,
)
"""Words beside a number that forbid its use."""

OTHER_NUMBER = re.compile(
    r"(?:19|20)\d\d([-./])(?:0?[1-9]|1[0-2])\1[0-3]?\d(?:[T ].*)?$|^[0-3]?\d([-./])[0-3]?\d\2(?:19|20)\d\d(?:[T ].*)?$"
    r"|^[+-]?\d{5,}\.(?=\d*[1-9])\d{1,2}$|(?<!tel)://(?!wa\.me/)|\bwww\."
    r"|\b(?:id|acct|account|invoice|order|case|ref|reference|ticket|room|suite|box|zip|postcode|plz|tax|vat|ssn|iban"
    r"|customer|member|policy|rechnung|kunde|kundennummer|factura)\b",
    re.I,
)
"""Dates, amounts, links and numbers of other things: digits, but nobody's phone."""

_DASHES = re.compile("[\u2010-\u2015\u2043\u2212\u30fc\ufe58\ufe63\uff0d]|(?<=\\d)\\s?[\u00b7\u2022]\\s?(?=\\d)")
_QUOTED = re.compile(r"""=?(["'])(.*)\1|'(.*)""", re.DOTALL)
_FLOAT = re.compile(r"(\+?\d{5,17})[.,]0+")
_THOUSANDS = re.compile(r"\+?\d{1,3}(?:,\d{3}){2,}|\+?\d{1,3}(?:\.\d{3}){2,},0+")
_EXPONENT = re.compile(r"\+?(\d)(?:[.,](\d*))?[eE]\+?(\d{1,2})")

_SCHEME = re.compile(r"(?:tel|callto|sms|whatsapp|phone|(?:https?://)?wa\.me/)(?::(?://)?|(?<=/))\s*(?=[+\d(])", re.I)
_FAX = r"(?:tele)?fax(?:e)?|f"
_LABEL_WORDS = """
    telephone|telefono|teléfono|telefone|telefon|telefoon|téléphone|téléfono|tele|tel|tlf|tlph|phone|phn|ph
    number|no|mobile phone|mobile|mobiltelefon|mobiltel|mobil|mobiel|móvil|movil|mob|mbl|cellulare|cellular
    cellphone|celular|cell|cel|portable|handy|natel|gsm|whats ?app|wa|sms|text|work|home|office|main
    direct line|direct|desk|business|private|personal|büro|buero|geschäftlich|privat|arbeit|zentrale|bureau
    domicile|oficina|casa|trabajo|lavoro|ufficio|day|night|evening|primary|secondary|other|call|contact|hq
    vm|voice|landline|festnetz|fixe|fijo|тел|моб|电话|手机|電話|携帯|전화
"""
_WORDS = re.sub(r"\s*\n\s*", "|", _LABEL_WORDS.strip())
_LETTERS = "t|m|p|c|h|o|w|d|b"
_LABEL = re.compile(
    rf"(?P<open>[(\[])\s*(?:(?P<fax1>{_FAX})|{_WORDS}|{_LETTERS})\s*[.:]?\s*[)\]]"
    rf"|(?<![^\W\d_])(?<!\d-)(?:(?P<fax2>(?:tele)?fax)|{_WORDS})(?![^\W\d_]|-context)\.?(?P<colon>\s*[:=])?"
    rf"|(?<!\w)(?:(?P<fax3>f)|{_LETTERS})(?P<colon2>\s*[:=]|\.(?=\s*[+(\d]))",
    re.I,
)
_BETWEEN_NUMBERS = re.compile(
    r"[\n\r|]+|;(?!\s*(?:(?:isub|phone-context)\s*=|(?:e?xt|extn|extension|x|dw|durchwahl|poste|ramal)\b))(?!\s*\d{1,6}\s*$)"
    r"|(?<=[\d)\s])\s*(?:&|\b(?:or|and|und|oder|ou|et|y|e|o|u|og|och|eller|i|lub|of|en|или|и)\b)\s*(?=[+(\d])"
    r"|(?<=\d)\s*(?=\+\s*\d)",
    re.I,
)
_MORE_THAN_DIGITS = re.compile(r"[^\d +().,/-]", re.ASCII)
SOFT_SEPARATOR = re.compile(r"\s*[/\\,]\s*")
"""Between two numbers, or inside one (`030/123456`): the numbering plan decides."""

_EXTENSION = re.compile(
    r"(?<=[\d)\s,;.(-])[\s,;(-]*"
    r"(?:(?:extensi[oó]n|extn|ext|xtn|xt|durchwahl|dw|nebenstelle|apparat|app|poste|interno|int|anexo|ramal|toestel"
    r"|tst|anknytning|ankn|lokal|wewn?|доб|вн|内线|内線|내선)\s*[.:=]?\s*-?"
    r"|[x\u00d7#~]\.?:?\s*|\s*[pw]\s*|(?<=[,;])(?=\s*\d{1,6}\D*$))"
    r"\s*(\d{1,9})\s*#?\s*\)?",
    re.I,
)
_HASH_SUFFIX = re.compile(r"(?<=\d)[- ]+(\d{1,6})#")
_MASK = re.compile(r"[*•●_?█]{2,}|(?<![^\W\d_])([a-z])\1{2,}(?![^\W\d_])|(?<=[\d\s-])x{2,}", re.I)
_BRAZIL_CARRIER = re.compile(r"\(?\s*0?\s*xx\s*(?=\d\d)", re.I)
_TRUNK = re.compile(r"(?<=\d)\s*[(\[]0[)\]]")
_GROUP = re.compile(r"\d+")
_PUNCTUATION = re.compile(r"[\s().\[\]/\\~,:;'\"-]+")
_EDGE_WORDS = re.compile(r"^[^+\d(]+(?=\(?[+\d])|(?<=\d)[\s()\[\],.:;'\"-]+[^\d+*#]*$")
_FEWEST_LETTERS = 3
_KEYPAD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")
_VANITY = re.compile(r"\+?[ .(-]*((?:\d[ .()-]*){3,})([ .-]?[A-Za-z][A-Za-z\d .()-]*)")
_FREEPHONE = re.compile(r"(?:1?8(?:00|33|44|55|66|77|88)|0?800|1800|1300)$")


@dataclass(frozen=True, slots=True)
class Piece:
    """One number of a field, as written, without its label."""

    text: str
    is_fax: bool = False


@dataclass(frozen=True, slots=True)
class Spelling:
    """What a piece says to dial: digits (`+` first if written), other readings in the order to try, an extension."""

    digits: tuple[str, ...]
    extension: str | None = None
    vanity: str | None = None
    groups: tuple[str, ...] = ()
    """The digits as grouped by the writer."""


def tidy(text: str) -> str:
    """ASCII digits, plain dashes and pluses, no invisible marks, no quotes around a spreadsheet cell."""
    lines = "\n".join(map(visible_text, text.splitlines()))
    if not lines.isascii():
        lines = "".join(map(_ascii, lines))
        lines = _DASHES.sub("-", lines)
    lines = lines.strip()
    quoted = _QUOTED.fullmatch(lines)
    return (quoted[2] or quoted[3] or "").strip() if quoted else lines


def _ascii(character: str) -> str:
    """Decimal digits of any script, full-width signs and letters as ASCII."""
    if "\uff01" <= character <= "\uff5e":
        return chr(ord(character) - 0xFEE0)
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)


def repair_spreadsheet(text: str) -> str | None:
    """The digits of a cell that a spreadsheet turned into a number; None if it rounded digits away.

    `4155552671.0` and `4,155,552,671` lose nothing. `4.155552671E+9` has all ten digits, `4.15555E+09` six of ten.
    """
    if whole := _FLOAT.fullmatch(text):
        return whole[1]
    if _THOUSANDS.fullmatch(text):
        return re.sub(r",0+$", "", text).replace(".", "").replace(",", "") if "." in text else text.replace(",", "")
    exponent = _EXPONENT.fullmatch(text)
    if exponent is None:
        return text
    digits, places = exponent[1] + (exponent[2] or ""), int(exponent[3]) + 1
    if len(digits) < places or digits[places:].strip("0"):
        return None
    return digits[:places]


def pieces(text: str) -> list[Piece]:
    """The numbers of a field, split where only a separator can stand; `/` and `,` are left in."""
    if not _MORE_THAN_DIGITS.search(text) and text.count("+") < 2:
        return [Piece(text)]
    found = [Piece(part, is_fax) for chunk, is_fax in _labelled(_SCHEME.sub("", text)) for part in _separate(chunk)]
    return found or [Piece(text)]


def _separate(chunk: str) -> list[str]:
    parts = (part.strip(" ,/-:") for part in _BETWEEN_NUMBERS.split(chunk))
    return [part for part in parts if part]


def _labelled(text: str) -> list[tuple[str, bool]]:
    """Chunks of text between labels, each with whether its label says fax.

    `Tel: 1 Fax: 2` labels what follows, `1 (fax)` what went before; a bare word follows the text's own habit.
    """
    labels = list(_LABEL.finditer(text))
    if not labels:
        return [(text, False)]
    starts_with_label = not re.search(r"\d", text[: labels[0].start()])
    leads = starts_with_label or bool(re.search(r"\d", text[labels[-1].end() :]))
    chunks: list[tuple[str, bool]] = []
    begin, is_fax = 0, False
    for label in labels:
        says_fax = bool(label["fax1"] or label["fax2"] or label["fax3"])
        before = text[begin : label.start()]
        if label["colon"] or label["colon2"] or (leads and not label["open"]) or not re.search(r"\d", before):
            chunks.append((before, is_fax))
            is_fax = says_fax or (is_fax and not re.search(r"\d", before))
        else:
            chunks.append((before, is_fax or says_fax))
            is_fax = False
        begin = label.end()
    chunks.append((text[begin:], is_fax))
    return [(chunk, fax) for chunk, fax in chunks if chunk.strip(" ,;/-:.")]


def spell(text: str, region: str | None) -> Spelling | str:
    """What one piece says to dial, or the reason why that cannot be told."""
    extension = None
    if "phone-context" in text:
        text = re.sub(r"(.*?);phone-context=(\+[\d.()-]+).*", r"\2\1", text)
    text = re.sub(r";isub=.*", "", text)
    if region == "BR":
        text = _BRAZIL_CARRIER.sub("0", text) if _BRAZIL_CARRIER.match(text) else text
    if not text.translate(_NUMBER_SIGNS).isdigit():
        text, extension = _take_extension(text)
    if "@" in text or not re.search(r"\d", text):
        return "phone_masked" if _MASK.search(text) and "@" not in text else "phone_not_a_number"
    if _MASK.search(text):
        return "phone_masked"
    bare = _EDGE_WORDS.sub("", text).strip()
    digits = _digits(bare)
    if digits is None:
        vanity = _vanity(text)
        return Spelling((), extension, vanity) if vanity else "phone_unclear"
    without_trunk = _digits(_TRUNK.sub("", bare))
    spelled = (digits,) if without_trunk in (None, digits) else (digits, without_trunk or "")
    return Spelling(spelled, extension, _vanity(text) if bare != text else None, tuple(_GROUP.findall(bare)))


_NUMBER_SIGNS = str.maketrans("", "", " +().-/\\[]")


def _take_extension(text: str) -> tuple[str, str | None]:
    for pattern in (_EXTENSION, _HASH_SUFFIX):
        for found in pattern.finditer(text):
            if found.end() == len(text) and re.search(r"\d.*\d", text[: found.start()]):
                return text[: found.start()], found[1]
    return text, None


def _digits(text: str) -> str | None:
    """`+` and digits only; None if anything else but punctuation is between them."""
    plus = "+" if re.match(r"[\s(\[]*\+", text) else ""
    digits = _PUNCTUATION.sub("", re.sub(r"^[\s(\[]*\++", "", text))
    return plus + digits if digits.isascii() and digits.isdigit() else None


def _vanity(text: str) -> str | None:
    """Letters dialled by the keypad (`1-800-FLOWERS`, `415-555-CALL`), not a name after a number that lacks digits.

    At least three letters after an area code, or after area code and exchange; outside freephone also in capitals
    and all one word, since `212-2671 Bob` and `650 253 Anna` would be somebody else's number.
    """
    found = _VANITY.fullmatch(text.strip())
    if found is None or sum(map(str.isalpha, found[2])) < _FEWEST_LETTERS:
        return None
    head, tail = "".join(_GROUP.findall(found[1])), found[2]
    is_freephone = _FREEPHONE.match(head) is not None
    is_spelled_out = (
        len(head.removeprefix("1")) in (3, 6) and tail[:1] != " " and found[1][-1:] != " " and tail.isupper()
    )
    return _digits(text.strip().upper().translate(_KEYPAD)) if is_freephone or is_spelled_out else None
