"""Detecting the encoding of a file from its bytes, for a proposal that a person reads.

A run decodes with the encoding that the definition declares. Delimiters and decimal marks are detected in
segmentation/proposing/dialects.py.
"""

import codecs
import re
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

CHUNK = 1 << 20
MOST_SAMPLED = 1 << 16  # bytes with the high bit set, and their neighbours, that the choice is based on
# Bytes that are control characters in Latin-1. Windows-1252 has quotes and the euro sign there, and five
# of them undefined.
_WINDOWS, _GAPS = re.compile(rb"[\x80-\x9f]"), re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
# No encoding has quotes or delimiters within its characters, so these end a field.
_FIELD_ENDS = re.compile(rb"[\r\n\t,;\"]+")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fc]")
# How many of the characters beyond ASCII must be common ones of the language.
_LEAST_COMMON = 0.8
# Characters of the names that columns usually have.
_HEADERS = {
    "gbk": frozenset("订单编号客户名称下时间日期数量价总金额商品产用姓省市地区类别支付会员购买"),
    "big5": frozenset("訂單編號客戶名稱下時間日期數量價總金額商品產用姓省市地區類別支付會員購買"),
    "cp949": frozenset("주문번호고객이름일자시간수량단가금액상품구매결제회원지역총매출날짜"),
}


