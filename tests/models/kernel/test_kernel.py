"""The compiled kernel and numpy give the same bits for any forest, rows and processor level."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import json
import multiprocessing
import platform
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.booster.forest_text import forest_from_text
from models.inference.forest import ZERO_THRESHOLD, Forest
from models.kernel import layout, library
from models.kernel.library import LIBRARIES, RECORD, KernelUnavailableError, engine, library_name, open_kernel
from models.kernel.native_forest import prepare
from valuation.errors import SettingError
from valuation.numeric.exact_math import asinh, exp, log, sinh

HIGHEST = library.kernel()
LEVELS = [] if HIGHEST is None else ["baseline", "v3", "v4"][: ["baseline", "v3", "v4"].index(HIGHEST.level) + 1]
KERNELS = [open_kernel(level) for level in LEVELS]
COLUMNS = 5
SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-40, -1e-36, 1e-35, ZERO_THRESHOLD, -ZERO_THRESHOLD, 5e-324, 1e300]


def same_bits(found, expected):
    return np.asarray(found).tobytes() == np.asarray(expected).tobytes()


def random_forest(rng, *, trees, leaves, thresholds, categories=0.2):
    """Return a random forest with splits of every kind over few thresholds, so that ties occur."""
    pool = np.concatenate([rng.normal(size=thresholds), rng.choice([0.0, np.inf, 1e-36, -1e-35, 3.0], size=3)])
    columns = {name: [] for name in ("feature", "threshold", "left", "right", "default", "missing", "set", "value")}
    roots, starts, words, bits = [], [], [], []
    for _ in range(trees):
        splits = int(rng.integers(0, leaves))
        root = len(columns["feature"])
        roots.append(root)
        children, open_ends = np.zeros((splits, 2), dtype=int), [(None, 0)]
        for split in range(splits):
            parent, side = open_ends.pop(int(rng.integers(0, len(open_ends))))
            if parent is not None:
                children[parent, side] = split
            open_ends += [(split, 0), (split, 1)]
        for leaf, (parent, side) in enumerate(open_ends):
            if parent is not None:
                children[parent, side] = splits + leaf
        for node in range(2 * splits + 1):
            is_split = node < splits
            is_set = is_split and rng.random() < categories
            members = rng.integers(0, 2**32, size=int(rng.integers(1, 4)), dtype=np.uint32) if is_set else []
            columns["feature"].append(int(rng.integers(0, COLUMNS)) if is_split else 0)
            columns["threshold"].append(float(rng.choice(pool)) if is_split else 0.0)
            columns["left"].append(root + (children[node, 0] if is_split else node))
            columns["right"].append(root + (children[node, 1] if is_split else node))
            columns["default"].append(bool(rng.integers(0, 2)))
            columns["missing"].append(int(rng.integers(0, 3)) if is_split else 0)
            columns["set"].append(is_set)
            columns["value"].append(0.0 if is_split else float(rng.normal() * 10.0 ** rng.integers(-9, 9)))
            starts.append(len(bits))
            words.append(len(members))
            bits.extend(members)
    return Forest(
        roots=np.array(roots, dtype=np.int64),
        split_feature=np.array(columns["feature"], dtype=np.int64),
        threshold=np.array(columns["threshold"]),
        left=np.array(columns["left"], dtype=np.int64),
        right=np.array(columns["right"], dtype=np.int64),
        default_left=np.array(columns["default"], dtype=np.bool_),
        missing=np.array(columns["missing"], dtype=np.int64),
        is_category=np.array(columns["set"], dtype=np.bool_),
        category_start=np.array(starts, dtype=np.int64),
        category_words=np.array(words, dtype=np.int64),
        category_bits=np.array(bits, dtype=np.uint32),
        value=np.array(columns["value"]),
        cover=np.ones(len(columns["value"])),
        depth=leaves,
        features=COLUMNS,
    )


def hard_rows(rng, forest, rows):
    """Return rows on thresholds, one bit beside them, and with every special number."""
    known = np.concatenate([forest.threshold, SPECIAL])
    cells = rng.choice(known, size=(rows, COLUMNS))
    beside = np.nextafter(cells, rng.choice([-np.inf, np.inf], size=cells.shape))
    cells = np.where(rng.random(cells.shape) < 0.4, beside, cells)
    whole = rng.integers(-3, 130, size=cells.shape) + rng.choice([0.0, 0.5], size=cells.shape)
    return np.where(rng.random(cells.shape) < 0.3, whole, cells)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), leaves=st.sampled_from([1, 2, 5, 40, 128]), rows=st.sampled_from([1, 23, 64, 300]))
def test_every_processor_level_agrees_with_numpy(seed, leaves, rows):
    rng = np.random.default_rng(seed)
    forest = random_forest(rng, trees=int(rng.integers(1, 30)), leaves=leaves, thresholds=int(rng.integers(1, 60)))
    matrix = hard_rows(rng, forest, rows)
    expected = forest.predict_numpy(matrix)
    for kernel in KERNELS:
        program = prepare(forest, kernel)
        assert program is not None
        assert same_bits(program.predict(matrix), expected), kernel.level


@pytest.mark.parametrize(("leaves", "thresholds"), [(300, 20), (60, 2000), (128, 253), (129, 5)])
def test_many_leaves_and_thresholds_take_wider_codes(leaves, thresholds):
    rng = np.random.default_rng(leaves + thresholds)
    forest = random_forest(rng, trees=60, leaves=leaves, thresholds=thresholds)
    matrix = hard_rows(rng, forest, 70)
    for kernel in KERNELS:
        program = prepare(forest, kernel)
        assert program.wide == (leaves > 128 or thresholds > 254 or program.views > 256)
        assert same_bits(program.predict(matrix), forest.predict_numpy(matrix)), kernel.level


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), bins=st.sampled_from([15, 255, 1023]), zero_as_missing=st.booleans())
def test_every_processor_level_agrees_with_lightgbm(train, random_rows, seed, bins, zero_as_missing):
    booster = train(seed, leaves=[6, 31, 200][seed % 3], zero_as_missing=zero_as_missing, max_bin=bins)
    forest = forest_from_text(booster.model_to_string())
    matrix = random_rows(np.random.default_rng(seed), 400)
    matrix[: len(SPECIAL), 0] = SPECIAL
    expected = booster.predict(matrix, raw_score=True, num_threads=1)
    for kernel in KERNELS:
        assert same_bits(prepare(forest, kernel).predict(matrix), expected), kernel.level


@pytest.fixture(scope="module")
def forest():
    return random_forest(np.random.default_rng(1), trees=40, leaves=31, thresholds=40)


@pytest.mark.parametrize("rows", [0, 1, 23, 24, 63, 64, 65, 255, 256, 257, 280, 300])
def test_a_row_is_its_row_in_any_batch(forest, rows):
    matrix = hard_rows(np.random.default_rng(2), forest, 300)
    assert same_bits(forest.predict(matrix[:rows]), forest.predict_numpy(matrix)[:rows])


def test_any_layout_of_memory_will_do(forest):
    matrix = hard_rows(np.random.default_rng(3), forest, 90)
    expected = forest.predict_numpy(matrix)
    wider = np.column_stack([np.ones(90), matrix, np.ones((90, 2))])
    for given_rows in (np.asfortranarray(matrix), wider[:, 1:6], wider[:, 1:]):
        assert same_bits(forest.predict(given_rows), expected)
    assert same_bits(forest.predict(matrix[::-2]), expected[::-2])
    whole = np.arange(90 * COLUMNS).reshape(90, COLUMNS) % 7
    assert same_bits(forest.predict(whole), forest.predict_numpy(whole.astype(float)))


def test_too_few_columns_are_refused(forest):
    with pytest.raises(ValueError, match="5 columns, the rows have 4"):
        forest.program.predict(np.zeros((2, 4)))


def test_threads_do_not_disturb_each_other(forest):
    matrix = hard_rows(np.random.default_rng(4), forest, 2000)
    expected = forest.predict_numpy(matrix)
    fresh = replace(forest)
    with ThreadPoolExecutor(8) as pool:
        parts = [slice(start, start + 1 + start % 300) for start in range(0, 2000, 7)] * 4
        for part, found in zip(parts, pool.map(lambda part: fresh.predict(matrix[part]), parts), strict=True):
            assert same_bits(found, expected[part])


def _ask(asked):
    forest, matrix = asked
    return forest.predict(matrix)


def test_a_spawned_process_gives_the_same_values(forest):
    matrix = hard_rows(np.random.default_rng(5), forest, 40)
    expected = forest.predict(matrix)  # prepared before it is sent
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert same_bits(pool.submit(_ask, (forest, matrix)).result(), expected)


@pytest.mark.parametrize("damage", ["a child before its parent", "a child in another tree", "a feature out of the row"])
def test_a_forest_the_kernel_may_not_read_is_left_to_numpy(forest, damage):
    node = int(np.flatnonzero(forest.left != np.arange(len(forest.left)))[0])
    left, feature = forest.left.copy(), forest.split_feature.copy()
    if damage == "a feature out of the row":
        feature[node] = COLUMNS
    else:
        left[node] = node if damage == "a child before its parent" else len(left) - 1
    assert prepare(replace(forest, left=left, split_feature=feature), HIGHEST or KERNELS[0]) is None


@pytest.mark.parametrize("choice", ["numpy", *LEVELS])
def test_the_setting_chooses(forest, choice, monkeypatch):
    monkeypatch.setenv("CANZHI_KERNEL", choice)
    library.kernel.cache_clear()
    try:
        said, matrix = engine(), hard_rows(np.random.default_rng(6), forest, 30)
        assert said.split()[-1] == choice
        assert same_bits(replace(forest).predict(matrix), forest.predict_numpy(matrix))
        assert (replace(forest).program is None) == (choice == "numpy")
    finally:
        library.kernel.cache_clear()


def test_an_unknown_choice_is_refused_with_the_way_out():
    with pytest.raises(SettingError) as caught:
        open_kernel("avx9")
    assert "baseline" in caught.value.hint


def test_a_changed_library_is_never_opened(tmp_path, monkeypatch):
    for path in LIBRARIES.iterdir():
        shutil.copyfile(path, tmp_path / path.name)
        if path.name != RECORD:
            (tmp_path / path.name).write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(KernelUnavailableError, match="not the library that was built"):
        open_kernel("auto", tmp_path)
    monkeypatch.setattr(library.open_kernel, "__defaults__", (tmp_path,))
    library.kernel.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match="numpy evaluates"):
            assert library.kernel() is None
    finally:
        library.kernel.cache_clear()


@pytest.mark.parametrize("level", LEVELS)
def test_a_library_states_every_size_offset_and_constant(level):
    opened = open_kernel(level)
    stated = layout.stated_layout(
        ctypes.CDLL(str(LIBRARIES / library_name(sys.platform, platform.machine()))), opened.level
    )
    assert stated == layout.expected_layout()
    assert {"program.leaves", "paths.weight", "model.base_share", "blend_step", "GROUP", "LEVEL_TERM"} <= set(stated)


def test_a_library_of_another_layout_is_never_used(monkeypatch):
    monkeypatch.setitem(layout.CONSTANTS, "GROUP", 16)
    with pytest.raises(
        KernelUnavailableError, match="GROUP is 12 in the kernel and 16 in Python; install canzhi again"
    ):
        open_kernel("baseline")
    monkeypatch.undo()
    monkeypatch.setattr(library, "stated_layout", lambda *_: {})  # a library from before layouts were stated
    with pytest.raises(KernelUnavailableError, match="absent in the kernel"):
        open_kernel("baseline")


def test_a_platform_without_a_library_is_numpys():
    record = json.loads((LIBRARIES / RECORD).read_text(encoding="utf-8"))
    assert library_name("sunos5", "sparc64") not in record["libraries"]
    assert {"linux_x86_64.so", "linux_aarch64.so"} == set(record["libraries"])


def test_the_libraries_are_those_of_the_sources():
    path = Path(__file__).parents[3] / "tools" / "kernel.py"
    specification = importlib.util.spec_from_file_location("tools_kernel", path)
    tool = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(tool)
    record = json.loads((LIBRARIES / RECORD).read_text(encoding="utf-8"))
    assert record["source"] == tool.source_digest(), "the sources changed: run ./canzhi kernel"
    for name, digest in record["libraries"].items():
        assert hashlib.sha256((LIBRARIES / name).read_bytes()).hexdigest() == digest
    assert set(record["libraries"]) == set(tool.PLATFORMS)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("which", "function"), list(enumerate([exp, log, asinh, sinh])))
def test_the_kernels_elementary_functions_are_the_valuations(level, which, function):
    rng = np.random.default_rng(which)
    rows = 60_000
    numbers = np.concatenate(
        [
            rng.integers(0, 2**64, rows, dtype=np.uint64).view(np.float64),  # any bits at all
            rng.normal(size=rows) * 10.0 ** rng.integers(-12, 12, rows),
            rng.uniform(-746.0, 711.0, rows),
            rng.uniform(-745.2, -700.0, rows),  # results below the normal numbers
            np.nextafter(np.array([0.02, 0.05, 0.7071067811865476, -745.0, 709.0]), np.inf),
            np.array([0.02, 0.05, 0.7071067811865476, -745.0, 709.0, *SPECIAL]),
        ]
    )
    found = np.empty_like(numbers)
    open_kernel(level).gil_released["elementary"](which, numbers.ctypes.data, len(numbers), found.ctypes.data)
    with np.errstate(all="ignore"):
        expected = function(numbers)
    unknown = np.isnan(expected)
    assert np.array_equal(np.isnan(found), unknown)
    assert same_bits(found[~unknown], expected[~unknown])
