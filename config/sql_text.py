"""The text of an SQL statement: which parts are code, and which are comments, strings and quoted names.

Whether a statement is accepted is decided in config/sources.py. segmentation/rows/reading/database.py runs
it.
"""

import re

# In the order of the alternatives: comments, dollar-quoted, escape, plain and quoted texts.
_LITERAL = re.compile(
    r"--[^\r\n]*|/\*|(?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$|(?<!\w)[eE]'(?:[^'\\]|\\.|'')*'"
    r"|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`",
    re.DOTALL,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")
# Neither a cast such as ::date nor an escaped \: is a bind.
_BIND = re.compile(r"(?<![:\w\\]):(\w+)")


def _split(sql: str) -> list[tuple[str, bool]]:
    """The statement in pieces, and whether each is code."""
    pieces, position = [], 0
    while match := _LITERAL.search(sql, position):
        end = _end_of_comment(sql, match.start()) if match.group() == "/*" else match.end()
        pieces += [(sql[position : match.start()], True), (sql[match.start() : end], False)]
        position = end
    return [*pieces, (sql[position:], True)]


def _end_of_comment(sql: str, start: int) -> int:
    """Where the comment that starts here ends. PostgreSQL's comments nest."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(sql, start):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(sql)


def blank_out(sql: str) -> str:
    """The statement with comments, strings and quoted names replaced by blanks of the same length.

    >>> blank_out("SELECT 'a;b', c")
    'SELECT      , c'
    """
    return "".join(piece if is_code else " " * len(piece) for piece, is_code in _split(sql))


def escape_colons(sql: str) -> str:
    r"""The statement with colons escaped outside of code, where SQLAlchemy would take :30 for a bind.

    >>> print(escape_colons("SELECT 'at :30', :as_of"))
    SELECT 'at \:30', :as_of
    """
    pieces = _split(sql)
    return "".join(piece if is_code else _BIND.sub(r"\\:\1", piece) for piece, is_code in pieces)


def strip_semicolon(sql: str) -> str:
    """The statement without a semicolon at its end, and without the comments after it."""
    code = blank_out(sql).rstrip()
    return sql[: len(code.rstrip("; \t\r\n"))] if code.endswith(";") else sql


def list_binds(sql: str) -> list[str]:
    """The names that a statement binds with :name. A cast such as ::date is not a bind."""
    return _BIND.findall(blank_out(sql))
