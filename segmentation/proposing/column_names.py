"""What column names suggest: ids, counts, codes, orders, prices.

These are guesses for a proposal that a person reads. What a column's values suggest is in
segmentation/proposing/roles.py.
"""

import re

_PERSON = (
    "customer|client|user|member|account|subscriber|person|household|buyer|shopper|visitor|guest|patient|"
    "donor|cust|kunden?|klant|cliente?|contact"
)
_ID = "id|ids|no|nr|num|number|nummer|key|code|uuid|guid|ref"
_CUSTOMER = re.compile(rf"({_PERSON})s?(unique)?({_ID})?")
_ANY_ID = re.compile(rf"({_ID}|row|index|unnamed)")
_CODE = re.compile(r"(zip|postal|postcode|plz|phone|tel|fax|lat|lon|latitude|longitude|iban|year|birth)")
_COUNTED = re.compile(
    "purchas|order|complain|visit|item|product|return|count|qty|quantit|total|kids|child|login|call|session|"
    "click|day|month|week|tenure|age$|ages|number|frequen|basket|ticket|contact|campaign|opened|score"
)
_ORDER = re.compile(rf"(order|invoice|transaction|basket|receipt|ticket|bill|purchase|booking)s?({_ID})?")
_QUANTITY = re.compile(r"(order|item)?(quantity|qty|units|pieces|items|menge|anzahl)")
_PRICE = re.compile(r"(unit|item|product)?(price|preis|cost)")
_AMOUNT = re.compile(
    r".*(amount|revenue|total|sales|value|spend|spent|spending|paid|payment|turnover|umsatz|betrag)"
)


def split_words(name: str) -> list[str]:
    """The words of a column name, in lower case.

    >>> split_words("CustomerID (shop_1)")
    ['customer', 'id', 'shop', '1']
    """
    # Camel case too: CustomerID has the words customer and id.
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+", name)
    return [word.casefold() for word in words]


def rank_as_id(name: str) -> int:
    """How likely a name is the customer's id, from 0 to 3.

    3: customer and id (`customer_id`); 2: either of them (`customer`, `id`); 1: some id (`row_no`).
    """
    words = split_words(name)
    compact = "".join(words)
    if customer := _CUSTOMER.fullmatch(compact):
        return 3 if customer[3] else 2
    if compact in ("id", "uuid", "guid"):
        return 2
    return 1 if words and _ANY_ID.fullmatch(words[-1]) else 0


def is_code_name(name: str) -> bool:
    """Does the name suggest a code or a place, whose numbers are not amounts?"""
    return any(_CODE.fullmatch(word) for word in split_words(name))


def is_count_name(name: str) -> bool:
    """Does the name suggest a count?"""
    return _COUNTED.search("".join(split_words(name))) is not None


def infer_order_part(name: str) -> str | None:
    """order, quantity, price or amount, if the name suggests one of them."""
    compact = "".join(split_words(name))
    kinds = {"order": _ORDER, "quantity": _QUANTITY, "price": _PRICE, "amount": _AMOUNT}
    return next((kind for kind, pattern in kinds.items() if pattern.fullmatch(compact)), None)
