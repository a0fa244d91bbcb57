"""The net: tells from the shape of a SQL statement which environments it would change.

It denies by default. SQLMesh writes to its two tables of environments, and to the copies that a migration makes of
them, with few kinds of statements. They are listed here, and any other statement that touches one of those tables is
refused. Reading is not protected: a statement that only selects passes.

It is a net, not a wall: it does not stop a program that hides a table's name, for instance in a database function.
Protection against malice is the job of the proxy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import sqlglot
from attrs import frozen
from sqlglot import exp

from dagctl.domain.errors import ProtectionUnknown
from dagctl.domain.values.text import printable

_MENTION = "_environment"
_TABLE = re.compile(r"(__temp_)?_environment(?P<kind>s|_statements)(?P<copy>_.*)?", re.IGNORECASE | re.DOTALL)
"""SQLMesh's tables of environments, and the copies that migrations and temporary tables make of them."""

_UNSEEN = re.compile(r"""\b(drop|alter)\s+(schema|database|owned)\b|\bu&["']""")
"""What reaches those tables without naming them: through their schema, or spelled in code points."""

_WORDS = (_MENTION, "schema", "database", "owned", "u&")

_CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into, exp.Create, exp.Drop, exp.Alter, exp.Command)


@frozen(eq=False)
class Question:
    """The environments to ask about.

    Attributes:
        names: the environments that the statement names.
        rows: if it names none, a query for the environments whose rows it affects.
    """

    names: tuple[str, ...] = ()
    rows: exp.Select | None = None


NOBODY = Question()

_EVERY = (exp.true(), exp.Literal.number(1).eq(1))
"""The conditions with which SQLMesh and its migrations mean every row."""


def questions(text: str) -> Iterator[Question]:
    """The questions to ask before sending a SQL text. A text that names none of the tables costs one search.

    Raises:
        ProtectionUnknown: it may change environments in an unknown way.
    """
    if not _is_mentioned(text):
        return
    if _UNSEEN.search(text.lower()):
        raise _unknown(text)
    try:
        statements = sqlglot.parse(text, read="postgres")
    except sqlglot.errors.SqlglotError:
        raise _unknown(text) from None
    for statement in statements:
        if statement is None:  # nothing, or a comment, between two semicolons
            continue
        if _runs_text(statement):
            raise _unknown(text)
        yield question(statement)


def question(statement: Any) -> Question:
    """The question to ask before sending a sqlglot statement.

    Raises:
        ProtectionUnknown: it touches environments in an unknown way.
    """
    if not _touches(statement):
        return NOBODY
    # by the exact type: a subclass may mean more
    found = _SHAPES.get(type(statement), _read)(statement)
    if found is None:
        raise _unknown(statement.sql("postgres"))
    return found


def expiring(statement: Any) -> Question | None:
    """The question for the statements with which the janitor finds and deletes expired environments."""
    source, where = _janitors(statement), statement.args.get("where")
    if not _column(source) or where is None:
        return None
    dated = any(column.name == "expiration_ts" for column in where.find_all(exp.Column))
    return _rows(source, where.this) if dated else None


def sparing(statement: Any, environments: Iterable[str]) -> Any:
    """The statement, without the rows of `environments`."""
    # SQLMesh drops the views of the environments that it finds here, before it deletes their rows
    column = exp.column(_column(_janitors(statement)))
    return statement.where(column.isin(*sorted(environments)).not_(), copy=True)


def _janitors(statement: Any) -> Any:
    if isinstance(statement, exp.Select):
        return _source(statement)
    return statement.this if isinstance(statement, exp.Delete) else None


def _unknown(text: str) -> ProtectionUnknown:
    return ProtectionUnknown(
        "dagctl did not send a statement about environments of a kind that this version does not know: "
        f"{printable(' '.join(text.split())[:80])}",
        outdated=True,
    )


def _is_mentioned(text: str) -> bool:
    lowered = text.lower()
    if any(word in lowered for word in _WORDS):  # the expression alone takes a second for ten megabytes
        return _MENTION in lowered or _UNSEEN.search(lowered) is not None
    return False


