"""Whatever is asked wrongly is answered with code 2, a sentence and a remedy, and nothing is made."""

import pytest

from studies.cli.entry import main

QUICK = ["run", "quick", "--jobs", "1"]
NAMES = {  # what is asked, and what the answer holds
    "run defualt": "There is no study 'defualt'.\nDid you mean default?",
    "run own.py": "own.py says not which of its studies.\nWrite own.py:my_study.",
    "run none.py:mine": "There is no file none.py.",
    "rnu": "There is no command 'rnu'.\nDid you mean run?",
    "list optimisers": "There is no list of 'optimisers'.\nDid you mean optimizers?",
    "try irish": "There is no dataset or surface 'irish'.\nDid you mean iris?",
    "try sadle": "There is no dataset or surface 'sadle'.\nDid you mean saddle?",
    "try saddle --epochs 0": (
        "epochs (of a surface: steps) must be a whole number >= 1, not 0.\nGive 1 or more."
    ),
    "try wine --optimizers adm": "Did you mean adam?",
    "show OUT": "is no run folder: it has no manifest.json.",
    "mirror OUT": "is no run folder: it has no manifest.json.",
    "run quick --bloks 3": "Unrecognized arguments: --bloks 3.",
    "run quick --datasets digit": "There is no dataset 'digit'.\nDid you mean digits?",
    "run quick --datasets covtype --epochs 1": "is not in scikit-learn's cache",
    "run quick --optimizers adm": "There is no optimizer 'adm'.\nDid you mean adam?",
    "run quick --optimizers größe": "There is no optimizer 'größe'.\nChoose from: sgd, ",
    f"run quick --optimizers {'x' * 5_000}": "xxx … xxx",
    "run decay --optimizers sgd-cosin": "This study has no optimizer 'sgd-cosin'.\nDid you mean sgd-cosine?",
    "run quick --sampler grid": "There is no sampler 'grid'.\nChoose from: random, qmc, tpe, gp.",
    "run quick --sampler ''": "There is no sampler ''.",
    "run quick --metric eror": "There is no metric 'eror'.\nDid you mean error?",
    "run quick --metric ''": "There is no metric ''.\nChoose from: error, balanced-error, loss.",
    "run default --metric balanced-error": "is a metric for classes, and diabetes is a regression.",
    "run quick --model cnn": "There is no model 'cnn'.\nGive linear, mlp, or mlp:WIDTH,WIDTH",
    "run quick --model ''": "There is no model ''.",
    "run quick --model mlp:0": "width must be a whole number >= 1, not 0.\nGive 1 or more.",
    "run quick --model mlp:-3": "width must be a whole number >= 1, not -3.",
    "run quick --model mlp:3.5": "There is no model 'mlp:3.5'.",
    "run quick --model mlp:64,": "There is no model 'mlp:64,'.",
    "run quick --model mlp:1000000": "width must be a whole number <= 65536, not 1000000.",
    "run quick --model mlp:9999,9999": "Hidden layers of 9999, 9999 give 100,",
}
NUMBERS = {
    "--blocks 0": "blocks must be a whole number >= 1, not 0.\nGive 1 or more.",
    "--blocks -1": "blocks must be a whole number >= 1, not -1.",
    "--blocks 1.5": "Argument --blocks: '1.5' is no whole number.",
    "--blocks 1000000000": "blocks must be a whole number <= 100000, not 1000000000.",
    "--blocks 100000 --trials 4096": "2,458,200,000 trainings, and a run holds at most 1,000,000.",
    "--trials 0": "draws (--trials) must be a whole number >= 2, not 0.",
    "--trials -1": "draws (--trials) must be a whole number >= 2, not -1.",
    "--trials 1": "draws (--trials) must be a whole number >= 2, not 1.",
    "--epochs 0": "epochs must be a whole number >= 1, not 0.",
    "--epochs -3": "epochs must be a whole number >= 1, not -3.",
    "--epochs 0.5": "Argument --epochs: '0.5' is no whole number.",
    "--jobs -2": "jobs must be a whole number >= 0, not -2.",
    "--jobs 2000": "jobs must be a whole number <= 1024, not 2000.",
    "--seed -1": "seed must be a whole number >= 0, not -1.",
    "--seed 9223372036854775808": "seed must be a whole number <= 9223372036854775807",
    f"--seed {'9' * 4_000}": "not one of more than 20 digits.",
    f"--seed {'9' * 5_000}": "99999 … 9999",
    "--seed 1e3": "Argument --seed: '1e3' is no whole number.",
    "--optimizers ,": "The list of optimizers is empty.\nChoose from: sgd, ",
    "--datasets ''": "The list of datasets is empty.\nChoose from: digits, ",
    "--out ''": "--out cannot be ''.\nName a folder, or leave it out.",
}
OVERRIDES = {
    "--set adm.lr=1": "names no optimizer of this study.\nWrite OPTIMIZER.FIELD, with one of: sgd,",
    "--set lr=1": "--set lr names no optimizer of this study.",
    "--set adam.beta1=0.5 --optimizers sgd": "names no optimizer of this study.",
    "--set adam.beta3=1": "Adam has no 'beta3'.\nDid you mean beta2?",
    "--set adam.lr": "--set 'adam.lr' is no setting.\nWrite --set OPTIMIZER.FIELD=VALUE.",
    "--set adam.lr=fast": "--set 'adam.lr=fast' is no setting.",
    "--set adam.lr==1": "--set 'adam.lr==1' is no setting.",
    "--set ''": "--set '' is no setting.",
    "--set adam.lr=1 --set adam.lr=2": "--set adam.lr is given twice, as 1 and as 2.\nGive it once.",
    "--set adam.beta1=1": "Adam.beta1 must lie in [0, 1); it is 1.\nChoose a value inside the range.",
    "--set adam.beta1=-0.1": "Adam.beta1 must lie in [0, 1); it is -0.1.",
    "--set adam.beta1=nan": "Adam.beta1 must lie in [0, 1); it is nan.",
    "--set sgd.lr=0": "SGD.lr must be > 0 and finite; it is 0.",
    "--set sgd.lr=-1": "SGD.lr must be > 0 and finite; it is -1.",
    "--set sgd.lr=inf": "SGD.lr must be > 0 and finite; it is inf.",
    "--set batch_size=64": "all optimizers of a block train on the same batches.\nHold or search the size",
    "--set adam.batch_size=64": "--set adam.batch_size is not possible",
    "--search adam.batch_size=8:64": "--search adam.batch_size is not possible",
    "--search batch_size=0": "--search 'batch_size=0' is no range.",
    "--search batch_size=0:64": "between whole numbers from 1 to 1048576, not 0:64.",
    "--search batch_size=3.5:64": "between whole numbers from 1 to 1048576, not 3.5:64.",
    "--search batch_size=-4:64": "between whole numbers from 1 to 1048576, not -4:64.",
    "--search batch_size=1:inf": "between whole numbers from 1 to 1048576, not 1:inf.",
    "--search batch_size=nan:64": "between whole numbers from 1 to 1048576, not nan:64.",
    "--search batch_size=64:32": "There is no power of two in --search batch_size=64:32.",
    "--search batch_size=5:7": "There is no power of two in --search batch_size=5:7.",
    "--search batch_size=1024:2048": "A batch of 1024 is larger than the 341 training rows of breast_cancer.",
    "--search adam.lr=1": "--search 'adam.lr=1' is no range.\nWrite --search OPTIMIZER.FIELD=LOW:HIGH",
    "--search adam.lr=1:2:3": "--search 'adam.lr=1:2:3' is no range.",
    "--search adam.lr=a:b": "--search 'adam.lr=a:b' is no range.",
    "--search adam.lr=0:1": "Adam.lr must be > 0 and finite; it is 0.",
    "--search adam.lr=-1:1": "Adam.lr must be > 0 and finite; it is -1.",
    "--search adam.lr=1:inf": "Adam.lr must be > 0 and finite; it is inf.",
    "--search adam.lr=1:1": "adam.lr cannot be searched in 1:1.\nGive LOW:HIGH, LOW < HIGH.",
    "--search adam.lr=nan:1": "adam.lr cannot be searched in nan:1.",
    "--search adam.beta1=0.5:1": "Adam.beta1 must lie in [0, 1); it is 1.",
    "--search adam.beta1=-0.1:0.5": "Adam.beta1 must lie in [0, 1); it is -0.1.",
    "--search adam.eps=0:1": "A range of adam touches 0 on its log scale.",
    "--search adam.lr=1:2 --search adam.lr=1:3": "--search adam.lr is given twice, as 1:2 and as 1:3.",
    "--set sgd.lr=1 --search sgd.lr=1:2": "sgd.lr is both set and searched.\nGive either --set or --search",
}
FILES = {
    "blocks = ": "is no TOML file: Invalid value",
    "blocks = 3\nblocks = 4": "is no TOML file: Cannot overwrite a value",
    "bloks = 3": "has the unknown key 'bloks'.\nDid you mean blocks?",
    "[study]\nblocks = 3": "has the unknown key 'study'.\nChoose from: optimizers, ",
    "blocks = 2.5": "has blocks = 2.5.\nGive a whole number.",
    "blocks = true": "has blocks = True.\nGive a whole number.",
    "blocks = 0": "blocks must be a whole number >= 1, not 0.",
    "trials = -1": "draws (--trials) must be a whole number >= 2, not -1.",
    "trials = 3\ndraws = 4": "has both trials and draws, two words for one thing.\nGive one of them.",
    "seed = 2020-01-01": "has seed = datetime.date(2020, 1, 1).\nGive a whole number.",
    "model = 3": "has model = 3.\nGive a string.",
    "metric = ''": "There is no metric ''.",
    "out = ''": "--out cannot be ''.",
    'out = "a\\u0000b"': "--out cannot be 'a\\x00b'.",
    "datasets = 'wine'": "has datasets = 'wine'.\nGive a list.",
    "datasets = []": "The list of datasets is empty.",
    "datasets = [['wine']]": "has datasets = [['wine']].\nGive a list of names.",
    "optimizers = [1, 2]": "Give a list of names.",
    "set = 3": "has set = 3.\nGive a table.",
    "[set]\n'sgd.lr' = 'fast'": "sets sgd.lr to 'fast'.\nGive a number.",
    "[set]\n'sgd.lr' = true": "sets sgd.lr to True.",
    "[set]\n'sgd.lr' = 0": "SGD.lr must be > 0 and finite; it is 0.",
    "[set]\n'sgd.lr' = -1": "SGD.lr must be > 0 and finite; it is -1.",
    "[set]\n'sgd.lr' = inf": "SGD.lr must be > 0 and finite; it is inf.",
    "[set.adam]\nbeta1 = nan": "Adam.beta1 must lie in [0, 1); it is nan.",
    "[set.adam.beta1]\nx = {y = 1}": "sets adam.beta1 to {'x': {'y': 1}}.",
    "[search]\n'sgd.lr' = 0.1": "searches sgd.lr in 0.1.\nGive [LOW, HIGH].",
    "[search]\n'sgd.lr' = [1, 2, 3]": "searches sgd.lr in [1, 2, 3].",
    "[search]\n'sgd.lr' = [0, 1]": "SGD.lr must be > 0 and finite; it is 0.",
    "[search]\n'sgd.lr' = [1, inf]": "SGD.lr must be > 0 and finite; it is inf.",
    "[search]\nbatch_size = [0, 3.5]": "between whole numbers from 1 to 1048576, not 0:3.5.",
    "[set]\n'sgd.lr' = 1\n[search]\n'sgd.lr' = [1, 2]": "sgd.lr is both set and searched.",
}
OWN = {  # the arguments of a Study in a file of one's own
    "'mine', (Arm('adam', decay='cosin'),), ('wine',)": "There is no decay 'cosin'.\nDid you mean cosine?",
    "'mine', (Arm('adam', batch_sizes=(-1,)),), ('wine',)": "batch size must be a whole number >= 0, not -1",
    "'mine', (Arm('adam', batch_sizes=(3.5,)),), ('wine',)": "must be a whole number >= 0, not 3.5.",
    "'mine', (Arm('adam', batch_sizes=(512,)),), ('wine',)": "A batch of 512 is larger than the 106",
    "'mine', (Arm('adam', fixed={'lr': 'a'}),), ('wine',)": "Adam.lr must be a number, not 'a'.",
    "'mine', (Arm('adam', name='a,b'),), ('wine',)": "An arm's name cannot be 'a,b'.",
    "'mine', (Arm('sgd', name='a'), Arm('adam', name='a')), ('wine',)": "Two arms are named 'a'.",
    "'mine', 'sgd', ('wine',)": "optimizers = 'sgd' is no list of names.",
    "'mine', ('sgd', 3), ('wine',)": "optimizers = ('sgd', 3) is no list of names.",
    "'mine', ('sgd',), ('wine',), blocks='2'": "blocks must be a whole number >= 1, not '2'.",
    "'../../mine', ('sgd',), ('wine',)": "A study's name cannot be '../../mine'.",
    "'', ('sgd',), ('wine',)": "A study's name cannot be ''.",
    "3, ('sgd',), ('wine',)": "A study's name cannot be 3.",
    "'m' * 300, ('sgd',), ('wine',)": "Give at most 60 printable characters",
    "'a\\nb', ('sgd',), ('wine',)": "A study's name cannot be 'a\\nb'.",
    "'quick', ('sgd',), ('wine',)": "names its study 'quick', as a built-in one.",
}
CODE = {
    "1 / 0": "own.py cannot be run (ZeroDivisionError: division by zero).\nMend that file.",
    "def": "own.py cannot be run (SyntaxError: ",
    "import nothing_of_that_name": "own.py cannot be run (ModuleNotFoundError: ",
    "raise SystemExit(7)": "own.py cannot be run (SystemExit: 7).",
    "mine = 3": "own.py has no Study named 'mine'.\nWrite for example my_study = Study(...).",
}


