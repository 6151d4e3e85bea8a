"""Why a contact is no lead now, or a phone or e-mail is not used: one code, what it means, what to do in the CRM."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """A rejection reason; `advice` is for the person who keeps the CRM."""

    code: str
    meaning: str
    advice: str


_CONTACT = (
    Reason("missing_phone", "The contact has no phone number.", "Add a phone number to the contact."),
    Reason(
        "missing_name",
        "The contact has no name. An e-mail address, a phone number or a filler such as “Unknown” is no name.",
        "Enter the person's first or last name.",
    ),
    Reason("deleted", "The contact was deleted or archived in the CRM.", "Restore the contact if that was a mistake."),
    Reason("purged", "The contact was deleted for good in the CRM.", "Create it anew if that was a mistake."),
    Reason(
        "merged_in_crm",
        "The contact was merged into another one in the CRM.",
        "Nothing: the other contact carries on.",
    ),
    Reason(
        "filtered_stage",
        "The contact's stage or status is not among those chosen for this connection.",
        "Change the stage in the CRM, or the connection's filter.",
    ),
)

_RECORD = (
    Reason(
        "unusable_key",
        "The CRM sent the record without a usable id: empty, too long, or neither text nor a whole number.",
        "Look the record up in the CRM; tell its vendor if it does have an id there.",
    ),
    Reason(
        "record_too_large",
        "The record is larger than 4 MB, even with its long fields cut.",
        "Empty the fields that hold documents or whole conversations.",
    ),
    Reason(
        "unreadable_record",
        "The CRM sent a record whose fields are not what its documentation says.",
        "Save the record again in the CRM; if it stays, report its id to the maintainers.",
    ),
)

_PHONE = (
    Reason("phone_too_short", "The number has too few digits for its country.", "Complete the number."),
    Reason(
        "phone_too_long",
        "The number has too many digits for its country.",
        "Correct the number; keep one number per field, and start it with + and the country code if it is foreign.",
    ),
    Reason(
        "phone_no_area_code",
        "The number can only be dialled locally: its area code is missing.",
        "Write the number with its area code.",
    ),
    Reason(
        "phone_invalid",
        "The number has the right length, but no such number exists in its country's numbering plan.",
        "Check the digits, and the contact's country.",
    ),
    Reason(
        "phone_unknown_country",
        "No country has the calling code that the number starts with.",
        "Correct the country code after the plus sign.",
    ),
    Reason(
        "phone_no_country",
        "The number has no country code, and the country to read it for is not known.",
        "Start the number with + and the country code, or fill in the contact's country.",
    ),
    Reason("phone_not_a_number", "The field holds text, not a phone number.", "Replace the text by a phone number."),
    Reason(
        "phone_unclear",
        "The field mixes a number with words or signs, and the digits to dial are not certain.",
        "Keep only the number in the field.",
    ),
    Reason(
        "phone_masked",
        "Digits of the number are hidden behind stars, dots or X.",
        "Enter the whole number.",
    ),
    Reason(
        "phone_lost_digits",
        "A spreadsheet rounded the number (such as 4.15555E+09): its last digits are gone.",
        "Enter the number again; format the spreadsheet's column as text before the next import.",
    ),
    Reason(
        "phone_placeholder",
        "The number is a filler: one digit repeated, or digits counted up or down.",
        "Enter the person's real number.",
    ),
    Reason(
        "phone_short_code",
        "The number is a short code or an emergency number, which is not a person's phone.",
        "Enter the person's own number.",
    ),
    Reason(
        "phone_premium_rate",
        "The number is charged at a premium; a text to it costs money and reaches no person.",
        "Enter the person's own number.",
    ),
    Reason(
        "phone_service_number",
        "The number belongs to a service (shared cost, personal redirection, pager, voicemail, company access, or"
        " freephone outside +1) that no text message can reach.",
        "Enter the person's own number, best a mobile.",
    ),
    Reason(
        "phone_marked_unusable",
        "Words beside the number say that it must not or cannot be used (“do not call”, “wrong number”).",
        "Remove the words if the number may be used after all, or else the number.",
    ),
    Reason("phone_fax", "The number is marked as a fax.", "Enter a phone number."),
)

_EMAIL = (
    Reason("email_invalid", "The text is not an e-mail address.", "Correct the address."),
    Reason("email_too_long", "The address is longer than e-mail allows.", "Correct the address."),
    Reason("email_several", "The text holds several addresses.", "Keep one address per field."),
)

REASONS: dict[str, Reason] = {reason.code: reason for reason in (*_CONTACT, *_RECORD, *_PHONE, *_EMAIL)}
"""Every reason by its code. The phone and contact codes are the `reason` of a rejected contact."""
