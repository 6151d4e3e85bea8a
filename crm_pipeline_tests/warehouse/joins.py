"""Whether the stored tables that a statement brings together are of one account: read off its text.

A relation is `free` of stored tables, `fixed` to the account of the parameter, or `open`: of any account, but then it
says which in its column `account_id`. All open relations that meet have to be joined by that column, or fixed.
Conditions count where they stand at the top of an `on` or `where`, joined by `and`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import sqlglot
from sqlglot import exp

ACCOUNT = "account_id"
FREE, FIXED, OPEN = "free", "fixed", "open"
PARAMETER = object()

Kinds = Mapping[str, str]


def mixed_accounts(text: str, stored: frozenset[str]) -> list[str]:
    """What is wrong with a statement, in words; nothing where all is of one account."""
    (tree,) = sqlglot.parse(re.sub(r"\$([a-z][a-z0-9_]*)", r":\1", text), read="postgres")
    assert tree is not None
    reader = _Reader(stored)
    reader.statement(tree)
    return reader.wrong


class _Reader:
    def __init__(self, stored: frozenset[str]) -> None:
        self._stored = stored
        self.wrong: list[str] = []

    def statement(self, tree: exp.Expr) -> None:
        if isinstance(tree, exp.Create):
            if tree.expression is not None:
                self.query(tree.expression, {}, {})
        elif isinstance(tree, exp.Insert):
            self.query(tree.expression, {}, {})
            self._insert(tree)
        elif isinstance(tree, exp.Update | exp.Delete):
            self._change(tree)
        else:
            self.query(tree, {}, {})

    def query(self, tree: exp.Expr, ctes: Kinds, outer: Kinds) -> str:
        """The kind of relation that a query makes; `outer` are the relations around it that it may name."""
        known = dict(ctes)
        with_ = tree.args.get("with_") or tree.args.get("with")
        for cte in with_.expressions if with_ else ():
            known[cte.alias] = self.query(cte.this, known, {})
        if isinstance(tree, exp.Subquery):
            return self.query(tree.this, known, outer)
        if isinstance(tree, exp.SetOperation):
            kinds = {self.query(tree.left, known, outer), self.query(tree.right, known, outer)}
            return OPEN if OPEN in kinds else FIXED if FIXED in kinds else FREE
        if isinstance(tree, exp.Values):
            return FREE
        assert isinstance(tree, exp.Select), type(tree)
        from_ = tree.args.get("from_") or tree.args.get("from")
        sources = [from_.this] if from_ else []
        sources += [join.this for join in tree.args.get("joins") or ()]
        conditions = [join.args["on"] for join in tree.args.get("joins") or () if join.args.get("on")]
        conditions += [tree.args["where"].this] if tree.args.get("where") else []
        inner = [*tree.expressions, *conditions]
        kind = self._meeting(sources, conditions, inner, known, outer, tree)
        if kind == OPEN and not _says_account(tree) and tree.parent is not None and not _is_whole(tree):
            self.wrong.append(f"hides the account of what it reads: {_short(tree)}")
        return kind

    def _change(self, tree: exp.Update | exp.Delete) -> None:
        sources = [tree.this]
        for name in ("from_", "from", "using"):
            found = tree.args.get(name) or []
            sources += [found.this] if isinstance(found, exp.From) else list(found)
        where = tree.args.get("where")
        inner = [*tree.expressions, *([where.this] if where else [])]
        self._meeting(sources, [where.this] if where else [], inner, {}, {}, tree)

    def _insert(self, tree: exp.Insert) -> None:
        target = tree.this
        names = [column.name for column in target.expressions] if isinstance(target, exp.Schema) else []
        if self._name(target.this if isinstance(target, exp.Schema) else target) not in self._stored:
            return
        given = tree.expression
        values = given.expressions[0].expressions if isinstance(given, exp.Values) else given.expressions
        value = values[names.index(ACCOUNT)] if ACCOUNT in names else None
        if not (isinstance(value, exp.Placeholder) or (isinstance(value, exp.Column) and value.name == ACCOUNT)):
            self.wrong.append(f"writes no account: {_short(tree)}")

    def _meeting(
        self,
        sources: Iterable[exp.Expr],
        conditions: list[exp.Expr],
        inner: Iterable[exp.Expr],
        ctes: Kinds,
        outer: Kinds,
        whole: exp.Expr,
    ) -> str:
        """The kind of what several relations make together; those that meet without an account are wrong."""
        kinds = {source.alias_or_name: self._kind(source, ctes) for source in sources}
        groups = _Groups()
        for name, kind in (*outer.items(), *kinds.items()):
            if kind == FIXED:
                groups.join(name, PARAMETER)
        opens = [name for name, kind in kinds.items() if kind == OPEN]
        for one, other in _account_pairs(conditions, opens):
            groups.join(one, other)
        firm = {name: FIXED if groups.same(name, PARAMETER) else kind for name, kind in kinds.items()}
        for part in inner:
            for query in _queries(part):
                if self.query(query, ctes, {**outer, **firm}) == OPEN and (opens or outer):
                    self.wrong.append(f"looks into other accounts: {_short(query)}")
        apart = [name for name in opens[1:] if not groups.same(name, opens[0])]
        meets_fixed = FIXED in kinds.values() and opens and not groups.same(opens[0], PARAMETER)
        if apart or meets_fixed:
            self.wrong.append(f"joins {', '.join(sorted(kinds))} without {ACCOUNT}: {_short(whole)}")
        if opens:
            is_tied = any(groups.same(opens[0], name) for name in (PARAMETER, *outer))
            return FIXED if is_tied else OPEN
        return FIXED if FIXED in kinds.values() else FREE

    def _kind(self, source: exp.Expr, ctes: Kinds) -> str:
        if isinstance(source, exp.Table):
            if source.name in ctes and not source.db:
                return ctes[source.name]
            return OPEN if self._name(source) in self._stored else FREE
        if isinstance(source, exp.Subquery):
            return self.query(source.this, ctes, {})
        return FREE  # values, unnest, lateral over the row beside it

    @staticmethod
    def _name(table: exp.Expr) -> str:
        assert isinstance(table, exp.Table), type(table)
        return f"{table.db}.{table.name}" if table.db else table.name


class _Groups:
    """Names that are of one account."""

    def __init__(self) -> None:
        self._next: dict[object, object] = {}

    def join(self, one: object, other: object) -> None:
        self._next[self._root(one)] = self._root(other)

    def same(self, one: object, other: object) -> bool:
        return self._root(one) is self._root(other) or self._root(one) == self._root(other)

    def _root(self, name: object) -> object:
        while (following := self._next.get(name, name)) != name:
            name = following
        return name


def _account_pairs(conditions: Iterable[exp.Expr], opens: list[str]) -> Iterator[tuple[object, object]]:
    """What the conditions say are of one account: two relations, or a relation and the parameter."""
    for condition in conditions:
        for part in condition.flatten() if isinstance(condition, exp.And) else (condition,):
            plain = part.unnest()
            if isinstance(plain, exp.EQ):
                sides = [_account(side, opens) for side in (plain.left, plain.right)]
                if None not in sides:
                    yield sides[0], sides[1]


def _account(side: exp.Expr, opens: list[str]) -> object | None:
    while isinstance(side, exp.Cast):
        side = side.this
    if isinstance(side, exp.Placeholder) and side.name == ACCOUNT:
        return PARAMETER
    if isinstance(side, exp.Column) and side.name == ACCOUNT:
        return side.table or (opens[0] if len(opens) == 1 else None)
    return None


def _queries(part: exp.Expr) -> Iterator[exp.Expr]:
    """The queries inside an expression, not those inside them."""
    if isinstance(part, exp.Query):
        yield part
        return
    for child in part.iter_expressions():
        yield from _queries(child)


def _says_account(tree: exp.Select) -> bool:
    return any(item.is_star or item.alias_or_name == ACCOUNT for item in tree.expressions)


def _is_whole(tree: exp.Expr) -> bool:
    """Whether it is the statement itself, whose rows nothing is joined with."""
    parent = tree.parent
    return parent is None or isinstance(parent, exp.Create | exp.Insert)


def _short(tree: exp.Expr) -> str:
    return tree.sql(dialect="postgres")[:160]
