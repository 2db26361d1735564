"""Who buys in the demo: departments of four companies, and the merchants that they go to."""

from __future__ import annotations

from typing import Final, NamedTuple


class Office(NamedTuple):
    """A department. `weight`: its share of requests; `room`: its limit in months of its own spending."""

    organization: str
    id: str
    name: str
    currency: str
    zone: str
    weight: float
    room: float


OFFICES: Final = (
    # One hot department, as in real exports: 62 % of a city council's purchases are of one of 14.
    Office("northwind", "field-service", "Field Service", "USD", "America/Chicago", 65, 0.88),
    Office("northwind", "logistics", "Logistics", "USD", "America/Chicago", 9, 1.4),
    Office("northwind", "marketing", "Marketing", "USD", "America/Chicago", 5, 0.7),
    Office("northwind", "it", "IT", "USD", "America/Chicago", 4, 1.5),
    Office("helix-labs", "research", "Research", "EUR", "Europe/Berlin", 7, 1.3),
    Office("helix-labs", "clinical-trials", "Clinical Trials", "EUR", "Europe/Berlin", 4, 0.75),
    Office("helix-labs", "administration", "Administration", "EUR", "Europe/Berlin", 2, 1.6),
    Office("castle-arts", "productions", "Productions", "GBP", "Europe/London", 5, 1.2),
    Office("castle-arts", "front-of-house", "Front of House", "GBP", "Europe/London", 3, 1.5),
    Office("kita-denki", "sales", "営業部", "JPY", "Asia/Tokyo", 4, 1.3),
    Office("kita-denki", "engineering", "技術部", "JPY", "Asia/Tokyo", 2, 1.1),
)

# Merchant, ISO 18245 category, usual amount in US dollars.
MERCHANTS: Final = (
    ("Shell", "5541", 62),
    ("Uber", "4121", 24),
    ("Delta Air Lines", "3058", 410),
    ("Marriott", "3509", 245),
    ("Staples", "5943", 48),
    ("Amazon Business", "5969", 71),
    ("Home Depot", "5200", 118),
    ("Grainger", "5085", 190),
    ("AWS", "7372", 640),
    ("GitHub", "7372", 84),
    ("Blue Bottle Coffee", "5814", 14),
    ("Chipotle", "5814", 31),
    ("FedEx", "4215", 57),
    ("Hertz", "3357", 176),
    ("Sigma-Aldrich", "5047", 330),
    ("Screwfix", "5251", 43),
    ("Pret A Manger", "5814", 12),
    ("Eurostar", "4112", 150),
)
ODD_MERCHANTS: Final = (
    ("Lucky Star Casino", "7995"),
    ("Bijou Brennan", "5944"),
    ("CoinGate", "6051"),
    ("Night Owl Electronics", "5732"),
)
# What one unit of the currency is worth, roughly.
DOLLARS: Final = {"USD": 1.0, "EUR": 1.1, "GBP": 1.3, "JPY": 0.0067}