@pytest.fixture
def refused(tmp_path, tmp_path_factory, monkeypatch, capsys):
    """Asks, and checks what every refusal has in common."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path_factory.mktemp("cache")))
    (tmp_path / "own.py").write_text("")

    def ask(*words, holds):
        before = sorted(tmp_path.rglob("*"))
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert out == ""
        sentence, remedy = err.splitlines()
        assert sentence[-1] in ".)"
        assert remedy[-1] in ".?" or ": " in remedy  # a command ends in no full stop
        assert max(map(len, err.splitlines())) < 1_000
        assert holds in err
        assert sorted(tmp_path.rglob("*")) == before, "something was made"

    return ask


@pytest.mark.parametrize("asked", NAMES)
def test_a_name_that_is_not_there_is_answered_with_those_that_are(refused, asked):
    words = ["" if word == "''" else word for word in asked.split()]
    refused(*words, *(["--out", "out"] if words[0] == "run" else []), holds=NAMES[asked])


@pytest.mark.parametrize("asked", [*NUMBERS, *OVERRIDES])
def test_a_value_that_cannot_be_is_answered_with_the_rule(refused, asked):
    words = ["" if word == "''" else word for word in asked.split()]
    refused(*QUICK, "--out", "out", *words, holds=(NUMBERS | OVERRIDES)[asked])


@pytest.mark.parametrize("content", FILES)
def test_a_file_of_overrides_that_cannot_be_meant_is_refused(refused, tmp_path, content):
    (tmp_path / "study.toml").write_text(content)
    refused(*QUICK, "--config", "study.toml", holds=FILES[content])


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("none.toml", "none.toml cannot be read (No such file or directory).\nName a TOML file."),
        ("", ". cannot be read (Is a directory)."),
        ("folder.toml", "folder.toml cannot be read (Is a directory)."),
        ("binary.toml", "binary.toml is no TOML file: 'utf-8' codec can't decode"),
    ],
)
def test_what_is_no_file_of_overrides_is_named(refused, tmp_path, name, holds):
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    refused(*QUICK, "--config", name, holds=holds)


@pytest.mark.parametrize("study", OWN)
def test_a_study_of_one_s_own_keeps_to_the_same_rules(refused, tmp_path, study):
    (tmp_path / "own.py").write_text(f"from studies import Arm, Study\nmine = Study({study})")
    refused("run", "own.py:mine", "--jobs", "1", holds=OWN[study])


@pytest.mark.parametrize("code", CODE)
def test_a_file_of_one_s_own_that_fails_is_named(refused, tmp_path, code):
    (tmp_path / "own.py").write_text(code)
    refused("run", "own.py:mine", holds=CODE[code])


@pytest.mark.parametrize(
    ("out", "holds"),
    [
        ("file", "file is a file, and a run needs a folder.\nChoose another folder with --out."),
        ("file/below", "file/below cannot be written to (Not a directory).\nChoose another --out."),
        ("thesis", "thesis holds something that is not a run (text.txt)."),
        ("x" * 300, "cannot be written to (File name too long)."),
    ],
)
def test_a_place_where_no_run_can_be_is_named(refused, tmp_path, out, holds):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text.txt").write_text("mine")
    refused(*QUICK, "--out", out, holds=holds)


def test_what_a_file_of_one_s_own_prints_stays_out_of_the_results(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(
        "from studies import Study\nprint('loud')\nmine = Study('mine', ('sgd',), ('wine',))"
    )
    assert main(["run", "own.py:mine", "--where"]) == 0
    assert capsys.readouterr() == ("runs/mine\n", "loud\n")


@pytest.mark.parametrize(
    ("asked", "folder"),
    [
        ("--optimizers sgd,SGD,sgd --datasets wine,wine", "runs/quick"),
        ("--set adam.lr=0.1 --set adam.lr=0.1", "runs/quick--adam.lr=0.1"),
        ("--model mlp:1_6", "runs/quick--model=mlp:16"),
        ("--metric balanced-error --datasets wine", "runs/quick--metric=balanced-error"),
        ("--out ../näme/x", "../näme/x"),
    ],
)
def test_what_looks_odd_but_can_be_meant_is_understood(capsys, asked, folder):
    assert main(["run", "quick", *asked.split(), "--where"]) == 0
    assert capsys.readouterr().out.strip() == folder


def test_many_changes_still_fit_into_a_folder_s_name(capsys):
    words = [f"--set={name}.lr=0.12345678" for name in ("sgd", "momentum", "adam")]
    words += [
        f"--search={name}=0.1234567:0.7654321" for name in ("momentum.beta", "adam.beta1", "adam.beta2")
    ]
    names = []
    for seed in ("1", "2"):
        assert main(["run", "quick", *words, "--model", "mlp:8,8,8", "--seed", seed, "--where"]) == 0
        names.append(capsys.readouterr().out.strip())
    assert len(set(names)) == 2
    assert max(map(len, names)) < 200
