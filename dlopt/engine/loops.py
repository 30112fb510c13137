"""A formula as machine code: one loop over a row's parameters, all operations fused."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import config

from dlopt.engine.formula import Formula
from dlopt.engine.processor import LANES
from dlopt.engine.vectors import load, splat, store

FLOAT, TRUTH, INDEX = ir.FloatType(), ir.IntType(1), ir.IntType(64)
PAIRS = {"add": "fadd", "subtract": "fsub", "multiply": "fmul", "divide": "fdiv"}
ORDERS = {
    "greater": ">",
    "greater_equal": ">=",
    "less": "<",
    "less_equal": "<=",
    "equal": "==",
    "not_equal": "!=",
}


class _Body:
    """The formula for one parameter, or for as many as a register holds."""

    def __init__(self, builder: Any, kind: Any) -> None:
        self.builder, self.kind = builder, kind

    def constant(self, value: float) -> Any:
        return ir.Constant(self.kind, [value] * self.kind.count if self.wide else value)

    @property
    def wide(self) -> bool:
        return isinstance(self.kind, ir.VectorType)

    def intrinsic(self, name: str, value: Any) -> Any:
        suffix = f"v{self.kind.count}f32" if self.wide else "f32"
        return self.builder.call(
            self.builder.module.declare_intrinsic(
                f"llvm.{name}.{suffix}", (), ir.FunctionType(self.kind, [self.kind])
            ),
            [value],
        )

    def made(self, name: str, given: list[Any]) -> Any:
        """The operation, with NumPy's own answer where an operand is no number."""
        b = self.builder
        if name in PAIRS:
            return getattr(b, PAIRS[name])(*given)
        if name == "not_equal":
            return b.fcmp_unordered("!=", *given)
        if name in ORDERS:
            return b.fcmp_ordered(ORDERS[name], *given)
        if name in ("and", "or"):
            return getattr(b, f"{name}_")(*given)
        if name == "not":
            return b.not_(given[0])
        if name == "where":
            return b.select(*given)
        (x, *more) = given
        if name in ("maximum", "minimum"):
            first = b.fcmp_ordered(">" if name == "maximum" else "<", x, more[0])  # of equals the second
            return b.select(b.or_(first, b.fcmp_unordered("uno", x, x)), x, more[0])
        if name in ("at least", "at most"):
            beyond = b.fcmp_ordered("<" if name == "at least" else ">", x, more[0])
            return b.select(beyond, more[0], x)
        if name == "sign":
            sign = b.select(b.fcmp_ordered("<", x, self.constant(0.0)), self.constant(-1.0), x)
            sign = b.select(b.fcmp_ordered(">", x, self.constant(0.0)), self.constant(1.0), sign)
            return b.select(b.fcmp_ordered("==", x, self.constant(0.0)), self.constant(0.0), sign)
        if name == "reciprocal":
            return b.fdiv(self.constant(1.0), x)
        if name == "square":
            return b.fmul(x, x)
        if name == "negative":
            return b.fneg(x)
        return x if name == "positive" else self.intrinsic({"sqrt": "sqrt", "absolute": "fabs"}[name], x)


def _body(
    builder: Any, kind: Any, formula: Formula, arrays: tuple[Any, ...], numbers: list[Any], at: Any
) -> None:
    params, grad, states, size = arrays
    body = _Body(builder, kind)
    place = [builder.add(at, builder.mul(size, INDEX(i))) for i in range(len(formula.states))]
    moved = load(builder, params, at, kind)
    values: list[Any] = []
    for one in formula.operations:
        if one.name == "params":
            values.append(moved)
        elif one.name == "grad":
            values.append(load(builder, grad, at, kind))
        elif one.name == "state":
            values.append(load(builder, states, place[one.operands[0]], kind))
        elif one.name == "number":
            number = numbers[one.operands[0]]
            values.append(splat(builder, number, kind) if body.wide else number)
        elif one.name == "constant":
            values.append(body.constant(float(np.uint32(one.operands[0]).view(np.float32))))
        else:
            values.append(body.made(one.name, [values[i] for i in one.operands]))
    for where, state in zip(place, formula.states, strict=True):
        store(builder, values[state], states, where)
    store(builder, builder.fsub(moved, values[formula.step]), params, at)


def _loop(builder: Any, start: Any, end: Any, step: int, fill: Any) -> None:
    before = builder.block
    head, inside, after = (builder.append_basic_block(name) for name in ("head", "inside", "after"))
    builder.branch(head)
    builder.position_at_end(head)
    at = builder.phi(INDEX)
    at.add_incoming(start, before)
    builder.cbranch(builder.icmp_signed("<", at, end), inside, after)
    builder.position_at_end(inside)
    fill(at)
    at.add_incoming(builder.add(at, INDEX(step)), builder.block)
    builder.branch(head)
    builder.position_at_end(after)


def written(formula: Formula, lanes: int = LANES) -> str:
    """The loop in LLVM's words: void update(params, grad, states, numbers, P)."""
    module = ir.Module()
    pointer = FLOAT.as_pointer()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer] * 4 + [INDEX]), "update")
    params, grad, states, numbers, size = function.args
    for one in (params, grad, states, numbers):
        one.add_attribute("noalias")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    own = [builder.load(builder.gep(numbers, [INDEX(i)])) for i in range(formula.numbers)]
    whole = builder.and_(size, INDEX(-lanes))
    arrays = (params, grad, states, size)
    vector = ir.VectorType(FLOAT, lanes)
    _loop(builder, INDEX(0), whole, lanes, lambda at: _body(builder, vector, formula, arrays, own, at))
    _loop(builder, whole, size, 1, lambda at: _body(builder, FLOAT, formula, arrays, own, at))
    builder.ret_void()
    return str(module)


@functools.cache
def _machine() -> Any:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    cpu = config.CPU_NAME or binding.get_host_cpu_name()
    features = "" if config.CPU_NAME else binding.get_host_cpu_features().flatten()
    target = binding.Target.from_default_triple()
    return target.create_target_machine(cpu=cpu, features=features, opt=3, jit=True)


@functools.cache
def address(formula: Formula, lanes: int = LANES) -> int:
    """Where the compiled loop begins."""
    module = binding.parse_assembly(written(formula, lanes))
    module.verify()
    machine = _machine()
    passes = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(module, passes)
    engine = binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    _ENGINES.append(engine)
    return int(engine.get_function_address("update"))


_ENGINES: list[Any] = []  # they own the code
