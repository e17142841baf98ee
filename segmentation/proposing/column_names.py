"""What column names suggest: ids, counts, codes, orders, prices, kinds of time.

These are guesses for a proposal that a person reads, and never decide alone: what a column's values suggest
is in segmentation/proposing/roles.py and segmentation/proposing/event_columns.py.
"""

import re

_PERSON = (
    "customer|client|username|user|member|account|subscriber|person|household|buyer|shopper|visitor|guest|patient|"
    "donor|cust|kunden?|kd|klant|cliente?|klient|kund|contact|"
    "顧客|得意先|お客様|会員|客户|客戶|会员|會員|用户|用戶|买家|고객|회원|клиент|покупатель|zakaznik|asiakas"
)
_ID = (
    "id|ids|no|nr|num|number|nummer|nro|numero|n[oº°]|key|code|uuid|guid|ref|"
    "番号|コード|编号|編號|号|번호|код|номер"
)
# What systems call one of several ids of a customer: user_pseudo_id, Effective user ID.
_SYSTEM = (
    "unique|pseudo|anonymous|effective|external|internal|legacy|hashed|global|unified|crm|erp|web|app|"
    "shopify|stripe|loyalty|billing|billto|soldto"
)
_CUSTOMER = re.compile(rf"({_SYSTEM})?({_PERSON})s?({_SYSTEM})?(?P<id>{_ID})?")
# Romance languages put the person last: id_cliente, código do cliente. Numbers of persons are counts.
_CODED_CUSTOMER = re.compile(
    rf"(ids?|cod|code|codigo|código|codice|numero|número|n[oº°]|nr|ref)(do|de|del|della|du)?({_PERSON})|"
    rf"({_PERSON})s?username|(credit|loyalty|member|club)?(card|cc)s?({_ID})"
)
_ANY_ID = re.compile(rf"({_ID}|row|index|unnamed)")
_EMAIL = re.compile(rf"(({_PERSON}|billing|contact)s?)?(e?mail)(adress|adresse|address)?")
_PERSON_NAME = re.compile(rf"({_PERSON})s?(full)?(name|名|名称|姓名)")
_PRIVATE = re.compile(
    rf"(({_PERSON}|billing|shipping|billto|shipto|contact)s?)?(first|last|full|given|family|middle|sur|fore|nick)?"
    "(name|names)|vorname|nachname|nombre|nome|prenom|prénom|nom|apellidos?|cognome|sobrenome|姓名|氏名|이름|имя|фамилия"
)
_COUNTED = re.compile(
    "purchas|order|complain|visit|item|product|return|count|qty|quantit|total|kids|child|login|call|session|"
    "click|day|month|week|tenure|age$|ages|number|frequen|basket|ticket|contact|campaign|opened|score|rating|stars|satisf|level|rank|grade|nps|educat|members|users|seats|people"
)
_ORDER = re.compile(
    rf"(sales)?(order|invoice|transaction|trans|txn|basket|receipt|ticket|bill|purchase|booking|bestell|"
    rf"bestellung|rechnung|rechnungs|auftrag|auftrags|commande|facture|pedido|factura|ordine|fattura|"
    rf"注文|受注|伝票|订单|訂單|주문|заказ)s?({_ID})?|"
    "(id|cod|codigo|código|numero|número|n[oº°]|nr)(do|de|del|della|du|dela)?(order|commande|facture|pedido|"
    "factura|ordine|fattura)"
)
_QUANTITY = re.compile(
    "(order|item|line|lineitem|product|ordered)?(quantity|qty|units|pieces|items|menge|anzahl|stuck|stück|"
    "quantite|quantité|cantidad|quantita|quantità|aantal)(ordered|sold)?|数量|個数|件数|수량|количество|кол"
)
_PRICE = re.compile(
    "(unit|item|line|lineitem|product|net|gross|list|sales?|selling|retail)?(price|preis|stuckpreis|stückpreis|einzelpreis|prix|precio|"
    "prezzo)(each|unitaire|unitario|perunit)?|costperunit|单价|單價|単価|단가|цена"
)
_AMOUNT = re.compile(
    ".*(amount|revenue|total|sales|value|spend|spent|spending|paid|payment|turnover|umsatz|betrag|summe|"
    "montant|importe|importo|bedrag|total(due|price|paid|cost|charges?|ttc|brutto|netto))|(lineitem|line|item|order)?(subtotal|cost|gross|net)|"
    ".*(金額|金额|合計|合计|总额|總額|売上|销售额|销售金额|総額|금액|매출|сумма|выручка)"
)
# Amounts that are not revenue: parts of it, corrections to it, or money that went the other way.
_OTHER_MONEY = re.compile(
    "discount|tax|taxes|vat|mwst|shipping|freight|fee|fees|tip|tips|refund|refunded|refunds|profit|margin|"
    "balance|outstanding|duties|compare|rabatt|steuer|versand|credit|deposit|cogs|weight|rate|percent|pct|"
    "ratio|score|rating|latitude|longitude|lat|lon|lng|運費|运费|折扣|税|割引|送料|利益|利润"
)
_WHOLE_ORDER = re.compile(r".*(order|invoice|basket|grand|cart|receipt).*|total|gesamt.*|subtotal")
_LINE = re.compile(r".*(item|line|unit|product).*")
_GOOD_TIME = re.compile(
    ".*(creat|order|invoice|purchas|transact|placed|sale|sold|visit|booking|event|bestell|rechnung|commande|"
    "pedido|注文|受注|売上|下单|订单|購入|购买|交易|주문|заказ).*"
)
_BAD_TIME = re.compile(
    ".*(ship|deliver|paid|payment|updat|modif|cancel|refund|due|birth|dob|expir|regist|signup|sign|join|"
    "fulfil|process|complet|return|review|approv|export|load|sync|first|deadline|estimat|versand|liefer|"
    "geburt|发货|出荷|生日|生年|更新).*"
)
_TIME = re.compile(
    ".*(date|time|datum|fecha|jour|zeit|stamp|created|日付|日期|日時|时间|時間|날짜|дата).*|day|data|at|ts|epoch|.*日"
)
_YEAR = re.compile("year|yr|jahr|ano|año|annee|année|anno|jaar|年")
_BIRTH = re.compile("birth|born|dob|geburt|geburts|naissance|nacimiento|生年|出生")
_CODE = re.compile(
    "zip|zipcode|postal|postcode|plz|phone|tel|telephone|mobile|fax|iban|ean|sku|gtin|isbn|"
    "郵便|邮编|電話|电话"
)
_PLACE = re.compile("lat|lon|lng|latitude|longitude")
_CALENDAR = re.compile("day|dom|dow|weekday|month|week|quarter|hour|tag|monat|dayofmonth|dayofweek|月|日")


