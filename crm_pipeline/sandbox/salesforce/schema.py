"""Which objects and fields an org has, and how describe shows them.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Any

BASE_MS = 1_780_272_000_000
"""2026-06-01T00:00:00Z; every generated moment lies before it."""
DAY_MS = 86_400_000
LEAD_STATUSES = (
    ("Open - Not Contacted", "Open"), ("Working - Contacted", "Working"), ("Nurturing", "In Pflege"),
    ("Closed - Converted", "Converted"), ("Closed - Not Converted", "Closed"),
)  # fmt: skip
"""Value and label: an org may rename what people see, the value stays."""
OUTREACH = (("Replied", "Has replied"), ("No answer", "Silent"), ("Do not contact", "Do not contact"))
OPTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "Lead.Status": LEAD_STATUSES,
    "Lead.Rating": (("Hot", "Hot"), ("Warm", "Warm"), ("Cold", "Cold")),
    "Lead.LeadSource": (("Web", "Web"), ("Phone Inquiry", "Phone Inquiry"), ("Other", "Other")),
    "Contact.LeadSource": (("Web", "Web"), ("Phone Inquiry", "Phone Inquiry"), ("Other", "Other")),
    "Lead.Outreach_Status__c": OUTREACH,
    "Contact.Outreach_Status__c": OUTREACH,
    "Contact.Journey__c": (("1", "First talk"), ("2", "Customer")),
}

_SYSTEM = {
    "Id": "id", "IsDeleted": "boolean", "MasterRecordId": "reference", "CreatedDate": "datetime",
    "LastModifiedDate": "datetime", "SystemModstamp": "datetime",
}  # fmt: skip
_PERSON = {
    "FirstName": "string", "LastName": "string", "Name": "string", "Email": "email", "Phone": "phone",
    "MobilePhone": "phone", "Fax": "phone", "Title": "string", "LeadSource": "picklist", "Description": "textarea",
    "OwnerId": "reference", "LastActivityDate": "date", "Outreach_Status__c": "picklist", "Region__c": "string",
    "Score__c": "double", "Brochure__c": "base64", "Depot__c": "location",
}  # fmt: skip
OBJECTS: dict[str, dict[str, str]] = {
    "Lead": {
        **_SYSTEM, **_PERSON, "Company": "string", "Status": "picklist", "Rating": "picklist", "Country": "string",
        "Address": "address", "IsConverted": "boolean", "ConvertedDate": "date", "ConvertedContactId": "reference",
        "ConvertedAccountId": "reference",
    },
    "Contact": {
        **_SYSTEM, **_PERSON, "AccountId": "reference", "HomePhone": "phone", "OtherPhone": "phone",
        "AssistantPhone": "phone", "MailingCountry": "string", "MailingAddress": "address", "Journey__c": "picklist",
    },
    "Account": {**_SYSTEM, "Name": "string", "Phone": "phone"},
    "User": {
        "Id": "id", "Name": "string", "Email": "email", "IsActive": "boolean", "UserType": "picklist",
        "SystemModstamp": "datetime",
    },
    "Group": {"Id": "id", "Name": "string", "Email": "email", "Type": "picklist", "SystemModstamp": "datetime"},
}  # fmt: skip
"""Every standard and custom field by object, with its type."""
PARENTS: dict[str, dict[str, tuple[str, ...]]] = {
    "Lead": {"Owner": ("Name", "Type", "Email")},
    "Contact": {"Owner": ("Name", "Email", "IsActive"), "Account": ("Name",)},
}
"""What a query may ask of a parent. A lead's owner is a user or a queue, and offers only what both have."""
PREFIXES = {"Lead": "00Q", "Contact": "003", "Account": "001", "User": "005", "Group": "00G"}
REFERENCED = {"OwnerId": ["User"], "AccountId": ["Account"], "ConvertedContactId": ["Contact"]}
UNFILTERABLE = frozenset({"textarea", "base64", "address", "location"})

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHECK = string.ascii_uppercase + "012345"


def record_id(kind: str, number: int) -> str:
    """The 18 characters of an id. Ids of one object sort, by code point, in the order they were made."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _DIGITS[rest] + digits
    short = f"{PREFIXES[kind]}Ax{digits:0>10}"
    marks = (
        sum(1 << place for place, sign in enumerate(short[start : start + 5]) if sign.isupper()) for start in (0, 5, 10)
    )
    return short + "".join(_CHECK[mark] for mark in marks)


@dataclass(frozen=True, slots=True)
class Filled:
    """A custom field that says something in every record."""

    name: str

    def value(self, number: str) -> str:
        return f"{self.name[:-3].lower()} of {number[9:15]}"


def definition(kind: str, name: str, type_: str) -> dict[str, Any]:
    """One entry of `fields` in a describe answer."""
    custom = name.endswith("__c")
    picklist = [
        {"value": value, "label": label, "active": True, "defaultValue": False}
        for value, label in OPTIONS.get(f"{kind}.{name}", ())
    ]
    return {
        "name": name, "label": name.removesuffix("__c").replace("_", " "), "type": type_, "custom": custom,
        "calculated": False, "nillable": name != "Id", "createable": name not in _SYSTEM,
        "updateable": name not in _SYSTEM, "filterable": type_ not in UNFILTERABLE,
        "sortable": type_ not in UNFILTERABLE, "length": 255, "precision": 0, "scale": 0, "picklistValues": picklist,
        "restrictedPicklist": False, "referenceTo": REFERENCED.get(name, []),
        "relationshipName": name[:-2] if name in REFERENCED else None,
        "polymorphicForeignKey": (kind, name) == ("Lead", "OwnerId"),
        "compoundFieldName": {"Country": "Address", "MailingCountry": "MailingAddress"}.get(name),
        "nameField": name == "Name", "deprecatedAndHidden": False,
    }  # fmt: skip
