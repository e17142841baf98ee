"""What customers are worth: the feature whose sum the report shows as each segment's share.

The definition's `value` names it; without it one is taken only where its sum means something.
"""

from config.parameters import Segmentation

# ISO 4217 codes of the currencies most traded, and signs that people write instead.
CURRENCIES = frozenset((
    "USD", "EUR", "JPY", "GBP", "CNY", "AUD", "CAD", "CHF", "HKD", "SGD", "SEK", "KRW", "NOK", "NZD",
    "INR", "MXN", "TWD", "ZAR", "BRL", "DKK", "PLN", "THB", "ILS", "IDR", "CZK", "AED", "TRY", "HUF",
    "CLP", "SAR", "PHP", "MYR", "COP", "RUB", "RON", "PEN", "BHD", "BGN", "ARS", "UAH", "EGP", "NGN",
    "KES", "PKR", "BDT", "VND", "ISK", "RSD", "MAD", "KZT", "QAR", "KWD", "$", "€", "£", "¥", "₹", "₩",
    "₺", "₽", "₪", "₫", "₦", "฿", "zł", "Kč", "kr",
))  # fmt: skip


def find_value(segmentation: Segmentation) -> str | None:
    """The value feature: the definition's; of events the first sum, in money if there is one; else the first
    number with a currency as its unit. None where there is nothing of the kind."""
    if segmentation.value is not None:
        return segmentation.value
    columns = segmentation.customer_columns
    numbers = [one for one in segmentation.features if columns[one].type in ("int", "float")]
    if segmentation.summary is not None:
        numbers = [one for one in numbers if segmentation.summary.features[one].op == "sum"]
    money = [one for one in numbers if columns[one].unit in CURRENCIES]
    if money:
        return money[0]
    return numbers[0] if numbers and segmentation.summary is not None else None
