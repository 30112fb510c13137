"""What the chapter teaches, part by part, with the formula and the lines that implement it; its words in two
languages; and what it says that is not tested."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import pandas as pd

import dlopt
from dlopt import schedules
from studies.claims.claim import PARTS, place


class Lesson(NamedTuple):
    """A part of the chapter. chinese: its headings there; says, done: in plain words; code: what does it."""

    chinese: str
    title: str
    says: str
    done: str
    formula: str
    code: tuple[Any, ...]


LESSONS: dict[str, Lesson] = {
    "Mini-batches": Lesson(
        "mini-batch梯度下降",
        "a step for every few rows",
        "The gradient over all rows of a table is exact and slow. A mini-batch looks at a few rows, steps, "
        "and goes on with the next few: one pass through the table (an epoch) then makes many steps. Each "
        "gradient is a sample mean, so it is noisy, and the less so the more rows it has.",
        "Gradients of mini-batches of all sizes were set beside the full one; the same network was trained "
        "with different sizes at equal tuning; a noisy bowl, on which everything is known in closed form, "
        "shows where a fixed learning rate stops getting closer. What the clock says stands under “On this "
        "machine”.",
        "g = 1/B · Σ ∇lossᵢ(w) over the B rows of a mini-batch\nw ← w - α·g",
        (dlopt.SGD,),
    ),
    "Averages": Lesson(
        "指数加权平均, 偏差修正",
        "yesterday's average, and a little of today",
        "An exponentially weighted average keeps one number: the new average is β times the old one and 1-β "
        "times what is seen now. Large β means a long memory: smooth, and late. It starts at 0, so its first "
        "values are too low; dividing by 1-βᵗ puts that right.",
        "The weights that the average gives to the past were read off and compared with the theory; the "
        "start was followed step by step. It is the one primitive under Momentum, RMSprop and Adam.",
        "v ← β·v + (1-β)·θ\ncorrected: v / (1 - βᵗ)",
        (dlopt.ewa, dlopt.debias),
    ),
    "Momentum": Lesson(
        "动量梯度下降法",
        "step along the average of the gradients",
        "In a narrow valley the gradient mostly points from wall to wall. Averaged over some steps the walls "
        "cancel and what is left points along the valley. Two forms are in use: the chapter's averages, "
        "heavy ball sums, which makes its steps 1/(1-β) times as long.",
        "Bowls of known steepness, where the best rates are known exactly; a ravine; and the searches of "
        "this suite, where β is held at one value while everything else is tuned.",
        "v ← β·v + (1-β)·g\nw ← w - α·v",
        (dlopt.Momentum, dlopt.HeavyBall),
    ),
    "RMSprop": Lesson(
        "RMSprop",
        "a step of its own for each parameter",
        "Divide each parameter's gradient by its usual size: steep directions are slowed down, flat ones are "
        "sped up. The usual size is the root of an average of squares, which forgets; AdaGrad sums the "
        "squares instead and slows down for good.",
        "Bowls that are badly scaled along the axes and across them, minima that move, inputs that are "
        "seldom there, and the chapter's own snippet.",
        "s ← ρ·s + (1-ρ)·g²\nw ← w - α·g / (√s + ε)",
        (dlopt.RMSprop, dlopt.Adagrad),
    ),
    "Adam": Lesson(
        "Adam优化算法",
        "both averages, both corrected",
        "Momentum's average decides the direction, RMSprop's the length, and the correction puts the start "
        "right. Three numbers have defaults that are seldom touched; the learning rate is the one to tune.",
        "Its first steps are exact; whether the defaults can stay is asked of searches in which one of them "
        "is held, and of those of the default study.",
        "m ← β₁·m + (1-β₁)·g      s ← β₂·s + (1-β₂)·g²\nw ← w - α · m/(1-β₁ᵗ) / (√(s/(1-β₂ᵗ)) + ε)",
        (dlopt.Adam,),
    ),
    "Decay": Lesson(
        "学习率衰减",
        "large steps first, small ones later",
        "With a fixed learning rate the noise of mini-batches keeps the parameters moving around the "
        "minimum. A rate that shrinks lets them settle. Here γ is per epoch; per step the same number would "
        "end training within a few dozen steps.",
        "A noisy bowl, where the noise that is left is known in closed form; the default study, in which "
        "half of every search has decay; and one γ for all against the tuned one, in short and long budgets.",
        "αₑ = α·γᵉ in epoch e = 0, 1, 2, …",
        (schedules.Exponential,),
    ),
    "Local optima": Lesson(
        "局部最优问题",
        "saddles and plateaus, not holes",
        "With many parameters a point where the gradient is zero is almost never a hole: in some direction "
        "it goes down. What costs time is flat ground, where the gradient is nearly zero for long.",
        "Random curvatures and the critical points of a small network were counted; surfaces with a known "
        "saddle or plateau were walked on with and without noise; networks of many widths were started many "
        "times.",
        "H = ∇²loss at ∇loss = 0: all eigenvalues > 0 minimum, some < 0 saddle",
        (dlopt.strict_saddle, dlopt.descend),
    ),
}

GLOSSARY: tuple[tuple[str, str, str], ...] = (
    ("Adam", "Adam", "adaptive moments: Momentum's average over RMSprop's root, both corrected"),
    ("batch size", "mini-batch大小", "rows of data in one mini-batch"),
    ("bias correction", "偏差修正", "division by 1-βᵗ: an average that starts at 0 begins too low"),
    ("decay factor β, ρ", "衰减因子", "how much of an average stays at a step; it looks back 1/(1-β) steps"),
    ("decay rate γ", "衰减率", "what the learning rate is multiplied with after every epoch"),
    ("epoch", "遍历训练集一次", "one pass through all training rows"),
    ("exponentially weighted average", "指数加权平均", "a running mean that forgets at a steady pace"),
    ("full batch", "batch梯度下降", "all training rows in one step"),
    ("gradient", "梯度", "the direction of steepest ascent of the loss, and its slope"),
    ("learning rate α", "学习率", "what the step is a multiple of"),
    ("local optimum", "局部最优", "lower than all around it, and not the lowest of all"),
    ("loss", "损失函数", "what training lowers: cross-entropy, or half the mean squared error"),
    ("mini-batch", "mini-batch", "a few rows of data, whose mean gradient makes one step"),
    ("moment, first and second", "一阶矩, 二阶矩", "averages of the gradient and of its square"),
    ("momentum", "动量", "the average of past gradients along which the step goes"),
    ("plateau", "平稳段", "flat ground: the gradient is nearly zero for long"),
    ("saddle", "鞍点", "zero gradient, up in some directions and down in others"),
    ("sparse gradient", "稀疏梯度", "zero at most steps, because its input is seldom there"),
    ("stochastic gradient descent", "随机梯度下降", "steps along gradients of single rows or mini-batches"),
    ("vectorization", "向量化", "one operation on whole arrays instead of a loop over rows"),
)

UNTESTED: tuple[tuple[str, str, str], ...] = (
    (
        "A mini-batch must fit the memory of the GPU.",
        "要确保要符合CPU/GPU内存",
        "There is no GPU here; the CPU's half is claim 7.",
    ),
    (
        "Adam is used for convolutional and recurrent networks.",
        "常用于深度学习中的卷积网络、循环网络等",
        "That is about use, not about a result; the networks here have dense layers only.",
    ),
    (
        "Adam suits very large data and very many parameters.",
        "适用于大规模数据或参数的场景",
        "A laptop's tables are small: thousands of rows, thousands of parameters.",
    ),
    (
        "Nearly everyone trains on huge data with mini-batches.",
        "几乎每个研习深度学习的人在训练巨大的数据集时都会用到",
        "A survey would have to ask people, and this suite asks optimizers.",
    ),
)


def lessons() -> dict[str, pd.DataFrame]:
    """The tables "lessons", "glossary" and "untested"."""
    lines = []
    for i, part in enumerate(PARTS):
        one = LESSONS[part]
        sources = "\n\n".join(f"# {place(thing)}\n{inspect.getsource(thing).rstrip()}" for thing in one.code)
        words = one._asdict() | {"code": sources}
        lines.append({"position": i, "part": part, **words})
    named = {"glossary": ("term", "chinese", "meaning"), "untested": ("says", "chapter", "reason")}
    rows = {"glossary": GLOSSARY, "untested": UNTESTED}
    told = {
        name: pd.DataFrame(rows[name], columns=list(columns)).assign(position=range(len(rows[name])))
        for name, columns in named.items()
    }
    return {"lessons": pd.DataFrame(lines), **told}