def detect_encoding(file: BinaryIO) -> str:
    """The encoding of a stream, read once chunk by chunk: utf-8 unless a byte contradicts it."""
    chunk = file.read(CHUNK)
    if chunk[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    wide = _detect_wide(chunk)
    if wide is not None:
        return wide
    # Incremental, because a character may be cut by the end of a chunk.
    decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    legacy = _LegacySample()
    while chunk:
        legacy.add(chunk)
        decoder = _decode_chunk(decoder, chunk)
        chunk = file.read(CHUNK)
    decoder = _decode_chunk(decoder, b"", is_last=True)
    return "utf-8" if decoder is not None else legacy.detect()


def _decode_chunk(
    decoder: codecs.IncrementalDecoder | None, chunk: bytes, is_last: bool = False
) -> codecs.IncrementalDecoder | None:
    """The decoder after one more chunk. None once the text is not what it decodes."""
    if decoder is not None:
        try:
            decoder.decode(chunk, is_last)
        except UnicodeDecodeError:
            return None
    return decoder


def _detect_wide(head: bytes) -> str | None:
    """UTF-16 without a byte order mark: every other byte of its ASCII characters is NUL."""
    pairs = len(head) // 2
    if pairs < 2 or b"\0" not in head:
        return None
    nuls = {"utf-16-le": head[1::2].count(0), "utf-16-be": head[::2].count(0)}
    encoding = max(nuls, key=lambda name: nuls[name])
    return encoding if nuls[encoding] > 0.3 * pairs and nuls[encoding] > 10 * min(nuls.values()) else None


class _LegacySample:
    """Fields with bytes beyond ASCII, by which the encoding of a file that is not Unicode is recognised."""

    def __init__(self) -> None:
        self._sample = bytearray()
        self._last = b""  # of a chunk: the field may go on in the next one
        self._has_windows = self._has_gaps = False

    def add(self, chunk: bytes) -> None:
        """Look at one more chunk of the file."""
        if chunk.isascii():
            return
        self._has_gaps = self._has_gaps or _GAPS.search(chunk) is not None
        self._has_windows = self._has_windows or _WINDOWS.search(chunk) is not None
        if len(self._sample) < MOST_SAMPLED:
            *fields, last = _FIELD_ENDS.split(self._last + chunk)
            self._last = last[-MOST_SAMPLED:]
            self._sample += b"".join(field + b"\n" for field in fields if not field.isascii())

    def detect(self) -> str:
        """One of East Asia or Cyrillic, or a western encoding."""
        sample = bytes(self._sample + self._last)
        scripts = [encoding for encoding, measure in _SCRIPTS.items() if measure(sample) >= _LEAST_COMMON]
        if scripts:
            return min(scripts, key=lambda encoding: _rank(sample, encoding))
        return "latin-1" if self._has_gaps or not self._has_windows else "cp1252"


class _Decoded(NamedTuple):
    """The fields of a sample that decode, without ASCII. Empty if more than one in fifty does not."""

    text: str
    failures: int


def _decode(sample: bytes, encoding: str) -> _Decoded:
    texts, failures = [], 0
    fields = sample.splitlines()
    for field in fields:
        try:
            texts.append(field.decode(encoding))
        except UnicodeDecodeError:
            failures += 1
    text = "".join(character for character in "".join(texts) if not character.isascii())
    return _Decoded(text if failures * 50 <= len(fields) else "", failures)


def _rank(sample: bytes, encoding: str) -> tuple[int, int]:
    """Smaller for likelier ones of several encodings: Chinese of few characters looks Korean, too."""
    decoded = _decode(sample, encoding)
    return decoded.failures, -len(set(decoded.text) & _HEADERS.get(encoding, frozenset()))


def _share(text: str, encoding: str, leads: range) -> float:
    """Share of characters whose first byte of two is that of a common character of the encoding."""
    codes = [character.encode(encoding) for character in text]
    return sum(len(code) == 2 and code[0] in leads for code in codes) / len(codes) if codes else 0.0


def _measure_japanese(sample: bytes) -> float:
    """Share of kana and of the first 2,965 kanji. Text without any kana is taken for Chinese."""
    text = _decode(sample, "cp932").text
    if len(_KANA.findall(text)) * 20 < len(text):
        # Short kanji headers have no kana, but as Chinese they would be rare characters.
        return _share(text, "cp932", range(0x88, 0x98)) if _measure_chinese(sample) < 0.5 else 0.0
    kana = _share(text, "cp932", range(0x81, 0x84))
    return kana + _share(text, "cp932", range(0x88, 0x98))


def _measure_korean(sample: bytes) -> float:
    """Share of the 2,350 common syllables. Chinese uses these bytes too, but others as well."""
    text = _decode(sample, "cp949").text
    share = _share(text, "cp949", range(0xB0, 0xC9)) if len(text) >= 4 else 0.0
    return share if share > 0.97 else 0.0


def _measure_chinese(sample: bytes) -> float:
    """Share of the first 3,755 characters and of full-width punctuation."""
    text = _decode(sample, "gbk").text
    # In western text an accented letter and the letter after it may form a pair by chance.
    pairs = [character for character in text if min(character.encode("gbk")) >= 0xA1]
    if not text or len(pairs) < _LEAST_COMMON * len(text):
        return 0.0
    return _share("".join(pairs), "gbk", range(0xB0, 0xD8)) + _share("".join(pairs), "gbk", range(0xA1, 0xA4))


def _measure_traditional(sample: bytes) -> float:
    """Share of the 5,401 frequent characters of Big5, of which western text may form one, as from °C."""
    text = _decode(sample, "big5").text
    return _share(text, "big5", range(0xA4, 0xC7)) if len(set(text)) >= 4 else 0.0


def _measure_cyrillic(sample: bytes) -> float:
    """Share of high bytes that are Russian letters next to another one. Accents are rarely neighbours."""
    high = len(re.findall(rb"[\x80-\xff]", sample))
    letters = sum(map(len, re.findall(rb"[\xc0-\xff\xa8\xb8]{3,}", sample)))
    return letters / high if high >= 4 else 0.0


# Tried in this order: each is stricter about bytes that the next ones would accept too.
_SCRIPTS: dict[str, Callable[[bytes], float]] = {
    "cp932": _measure_japanese,
    "cp949": _measure_korean,
    "gbk": _measure_chinese,
    "big5": _measure_traditional,
    "cp1251": _measure_cyrillic,
}