def _touches(statement: Any) -> bool:
    """Whether the statement mentions one of the tables, or drops or alters its schema.

    The contents of `VALUES` and `IN` are only read, and may be too long to search.
    """
    if isinstance(statement, exp.Command):  # sqlglot keeps the text of what it cannot parse
        return _is_mentioned(statement.sql("postgres"))
    kind = str(statement.args.get("kind")).upper()
    if isinstance(statement, (exp.Drop, exp.Alter)) and kind in ("SCHEMA", "DATABASE"):
        return True
    # any name, not just a table's: sqlglot reads parts of some statements as something else
    return any(
        isinstance(node.this, str) and _TABLE.fullmatch(node.this) and not isinstance(node, exp.Literal)
        for node in statement.walk(prune=lambda node: isinstance(node, (exp.Values, exp.In)))
    )


def _runs_text(statement: Any) -> bool:
    """Whether it calls a function that may run a SQL text, or sqlglot could not parse it."""
    # Anonymous: a function that sqlglot does not know, such as query_to_xml
    return any(isinstance(node, (exp.Anonymous, exp.Command)) for node in statement.walk())


def _read(statement: Any) -> Question | None:
    # a query may change rows too: `WITH gone AS (DELETE …) SELECT …`, `SELECT … INTO …`
    if not isinstance(statement, (exp.Query, exp.Describe)) or statement.find(*_CHANGES):
        return None
    return NOBODY


def _delete(statement: Any) -> Question | None:
    column = _column(statement.this)
    if not column or not _only(statement, "this", "where"):
        return None
    return _met(statement, column)


def _update(statement: Any) -> Question | None:
    column = _column(statement.this)
    if not column or not _only(statement, "this", "expressions", "where"):
        return None
    # never its name: the row would become another environment's
    plain = all(_sets_another(change, column) for change in statement.expressions)
    return _met(statement, column) if plain else None


def _sets_another(change: Any, column: str) -> bool:
    other = isinstance(change.left, exp.Column) and change.left.name.lower() != column
    return other and isinstance(change.right, (exp.Literal, exp.Boolean, exp.Null))


def _met(statement: Any, column: str) -> Question | None:
    """The question for a condition: `name = 'a' OR …`; `TRUE`; `expiration_ts <= 1 AND …`."""
    where = statement.args.get("where")
    condition = where.this if where else exp.true()
    names = _named(condition, column)
    if names:
        return Question(names)
    known = condition in _EVERY or _is_expiry(condition, column)
    return _rows(statement.this, condition) if known else None


def _named(condition: Any, column: str) -> tuple[str, ...]:
    """The names, if the condition consists of names only."""
    # not `flatten`, which does not look into parentheses, nor recursion: there may be thousands
    names, rest = [], [condition]
    while rest:
        at = rest.pop()
        if isinstance(at, exp.Or):
            rest += (at.left, at.right)
        elif isinstance(at, exp.Paren):
            rest.append(at.this)
        elif _is_name(at, column):
            names.append(at.right.this)
        else:
            return ()
    return tuple(names)


def _is_name(condition: Any, column: str) -> bool:
    return (
        isinstance(condition, exp.EQ)
        and isinstance(condition.left, exp.Column)
        and condition.left.name == column
        and isinstance(condition.right, exp.Literal)
        and condition.right.is_string
    )


def _is_expiry(condition: Any, column: str) -> bool:
    parts = list(condition.flatten()) if isinstance(condition, exp.And) else [condition]
    return all(
        (isinstance(part, exp.LTE) and part.left.name == "expiration_ts" and isinstance(part.right, exp.Literal))
        or _is_name(part, column)
        # `sparing` adds this one
        or (isinstance(part, exp.Not) and isinstance(part.this, exp.In) and _only(part.this, "this", "expressions"))
        for part in parts
    )


