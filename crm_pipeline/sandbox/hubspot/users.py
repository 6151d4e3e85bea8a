"""What people do in HubSpot, in the words that all CRMs of the sandbox share, and what its contacts say to them."""

from __future__ import annotations

from crm_pipeline.sandbox.crm import BadControl, Card, NoSuchRecord
from crm_pipeline.sandbox.hubspot.portal import HubSpotPortal, whole
from crm_pipeline.sandbox.hubspot.records import STAGES, STATUSES, Record

FIELDS = {
    "first": "firstname", "last": "lastname", "phone": "phone", "mobile": "mobilephone", "email": "email",
    "country": "country", "note": "message",
}  # fmt: skip
"""The shared word and the property that holds it; `company` is more than a property."""
MOST_ADDED = 1_000_000


class HubSpotUsers:
    """The users of one portal. Delete archives, and a restore leaves the modified date alone, as HubSpot may."""

    object_types: tuple[str, ...] = ("contact",)

    def __init__(self, portal: HubSpotPortal) -> None:
        self._portal = portal
        self._added = 0

    def add(self, *, object_type: str | None = None, **fields: str | None) -> str:
        """A new contact of somebody nobody knew; owners, statuses and stages take turns."""
        if object_type not in (None, *self.object_types):
            raise BadControl(f"HubSpot has no object type {object_type!r} here")
        with self._portal.lock:
            people = [owner for owner in self._portal.owners if not owner.archived and owner.kind == "PERSON"]
            turn, self._added = self._added, self._added + 1
            belongs = {
                "hubspot_owner_id": str(people[turn % len(people)].id),
                "hs_lead_status": STATUSES[turn % len(STATUSES)][0],
                "lifecyclestage": STAGES[turn % len(STAGES)][0],
            }
            # below zero, where no human of any first day is, and apart from those added to other portals
            human = -(self._portal.portal_id * MOST_ADDED + self._added)
            return self._portal.create(belongs | self._properties(fields), human=human)

    def edit(self, crm_id: str, *, touch: bool = True, **fields: str | None) -> None:
        """Without `touch` the modified date stays."""
        with self._portal.lock:
            self._live(crm_id)
            self._portal.edit(crm_id, self._properties(fields), touch=touch)

    def delete(self, crm_id: str) -> None:
        """Into the recycle bin."""
        self._portal.archive(crm_id)

    def restore(self, crm_id: str) -> None:
        """The modified date does not move."""
        self._portal.restore(crm_id)

    def purge(self, crm_id: str) -> None:
        """Gone from both lists."""
        self._portal.purge(crm_id)

    def merge(self, kept: str, lost: str) -> str:
        """Answers the survivor's id, which is new unless `merge_makes_new_id` is off."""
        return self._portal.merge(kept, lost)

    def rename_owner(self, crm_id: str, name: str, email: str) -> None:
        """The first word is the first name."""
        first, _, last = name.partition(" ")
        self._portal.rename_owner(self._held(crm_id, "hubspot_owner_id"), first, last, email)

    def rename_company(self, crm_id: str, name: str) -> None:
        """The associated company; the text in the contact stays."""
        self._portal.rename_company(self._held(crm_id, "associatedcompanyid"), name)

    def stamp_all(self, milliseconds: int) -> None:
        """Every live contact gets one `lastmodifieddate`."""
        self._portal.stamp_all(milliseconds)

    def add_custom_fields(self, count: int) -> None:
        """So many more custom properties, filled in every contact by an import now, which moves the modified date."""
        portal = self._portal
        with portal.lock:
            first = len(portal.custom) + 1
            names = [f"custom_field_{number:04d}" for number in range(first, first + count)]
            for name in names:
                portal.add_property(name, label=name.replace("_", " ").capitalize())
            filled = {name: f"value of {name}" for name in names}
            for number in list(portal.live):
                portal.edit(number, filled)

    def set_lag(self, seconds: float) -> None:
        """For search alone: the list shows a change at once."""
        self._portal.index_lag = seconds

    def cards(self) -> dict[str, Card]:
        """Every live contact as it should arrive."""
        with self._portal.lock:
            return {str(number): self._card(record) for number, record in self._portal.live.items()}

    def _properties(self, fields: dict[str, str | None]) -> dict[str, str | None]:
        unknown = fields.keys() - FIELDS.keys() - {"company"}
        if unknown:
            raise BadControl(f"nothing is called {sorted(unknown)[0]!r}; there are {', '.join(FIELDS)}, company")
        properties = {FIELDS[name]: value for name, value in fields.items() if name != "company"}
        if "company" in fields:
            name = fields["company"]
            properties |= {"company": name, "associatedcompanyid": self._company_id(name) if name else None}
        return properties

    def _company_id(self, name: str) -> str:
        for number, company in self._portal.companies.items():
            if company.properties.get("name") == name:
                return str(number)
        return self._portal.create_company(name)

    def _live(self, crm_id: str) -> Record:
        record = self._portal.live.get(whole(crm_id))
        if record is None:
            raise NoSuchRecord(f"no live contact {crm_id}")
        return record

    def _held(self, crm_id: str, name: str) -> str:
        value = self._live(crm_id).properties.get(name)
        if not value:
            raise NoSuchRecord(f"contact {crm_id} has no {name}")
        return value

    def _card(self, record: Record) -> Card:
        def text(name: str) -> str | None:
            return record.properties.get(name, "").strip() or None

        def label(name: str) -> str | None:
            return dict(self._portal.options[name]).get(text(name) or "", text(name))

        owner = self._portal.owner(text("hubspot_owner_id") or "")
        owner_name = " ".join(filter(None, (owner.first, owner.last))) if owner else ""
        owner_email = owner.email or None if owner else None
        company = self._portal.companies.get(whole(text("associatedcompanyid") or ""))
        more_emails = (text("hs_additional_emails") or "").split(";")
        return Card(
            object_type="contact",
            first=text("firstname"),
            last=text("lastname"),
            phones=tuple(filter(None, (text("phone"), text("mobilephone")))),
            emails=tuple(filter(None, (text("email"), *more_emails))),
            company=(company.properties.get("name") if company else None) or text("company"),
            country=text("country"),
            owner=owner_name or owner_email,
            owner_email=owner_email,
            status=label("hs_lead_status"),
            stage=label("lifecyclestage"),
            note=text("message"),
            human=record.human,
        )
