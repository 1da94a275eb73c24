"""What a template may cost: a mistake in one, or a stranger's, must not take the machine.

Jinja2's sandbox keeps a template from the process and its files; it does not keep it from using
up time and memory. Here every turn of a loop, every call and every inclusion is a step and steps
are counted; a buffer, a product and a sum have a largest size; filters and methods that can make
much of little are left out. Whatever is left costs time in proportion to steps and sizes, and a
deadline, looked at in each step, covers that.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from datetime import time as time_of_day
from functools import wraps
from typing import Any, Final

import jinja2
from jinja2 import nodes
from jinja2.filters import do_int, do_join, do_round
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

STEPS: Final = 100_000  # of one file; a hundred stories need a tenth
CHARACTERS: Final = 2_000_000  # of one buffer; Gmail cuts a mail off at 102,000
MADE: Final = 20_000_000  # characters of all that one file makes on its way; ours, a twentieth
# Of CPU, for one file: that a machine is busy is no mistake of a template. Ours take a hundredth.
SECONDS: Final = 10.0

_INCLUSION: Final = 50  # steps
_COUNTED: Final = "counted"  # filters that the compiler puts in
_SHOWN: Final = "shown"
_WEIGHED: Final = "weighed"
_MOST_REMEMBERED: Final = 4096  # attributes; templates can make up names

# A format with a width of thousands is a page of blanks.
_WIDE: Final = re.compile(r"\d{4}|\*")
# Of Jinja2's own filters and of Python's methods, those that cannot make much of little.
_FILTERS: Final = (
    *("abs", "count", "d", "default", "dictsort", "first", "float", "items", "last", "length"),
    *("reverse",),
)
# These go through all of what they are given, and each turn is a step.
_FILTERS_OF_MANY: Final = (
    *("groupby", "list", "map", "max", "min", "reject", "rejectattr", "select", "selectattr"),
    *("sort", "unique"),
)
_FILTERS_OF_TEXT: Final = (
    *("capitalize", "e", "escape", "forceescape", "lower", "title", "trim", "upper"),
    *("urlencode", "wordcount"),
)
_LONGEST_NUMBER: Final = 300  # digits that are read
_PRECISE: Final = 64  # places of a rounded number
_PIECE: Final = 8  # a text that is split needs so many times its room
# What may become text; a list that holds itself many times over is endless as text, and so is
# whatever holds such a list.
_TEXT: Final = (str, int, float, date, time_of_day, type(None), jinja2.Undefined)
_METHODS: Final = frozenset(
    {
        *("capitalize", "casefold", "count", "endswith", "find", "get", "index", "isalnum"),
        *("isalpha", "isdigit", "islower", "isnumeric", "isoformat", "isspace", "istitle"),
        *("isupper", "items", "keys", "lower", "lstrip", "partition", "removeprefix"),
        *("removesuffix", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith"),
        *("strip", "swapcase", "title", "upper", "values", "weekday"),
    }
)


class OutOfBounds(jinja2.TemplateRuntimeError):
    """A template was stopped: it would take too long, or too much room."""


class _Budget:
    """What is left for the file being filled in."""

    __slots__ = ("deadline", "left", "loaded", "steps")

    def __init__(self) -> None:
        self.loaded: dict[str, jinja2.Template] = {}  # looked at once: a file may be used often
        self.steps = STEPS
        self.left = MADE
        self.deadline = time.thread_time() + SECONDS

    def step(self, weight: int = 1) -> None:
        self.steps -= weight
        if self.steps < 0:
            raise OutOfBounds(
                f"stopped after {STEPS:,} turns of loops and calls: does it go round for ever?"
            )
        if time.thread_time() > self.deadline:
            raise OutOfBounds(
                f"stopped after {SECONDS:g} seconds of CPU: does it go round for ever?"
            )

    def make(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise OutOfBounds(f"stopped: all it makes is more than {MADE:,} characters")


_budget: ContextVar[_Budget] = ContextVar("budget")


@contextmanager
def bounded() -> Iterator[None]:
    """Give whatever is filled in inside a budget of its own."""
    token = _budget.set(_Budget())
    try:
        yield
    finally:
        _budget.reset(token)


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox in which a template can neither reach out nor run away."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, **options: Any) -> None:
        """Take what `jinja2.Environment` takes, and leave out what could explode."""
        super().__init__(**options, finalize=shown)
        self._allowed: dict[tuple[type, str, bool], bool] = {}
        theirs = self.filters
        self.filters = {
            **{name: theirs[name] for name in _FILTERS},
            **{name: _of_many(theirs[name]) for name in _FILTERS_OF_MANY},
            **{name: _of_text(theirs[name]) for name in _FILTERS_OF_TEXT},
            "format": _format,
            "int": _int,
            "join": _join,
            "replace": _replace,
            "round": _round,
            _COUNTED: _counted,
            _SHOWN: shown,
            _WEIGHED: _weighed,
        }
        self.globals = {name: self.globals[name] for name in ("range", "dict", "namespace")}

    # Jinja2 joins every buffer with this: a whole file, a macro, a block, a filtered block.
    @staticmethod
    def concat(parts: Iterable[str]) -> str:
        """Join the pieces of a buffer, as long as they are not a flood."""
        pieces: list[str] = []
        size = 0
        for part in parts:
            size += len(part)
            if size > CHARACTERS:
                hold(size)
            pieces.append(part)
        hold(size)
        return "".join(pieces)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return _Counting().visit(super()._parse(source, name, filename))  # type: ignore[no-any-return]

    def _load_template(self, name: str, globals: Any) -> jinja2.Template:  # noqa: A002 - Jinja2's
        budget = _budget.get(None)
        if budget is None:
            return super()._load_template(name, globals)
        # A file that includes itself twice doubles with every level.
        budget.step(_INCLUSION)
        if name not in budget.loaded:
            budget.loaded[name] = super()._load_template(name, globals)
        return budget.loaded[name]

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a macro or a variable; a step."""
        budget = _budget.get()
        budget.step()
        given = (*args, *kwargs.values())
        for value in given:
            _weigh(value, budget)
        text = getattr(obj, "__self__", None)
        if isinstance(text, str):
            # Each letter may be looked for in each argument, and each may become a piece.
            longest = sum(len(each) for each in given if isinstance(each, str))
            hold(len(text) * (_PIECE + longest))
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate, unless the result would be huge."""
        match operator, left, right:
            case "+", str() | list() | tuple(), str() | list() | tuple():
                hold(len(left) + len(right))
            case "*", str() | list() | tuple(), int():
                hold(len(left) * right)
            case "*", int(), str() | list() | tuple():
                hold(left * len(right))
            case "*" | "+", int(), int():
                _hold_number(left, right)
            case "**", _, int() | float() if abs(right) > 64 or _long(left):
                raise OutOfBounds(f"{right} is too high a power")
            case "%", str(), _:
                return _format(left, *(right if isinstance(right, tuple) else (right,)))
            case _:
                pass
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Allow methods that cannot make much of little."""
        # None of it depends on more than these, and templates ask it a thousand times a mail.
        asked = (type(obj), attr, callable(value))
        allowed = self._allowed.get(asked)
        if allowed is None:
            if len(self._allowed) >= _MOST_REMEMBERED:
                self._allowed.clear()
            allowed = self._allowed[asked] = self._is_allowed(obj, attr, value)
        return allowed

    def _is_allowed(self, obj: Any, attr: str, value: Any) -> bool:
        if callable(value) and not type(obj).__module__.startswith("jinja2."):
            return attr in _METHODS and super().is_safe_attribute(obj, attr, value)
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """Offer no `str.format`: its widths have no end. `say` and `format` are there."""


