"""Arithmetic, worked out by walking the syntax tree: nothing is ever evaluated as code.

Numbers are bounded while they are made, so that no expression can take long.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from bot.errors import ToolError
from bot.tools.registry import tool

Number = int | float

_MAX_BITS = 4096
_MAX_DEPTH = 60
_MAX_ARGUMENT = 500
_WRITTEN = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "π": "pi", "\u00a0": " ", "\u202f": " "})


@tool(effect="read")
def calculate(expression: Annotated[str, Field(min_length=1, max_length=500)]) -> str:
    """Calculate an arithmetic expression. Use it for every calculation instead of working it out yourself.

    Args:
        expression: For example (12 + 3) * 2 ** 8 / 7 or sqrt(2) or round(2.345, 2). Angles are in radians.
    """
    source = expression.translate(_WRITTEN).replace("^", "**").strip()
    try:
        tree = ast.parse(source, mode="eval")
        return _shown(_value(tree.body, 0))
    except (SyntaxError, RecursionError, MemoryError) as err:
        raise ToolError(f"The expression {expression[:80]!r} cannot be read as arithmetic.") from err
    except ZeroDivisionError as err:
        raise ToolError("The expression divides by zero.") from err
    except OverflowError as err:
        raise ToolError("The result is too large.") from err
    except (ValueError, TypeError) as err:
        raise ToolError(f"The expression cannot be calculated: {err}.") from err


def _shown(value: Number) -> str:
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        raise OverflowError
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}"


def _value(node: ast.expr, depth: int) -> Number:
    if depth > _MAX_DEPTH:
        raise ToolError("The expression is nested too deeply.")
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _bounded(number)
        case ast.UnaryOp(op=operation, operand=operand) if type(operation) in _UNARY:
            return _UNARY[type(operation)](_value(operand, depth + 1))
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _BINARY:
            return _bounded(_BINARY[type(operation)](_value(left, depth + 1), _value(right, depth + 1)))
        case ast.Name(id=name) if name.lower() in _CONSTANTS:
            return _CONSTANTS[name.lower()]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name.lower() in _FUNCTIONS:
            return _bounded(_FUNCTIONS[name.lower()](*(_value(argument, depth + 1) for argument in arguments)))
        case _:
            raise ToolError(_refusal(node))


def _bounded(value: object) -> Number:
    if isinstance(value, complex):
        raise ValueError("the result is not a real number")
    assert isinstance(value, int | float)
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise OverflowError
    return value


def _refusal(node: ast.expr) -> str:
    match node:
        case ast.Tuple():
            return "The expression holds a comma; write numbers without thousands separators, for example 1234.5."
        case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)):
            return f"{name[:40]!r} is not known. Known: {', '.join([*_FUNCTIONS, *_CONSTANTS])}."
        case _:
            return "Only numbers, + - * / // % **, parentheses and functions such as sqrt(2) can be calculated."


def _power(base: Number, exponent: Number) -> object:
    is_whole = isinstance(base, int) and isinstance(exponent, int)
    if is_whole and exponent * (int(abs(base)).bit_length() - 1) > _MAX_BITS:
        raise OverflowError
    return base**exponent


def _round(value: Number, digits: Number = 0) -> Number:
    if not isinstance(digits, int) or abs(digits) > 100:
        raise ValueError("round takes a number of digits from -100 to 100")
    return round(value, digits) if digits else round(value)


def _factorial(value: Number) -> int:
    if not isinstance(value, int) or not 0 <= value <= _MAX_ARGUMENT:
        raise ValueError(f"factorial takes a whole number from 0 to {_MAX_ARGUMENT}")
    return math.factorial(value)


def _gcd(*values: Number) -> int:
    if not all(isinstance(value, int) for value in values):
        raise ValueError("gcd takes whole numbers")
    return math.gcd(*(int(value) for value in values))


_UNARY: dict[type[ast.unaryop], Callable[[Number], Number]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_BINARY: dict[type[ast.operator], Callable[[Number, Number], object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_CONSTANTS: dict[str, Number] = {"pi": math.pi, "e": math.e, "tau": math.tau}
_FUNCTIONS: dict[str, Callable[..., object]] = {
    "sqrt": math.sqrt,
    "round": _round,
    "abs": abs,
    "min": min,
    "max": max,
    "floor": math.floor,
    "ceil": math.ceil,
    "exp": math.exp,
    "log": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "degrees": math.degrees,
    "radians": math.radians,
    "hypot": math.hypot,
    "gcd": _gcd,
    "factorial": _factorial,
}
