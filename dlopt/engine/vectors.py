"""What LLVM does not find by itself: small matrix products that stay in registers, sums of a fixed order.

Written as LLVM's IR, and all of it that there is; every loop above is plain. Each fma is written out and no
other liberty is taken, so the bytes do not depend on the width of the registers.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from dlopt.engine.processor import LANES

SUMS = 8  # partial sums of a sum, on every machine
DOTS, BESIDE = 3, 4  # rows and columns of a product of rows that are made at once
ROWS = 8 if LANES == 16 else 6  # rows of a tile that are made at once: with PAIR they fill the registers
PAIR = 2  # registers beside each other in a row of a tile
WIDE = PAIR * LANES  # columns of a tile
STEP = 32  # a batch is padded to a multiple of this: whole tiles and whole sums
FLOAT, I32 = ir.FloatType(), ir.IntType(32)
INDEX = types.intp


def _data(context: Any, builder: Any, sig: Any, args: Any, i: int) -> Any:
    return context.make_array(sig.args[i])(context, builder, args[i]).data


def load(builder: Any, data: Any, index: Any, vector: Any) -> Any:
    """What lies at data[index], a number or a vector of that type."""
    value = builder.load(builder.bitcast(builder.gep(data, [index]), vector.as_pointer()))
    value.align = 4
    return value


def store(builder: Any, value: Any, data: Any, index: Any) -> None:
    """Put a number or a vector at data[index]."""
    builder.store(value, builder.bitcast(builder.gep(data, [index]), value.type.as_pointer())).align = 4


def _fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    kind = a.type
    name = "llvm.fma." + (f"v{kind.count}f32" if isinstance(kind, ir.VectorType) else "f32")
    function = ir.FunctionType(kind, [kind] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, function, name), [a, b, c])


def splat(builder: Any, value: Any, vector: Any) -> Any:
    """A vector of this number alone."""
    empty = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(empty, value, I32(0))
    return builder.shuffle_vector(
        first, empty, ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count)
    )


def _lanes(which: list[int]) -> Any:
    return ir.Constant(ir.VectorType(I32, len(which)), which)


@intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c, rounded once."""
    single = types.float32
    return single(single, single, single), lambda context, builder, sig, args: _fma(builder, *args)


@intrinsic
def choose(typing: Any, condition: Any, a: Any, b: Any) -> Any:
    """A where the condition holds, else b: no branch, so that a loop of it fills registers."""
    single = types.float32
    return single(types.boolean, single, single), lambda context, builder, sig, args: builder.select(
        context.cast(builder, args[0], types.boolean, types.boolean), args[1], args[2]
    )


@intrinsic
def bits(typing: Any, x: Any) -> Any:
    """The bits of a float32."""
    return types.int32(types.float32), lambda context, builder, sig, args: builder.bitcast(args[0], I32)


@intrinsic
def number(typing: Any, x: Any) -> Any:
    """The float32 of these bits."""
    return types.float32(types.int32), lambda context, builder, sig, args: builder.bitcast(args[0], FLOAT)


def _places(builder: Any, first: Any, last: Any, base: Any, stride: Any, count: int) -> list[Any]:
    """base + stride·min(first + r, last) for r < count: what is past the end is made twice."""
    found = []
    for r in range(count):
        i = builder.add(first, first.type(r))
        i = builder.select(builder.icmp_signed("<", i, last), i, last)
        found.append(builder.add(base, builder.mul(i, stride)))
    return found


