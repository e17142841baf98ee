"""Units that are currencies: what makes a column of customers, or a sum of events, an amount of money."""

# ISO 4217 codes of the most traded currencies, and the signs people write instead.
CURRENCIES = frozenset((
    "USD", "EUR", "JPY", "GBP", "CNY", "AUD", "CAD", "CHF", "HKD", "SGD", "SEK", "KRW", "NOK", "NZD",
    "INR", "MXN", "TWD", "ZAR", "BRL", "DKK", "PLN", "THB", "ILS", "IDR", "CZK", "AED", "TRY", "HUF",
    "CLP", "SAR", "PHP", "MYR", "COP", "RUB", "RON", "PEN", "BHD", "BGN", "ARS", "UAH", "EGP", "NGN",
    "KES", "PKR", "BDT", "VND", "ISK", "RSD", "MAD", "KZT", "QAR", "KWD", "$", "€", "£", "¥", "₹", "₩",
    "₺", "₽", "₪", "₫", "₦", "฿", "zł", "Kč", "kr",
))  # fmt: skip