def _insert(statement: Any) -> Question | None:
    target = statement.this
    table = target.this if isinstance(target, exp.Schema) else target
    column, source = _column(table), statement.expression
    if not column or not _only(statement, "this", "expression"):
        return None
    if _is_copy(table) and _read(source):
        return NOBODY  # dagctl asks when the copy replaces the table
    columns = [each.name for each in target.expressions] if isinstance(target, exp.Schema) else []
    names = _inserted(source, columns.index(column)) if columns.count(column) == 1 else None
    return Question(tuple(names)) if names else None


def _inserted(source: Any, at: int) -> list[str] | None:
    """The texts in column number `at` of the values that `source` selects; None if that is not clear."""
    # SQLMesh's form: INSERT INTO t (a, …) SELECT CAST(a AS …) AS a, … FROM (VALUES (…), …) AS t(a, …)
    if isinstance(source, exp.Select):
        values = _source(source)
        if values is None or len(source.expressions) <= at:
            return None
        chosen = _bare(source.expressions[at])
        offered = [name.lower() for name in values.alias_column_names]
        if not isinstance(chosen, exp.Column) or offered.count(chosen.name.lower()) != 1:
            return None
        source, at = values, offered.index(chosen.name.lower())
    if not isinstance(source, exp.Values):
        return None
    cells = [_bare(row.expressions[at]) for row in source.expressions]
    texts = [cell.this for cell in cells if isinstance(cell, exp.Literal) and cell.is_string]
    return texts if len(texts) == len(cells) else None


def _bare(node: Any) -> Any:
    while isinstance(node, (exp.Alias, exp.Cast, exp.Paren)):
        node = node.this
    return node


def _create(statement: Any) -> Question | None:
    made = statement.this.this if isinstance(statement.this, exp.Schema) else None
    plain = statement.args.get("kind") == "TABLE" and _only(statement, "this", "kind", "exists")
    return NOBODY if plain and _column(made) else None


def _drop(statement: Any) -> Question | None:
    plain = statement.args.get("kind") == "TABLE" and _only(statement, "this", "kind", "exists", "cascade")
    return _rows(statement.this) if plain and _column(statement.this) else None


def _alter(statement: Any) -> Question | None:
    plain = _only(statement, "this", "kind", "actions") and _column(statement.this)
    actions = statement.args.get("actions")
    # a rename must not take a table out of sight
    known = actions and all(
        isinstance(action, exp.ColumnDef)
        or (isinstance(action, exp.AlterRename) and _TABLE.fullmatch(action.this.name))
        for action in actions
    )
    return _rows(statement.this) if plain and known else None


_SHAPES = {
    exp.Delete: _delete,
    exp.Update: _update,
    exp.Insert: _insert,
    exp.Create: _create,
    exp.Drop: _drop,
    exp.Alter: _alter,
}


def _rows(table: Any, condition: Any = None) -> Question:
    query = exp.select(exp.column(_column(table), quoted=True)).distinct().from_(table.copy())
    return Question(rows=query.where(condition.copy()) if condition else query)


def _column(table: Any) -> str:
    """The column that holds the environment's name; '' for anything but a plain reference to one of the tables."""
    found = _TABLE.fullmatch(table.name) if isinstance(table, exp.Table) else None
    if not found or not _only(table, "this", "db", "catalog"):
        return ""
    return "name" if found["kind"].lower() == "s" else "environment_name"


def _is_copy(table: Any) -> bool:
    found = _TABLE.fullmatch(table.name)
    return found is not None and found["copy"] is not None


def _source(select: Any) -> Any:
    """What it selects from, if it does nothing else."""
    clause = select.args.get("from") or select.args.get("from_")
    return clause.this if clause and _only(select, "expressions", "from", "where", "kind") else None


def _only(node: Any, *expected: str) -> bool:
    """Whether it has only the expected parts. Newer versions of sqlglot append an underscore to some names."""
    # each other clause (RETURNING, USING, ON CONFLICT, an alias) could change what the statement does
    return all(not value or name.rstrip("_") in expected for name, value in node.args.items())