def split_words(name: str) -> list[str]:
    """The words of a column name, in lower case.

    >>> split_words("CustomerID (shop_1)")
    ['customer', 'id', 'shop', '1']
    """
    # Camel case too: CustomerID has the words customer and id.
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+|[º°]", name)
    return [word.casefold() for word in words]


def compact_name(name: str) -> str:
    """The words of a column name without anything between them: `Order ID` is orderid."""
    return "".join(split_words(name))


def rank_as_id(name: str) -> int:
    """How likely a name is the customer's id, from 0 to 3.

    3: customer and id (`customer_id`); 2: either of them (`customer`, `id`); 1: some id (`row_no`).
    """
    compact = compact_name(name)
    if customer := _CUSTOMER.fullmatch(compact):
        return 3 if customer["id"] else 2
    if _CODED_CUSTOMER.fullmatch(compact):
        return 3
    if compact in ("id", "uuid", "guid", "uid", "cid"):
        return 2
    words = split_words(name)
    return 1 if words and _ANY_ID.fullmatch(words[-1]) else 0


def is_person(name: str) -> bool:
    """Does the name say customer or the like, without the word id?"""
    customer = _CUSTOMER.fullmatch(compact_name(name))
    return customer is not None and not customer["id"]


def is_unique_person(name: str) -> bool:
    """Does the name say that this id is the one of a customer, unlike others: `customer_unique_id`?"""
    return rank_as_id(name) == 3 and "unique" in split_words(name)


def is_private_name(name: str) -> bool:
    """Does the name say that the column holds names of persons?"""
    return _PRIVATE.fullmatch(compact_name(name)) is not None


def is_email_name(name: str) -> bool:
    """Does the name say that the column holds the customer's e-mail address?"""
    return _EMAIL.fullmatch(compact_name(name)) is not None


def is_person_name(name: str) -> bool:
    """Does the name say that the column holds customers' names?"""
    return _PERSON_NAME.fullmatch(compact_name(name)) is not None


def is_count_name(name: str) -> bool:
    """Does the name suggest a count?"""
    return _COUNTED.search(compact_name(name)) is not None


def infer_order_part(name: str) -> str | None:
    """order, quantity, price or amount, if the name suggests one of them."""
    compact = compact_name(name)
    if _has_word(_OTHER_MONEY, name):
        return None
    kinds = {"order": _ORDER, "quantity": _QUANTITY, "price": _PRICE, "amount": _AMOUNT}
    return next((kind for kind, pattern in kinds.items() if pattern.fullmatch(compact)), None)


def is_other_money(name: str) -> bool:
    """Does the name suggest money or a number that is not revenue, such as a tax or a discount?"""
    return _has_word(_OTHER_MONEY, name)


def suggests_whole_order(name: str) -> bool:
    """Does the name suggest an amount of a whole order, and not of one of its lines?"""
    compact = compact_name(name)
    return _WHOLE_ORDER.fullmatch(compact) is not None and not _LINE.fullmatch(compact)


def rank_as_event_time(name: str) -> int:
    """2 for the time of an order or event, 1 for an unnamed time, 0 for a later one such as `shipped_at`."""
    compact = compact_name(name)
    if _BAD_TIME.fullmatch(compact):
        return 0
    return 2 if _GOOD_TIME.fullmatch(compact) else 1


def is_time_name(name: str) -> bool:
    """Does the name suggest a date or time?"""
    return _TIME.fullmatch(compact_name(name)) is not None or _has_word(_TIME, name)


def suggests_code(name: str) -> str | None:
    """code, place, year, birth year or part of a date, if the name suggests one. Values must agree."""
    if _has_word(_YEAR, name) and _has_word(_BIRTH, name):
        return "birth year"
    if split_words(name)[-1:] == ["long"]:
        return "place"  # the other half of lat; anywhere else the word is an adjective
    kinds = {"code": _CODE, "place": _PLACE, "year": _YEAR, "calendar": _CALENDAR}
    compact = compact_name(name)
    return next(
        (kind for kind, words in kinds.items() if _has_word(words, name) or words.fullmatch(compact)), None
    )


def _has_word(words: re.Pattern[str], name: str) -> bool:
    return any(words.fullmatch(word) for word in split_words(name))
