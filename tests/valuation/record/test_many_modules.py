"""The module columns of many packs equal those of each pack alone, bit for bit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from valuation.record.history import Module
from valuation.record.modules import MODULE_COLUMNS, Modules, describe_many, describe_modules

CODES = ("001MB0A0000001A680000123", "T01ME010000001B170000123", "001mb0a0000001a680000123", "T01M1", "车", None)
MODULES = st.lists(st.builds(Module, battery_code=st.sampled_from(CODES), soh=st.none() | st.floats(0.0, 1.2)))


@given(st.lists(st.tuples(st.sampled_from(("001PB0A0000001A680000123", "T01PB", "", None)), MODULES), max_size=6))
def test_many_packs_at_once_equal_one_by_one(packs):
    owner = np.array([place for place, (_, listed) in enumerate(packs) for _ in listed], dtype=np.int64)
    listed = [module for _, modules in packs for module in modules]
    described = describe_many(
        owner,
        Modules(
            codes=[module.battery_code or "" for module in listed],
            soh=np.array([np.nan if module.soh is None else module.soh for module in listed]),
        ),
        [code for code, _ in packs],
    )
    alone = np.array([describe_modules(code, modules) for code, modules in packs]).reshape(-1, len(MODULE_COLUMNS))
    for place, name in enumerate(MODULE_COLUMNS):
        assert np.array_equal(described[name], alone[:, place], equal_nan=True), name