def _tile(rows: int) -> Any:
    """A tile of a product, rows × PAIR registers."""

    @intrinsic
    def tile(
        typing: Any, A: Any, a0: Any, ar: Any, ak: Any, X: Any, x0: Any, xk: Any, n: Any,
        b: Any, b0: Any, br: Any, C: Any, c0: Any, cr: Any, floor: Any, r: Any, last: Any,
    ) -> Any:  # fmt: skip
        """Fill WIDE columns of rows r .. of C, none past `last`.

        C[c0 + i·cr + j] = max(floor, b[b0 + i·br] + Σ_k A[a0 + i·ar + k·ak]·X[x0 + k·xk + j]), k from 0 to n
        - 1.
        """
        whole = [INDEX] * 3
        sig = types.void(A, *whole, X, *whole, b, INDEX, INDEX, C, INDEX, INDEX, types.float32, INDEX, INDEX)

        def make(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            vector = ir.VectorType(FLOAT, LANES)
            A, X, b, C = (_data(context, builder, sig, args, i) for i in (0, 4, 8, 11))
            a0, ar, ak, x0, xk, n = (args[i] for i in (1, 2, 3, 5, 6, 7))
            b0, br, c0, cr, floor, r, last = (args[i] for i in (9, 10, 12, 13, 14, 15, 16))
            whole = n.type
            ia, ib, ic = (
                _places(builder, r, last, base, stride, rows)
                for base, stride in ((a0, ar), (b0, br), (c0, cr))
            )
            sums = [[cgutils.alloca_once(builder, vector) for _ in range(PAIR)] for _ in range(rows)]
            for i, row in enumerate(sums):
                start = splat(builder, builder.load(builder.gep(b, [ib[i]])), vector)
                for one in row:
                    builder.store(start, one)
            with cgutils.for_range(builder, n) as loop:
                at, step = builder.add(x0, builder.mul(loop.index, xk)), builder.mul(loop.index, ak)
                x = [load(builder, X, builder.add(at, whole(j * LANES)), vector) for j in range(PAIR)]
                for i, row in enumerate(sums):
                    a = splat(builder, builder.load(builder.gep(A, [builder.add(ia[i], step)])), vector)
                    for one, column in zip(row, x, strict=True):
                        builder.store(_fma(builder, a, column, builder.load(one)), one)
            lowest = splat(builder, floor, vector)
            for i, row in enumerate(sums):
                for j, one in enumerate(row):
                    value = builder.load(one)
                    value = builder.select(builder.fcmp_ordered(">", lowest, value), lowest, value)
                    store(builder, value, C, builder.add(ic[i], whole(j * LANES)))
            return context.get_dummy_value()

        return sig, make

    return tile


tile, low = _tile(ROWS), _tile(4)


def _halves(builder: Any, vector: Any) -> Any:
    """The sum of a vector's lanes: halves onto each other."""
    n, empty = vector.type.count, None
    while n > 1:
        n //= 2
        empty = ir.Constant(vector.type, ir.Undefined)
        lower, upper = (
            builder.shuffle_vector(vector, empty, _lanes(list(range(start, start + n)))) for start in (0, n)
        )
        vector = builder.fadd(lower, upper)
    return builder.extract_element(vector, I32(0))


def _together(builder: Any, first: Any, second: Any) -> Any:
    """Neighbours added: the sums of the first's and of the second's, which one instruction a half makes."""
    places = [part + lane for part in (0, 4) for lane in (0, 2, 8, 10)]
    even, odd = (_lanes([place + shift for place in places]) for shift in (0, 1))
    return builder.fadd(*(builder.shuffle_vector(first, second, lanes) for lanes in (even, odd)))


def _four(builder: Any, vectors: list[Any]) -> Any:
    """The sums of four vectors, in one."""
    both = [_together(builder, *vectors[:2]), _together(builder, *vectors[2:])]
    joined = _together(builder, *both)
    empty = ir.Constant(joined.type, ir.Undefined)
    parts = (builder.shuffle_vector(joined, empty, _lanes(list(range(start, start + 4)))) for start in (0, 4))
    return builder.fadd(*parts)


def _dots(columns: int) -> Any:
    """A tile of a product of rows, DOTS × columns: four, or one."""

    @intrinsic
    def dots(
        typing: Any, D: Any, d0: Any, ds: Any, X: Any, x0: Any, xs: Any, n: Any,
        C: Any, c0: Any, cr: Any, r: Any, last: Any,
    ) -> Any:  # fmt: skip
        """C[c0 + i·cr + j] = Σ_k D[d0 + i·ds + k]·X[x0 + j·xs + k] for rows r .., none past `last`.

        SUMS divides n.
        """
        sig = types.void(D, INDEX, INDEX, X, INDEX, INDEX, INDEX, C, *[INDEX] * 4)

        def make(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            vector = ir.VectorType(FLOAT, SUMS)
            D, X, C = (_data(context, builder, sig, args, i) for i in (0, 3, 7))
            d0, ds, x0, xs, n, c0, cr, r, last = (args[i] for i in (1, 2, 4, 5, 6, 8, 9, 10, 11))
            whole = n.type
            rows, into = _places(builder, r, last, d0, ds, DOTS), _places(builder, r, last, c0, cr, DOTS)
            beside = [builder.add(x0, builder.mul(xs, whole(j))) for j in range(columns)]
            sums = [[cgutils.alloca_once(builder, vector) for _ in beside] for _ in rows]
            for row in sums:
                for one in row:
                    builder.store(ir.Constant(vector, [0.0] * SUMS), one)
            with cgutils.for_range_slice(builder, whole(0), n, whole(SUMS)) as (k, _):
                d = [load(builder, D, builder.add(start, k), vector) for start in rows]
                for j, start in enumerate(beside):  # one register for these, or the sums would not fit
                    x = load(builder, X, builder.add(start, k), vector)
                    for row, own in zip(sums, d, strict=True):
                        builder.store(_fma(builder, own, x, builder.load(row[j])), row[j])
            for place, row in zip(into, sums, strict=True):
                found = [builder.load(one) for one in row]
                if columns == 4:
                    store(builder, _four(builder, found), C, place)
                else:
                    builder.store(_halves(builder, found[0]), builder.gep(C, [place]))
            return context.get_dummy_value()

        return sig, make

    return dots


dots, dot = _dots(BESIDE), _dots(1)


@intrinsic
def total(typing: Any, X: Any, x0: Any, n: Any) -> Any:
    """Σ X[x0 : x0 + n], where SUMS divides n."""
    sig = types.float32(X, INDEX, INDEX)

    def make(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector, whole = ir.VectorType(FLOAT, SUMS), args[2].type
        X = _data(context, builder, sig, args, 0)
        sums = cgutils.alloca_once(builder, vector)
        builder.store(ir.Constant(vector, [0.0] * SUMS), sums)
        with cgutils.for_range_slice(builder, whole(0), args[2], whole(SUMS)) as (k, _):
            here = load(builder, X, builder.add(args[1], k), vector)
            builder.store(builder.fadd(builder.load(sums), here), sums)
        return _halves(builder, builder.load(sums))

    return sig, make


@intrinsic
def transpose(typing: Any, X: Any, x0: Any, xs: Any, C: Any, c0: Any, cs: Any) -> Any:
    """C[c0 + j·cs + i] = X[x0 + i·xs + j] for i, j < 8."""
    sig = types.void(X, INDEX, INDEX, C, INDEX, INDEX)

    def make(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector = ir.VectorType(FLOAT, 8)
        X, C = (_data(context, builder, sig, args, i) for i in (0, 3))
        x0, xs, c0, cs = (args[i] for i in (1, 2, 4, 5))
        whole = x0.type
        rows = [load(builder, X, builder.add(x0, builder.mul(xs, whole(i))), vector) for i in range(8)]
        # blocks of 4, 2 and 1 change places, each time over all rows
        for size in (4, 2, 1):
            starts = [start + second for start in range(0, 8, 2 * size) for second in (0, 8)]
            low = [start + lane for start in starts for lane in range(size)]
            high = [lane + size for lane in low]
            for i in range(8):
                if not i & size:
                    a, b = rows[i], rows[i + size]
                    rows[i], rows[i + size] = (
                        builder.shuffle_vector(a, b, _lanes(which)) for which in (low, high)
                    )
        for j, row in enumerate(rows):
            store(builder, row, C, builder.add(c0, builder.mul(cs, whole(j))))
        return context.get_dummy_value()

    return sig, make


@intrinsic
def call(typing: Any, address: Any, params: Any, grad: Any, states: Any, numbers: Any) -> Any:
    """Call an optimizer's loop (see `dlopt.engine.loops`) by its address."""
    sig = types.void(INDEX, params, grad, states, numbers)

    def make(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer, whole = FLOAT.as_pointer(), args[0].type
        arrays = [
            context.make_array(t)(context, builder, x) for t, x in zip(sig.args[1:], args[1:], strict=True)
        ]
        size = builder.extract_value(arrays[0].shape, 0)
        kind = ir.FunctionType(ir.VoidType(), [pointer] * 4 + [whole])
        function = builder.inttoptr(args[0], kind.as_pointer())
        builder.call(function, [one.data for one in arrays] + [size])
        return context.get_dummy_value()

    return sig, make