class _Counting(NodeTransformer):
    """Puts a counter into every loop, and a look at whatever is run together by `~`."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - Jinja2's name
        self.generic_visit(node)
        node.iter = _filtered(node.iter, _COUNTED)
        return node

    def _weighed(self, node: nodes.Expr) -> nodes.Expr:
        self.generic_visit(node)
        return _filtered(node, _WEIGHED)

    visit_List = visit_Dict = _weighed  # noqa: N815 - Jinja2's names

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: N802 - Jinja2's name
        self.generic_visit(node)
        return _filtered(node, _WEIGHED) if node.ctx == "load" else node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:  # noqa: N802 - Jinja2's name
        self.generic_visit(node)
        node.nodes = [_filtered(each, _SHOWN) for each in node.nodes]
        return _filtered(node, _SHOWN)


def _filtered(node: nodes.Node, name: str) -> nodes.Expr:
    return nodes.Filter(
        node, name, [], [], None, None, lineno=node.lineno, environment=node.environment
    )


def _counted(values: Iterable[Any]) -> Iterator[Any]:
    budget = _budget.get()
    for value in values:
        budget.step()
        yield value


def shown(value: Any) -> Any:
    """Refuse what is no text: a list that holds itself many times over is endless as text."""
    if isinstance(value, str):
        hold(len(value))
    elif not isinstance(value, _TEXT) and not hasattr(value, "__html__"):
        raise OutOfBounds(f"a {type(value).__name__} is no text; go through it with a loop")
    return value


def _weighed(value: Any) -> Any:
    """Count whatever is in a list or a table, however deep: comparing it takes as long."""
    if budget := _budget.get(None):
        _weigh(value, budget)
    return value


def _weigh(value: Any, budget: _Budget) -> None:
    inside = [value]
    while inside:
        each = inside.pop()
        if isinstance(each, dict):
            budget.step(len(each))
            inside += [*each, *each.values()]
        elif isinstance(each, (list, tuple)):
            budget.step(len(each))
            inside += each


def hold(size: int) -> None:
    """Refuse a text, or a list, that is too large, or one too many of those that are not."""
    if size > CHARACTERS:
        raise OutOfBounds(f"stopped: a text of more than {CHARACTERS:,} characters is no mail")
    if budget := _budget.get(None):
        budget.make(size)


def _hold_number(left: int, right: int) -> None:
    if _long(left) or _long(right):
        raise OutOfBounds("a number that long is not for mail")


def _long(number: Any) -> bool:
    return isinstance(number, int) and number.bit_length() > 1024


def _of_text(theirs: Callable[..., Any]) -> Callable[..., Any]:
    def of_text(value: Any, *rest: Any) -> Any:
        hold(sum(len(str(each)) for each in rest) * len(str(shown(value))))
        return theirs(value, *rest)

    return of_text


def _of_many(theirs: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(theirs)  # with what says whether it wants the context first
    def of_many(*given: Any, **named: Any) -> Any:
        place = 1 if hasattr(theirs, "jinja_pass_arg") else 0
        before, values, rest = given[:place], given[place], given[place + 1 :]
        return theirs(*before, _counted(values), *rest, **named)

    return of_many


def _int(value: Any, default: int = 0, base: int = 10) -> int:
    if len(str(shown(value))) > _LONGEST_NUMBER:
        raise OutOfBounds("a number that long is not for mail")
    number: int = do_int(value, default, base)
    return number


def _round(value: float, precision: int = 0, method: Any = "common") -> float:
    if abs(precision) > _PRECISE:
        raise OutOfBounds(f"a number with {precision} places is not for mail")
    number: float = do_round(value, precision, method)
    return number


def _format(form: str, *values: Any) -> str:
    if _WIDE.search(form):
        raise OutOfBounds("a format that wide is not for mail")
    pieces = tuple(map(shown, values))
    # A width has three digits.
    hold(len(form) + 1000 * form.count("%") + sum(len(str(each)) for each in pieces))
    return form % pieces


@jinja2.pass_eval_context
def _join(context: nodes.EvalContext, values: Iterable[Any], between: str = "") -> str:
    pieces = [shown(value) for value in _counted(values)]
    hold(len(pieces) * len(between) + sum(len(str(piece)) for piece in pieces))
    joined: str = do_join(context, pieces, between)
    return joined


def _replace(text: str, old: str, new: str) -> str:
    hold(len(text) + text.count(old) * len(new))
    return text.replace(old, new)
