"""exp and log: as accurate as the library's, and the same bits on every machine."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuation.numeric.exact_math import asinh, exp, log, normal_cdf, normal_quantile, power, sinh


def one(function, *arguments):
    return float(function(*(np.array([argument]) for argument in arguments))[0])


def exact(method, x):
    """Return the exponential or logarithm of a decimal to 50 digits, as the nearest float."""
    with localcontext() as context:
        context.prec = 50
        return float(getattr(Decimal(x), method)())


def ulps(found, right):
    return abs(found - right) / math.ulp(right)


@given(st.floats(-700.0, 700.0))
def test_exp_is_right_to_four_units_in_the_last_place(x):
    assert ulps(one(exp, x), exact("exp", x)) <= 4.0


@given(st.floats(1e-300, 1e300))
def test_log_is_right_to_four_units_in_the_last_place(x):
    right = exact("ln", x)
    assert abs(one(log, x) - right) <= 4.0 * math.ulp(right) + 4e-17  # next to 1 the logarithm itself vanishes


@given(st.floats(-1e6, 1e6))
def test_asinh_and_sinh_are_accurate_and_inverse(x):
    there = one(asinh, x)
    assert there == pytest.approx(math.asinh(x), rel=2e-14, abs=1e-300)
    assert one(sinh, there) == pytest.approx(x, rel=1e-13, abs=1e-300)  # the exponential magnifies the last place


@given(st.floats(-20.0, 20.0))
def test_sinh_equals_the_library(x):
    assert one(sinh, x) == pytest.approx(math.sinh(x), rel=1e-13, abs=1e-300)


@given(st.floats(1e-6, 1e6), st.floats(-5.0, 5.0))
def test_powers_equal_the_library(base, exponent):
    assert one(power, base, exponent) == pytest.approx(base**exponent, rel=1e-13)


@given(st.floats(-8.0, 8.0))
def test_the_normal_distribution_is_accurate_to_1e_7(x):
    assert one(normal_cdf, x) == pytest.approx(0.5 * math.erfc(-x / math.sqrt(2.0)), abs=1e-7)


@given(st.floats(0.001, 0.999))
def test_quantiles_invert_the_distribution(share):
    assert one(normal_cdf, one(normal_quantile, share)) == pytest.approx(share, abs=1e-8)
    assert one(normal_quantile, share) == pytest.approx(-one(normal_quantile, 1.0 - share), abs=1e-6)


@pytest.mark.parametrize("function", [exp, log, asinh, sinh, normal_cdf])
def test_functions_are_monotone_and_elementwise(function):
    x = np.linspace(0.001, 30.0, 4001)
    values = function(x)
    assert (np.diff(values) >= 0.0).all()
    assert [one(function, value) for value in x[::97]] == values[::97].tolist()


def test_nan_stays_nan_and_bounds_are_kept():
    unknown = np.array([np.nan])
    for function in (exp, log, asinh, sinh, normal_cdf):
        assert np.isnan(function(unknown)).all()
    assert log(np.array([np.inf, 0.0, -1.0])).tolist()[:2] == [math.inf, -math.inf]
    assert exp(np.array([-800.0, 0.0])).tolist()[1] == 1.0
    assert power(np.array([0.0, 4.0]), 0.5).tolist() == [0.0, 2.0]
    assert np.isnan(power(np.array([-1.0]), 2.0)).all()


# Recorded once; a machine, a compiler or a numpy that gives other bits breaks every stored valuation.
RECORDED = {
    exp: {
        -37.5: "0x1.dd5c566301ec8p-55",
        -1.0: "0x1.78b56362cef38p-2",
        -0.04: "0x1.ebec97e700b8dp-1",
        1e-09: "0x1.000000044b830p+0",
        0.019: "0x1.04e916a97ec0ep+0",
        0.05: "0x1.0d201a422a433p+0",
        0.5: "0x1.a61298e1e069cp+0",
        1.0: "0x1.5bf0a8b14576ap+1",
        2.718281828459045: "0x1.e4efb75e4527ap+3",
        35.0: "0x1.689e221bc8d5bp+50",
    },
    log: {
        1e-09: "-0x1.4b927f32bffb8p+4",
        0.019: "-0x1.fb4df2d1b4c14p+1",
        0.05: "-0x1.7f7427b73e391p+1",
        0.5: "-0x1.62e42fefa39efp-1",
        1.0: "0x0.0p+0",
        2.718281828459045: "0x1.0000000000000p+0",
        35.0: "0x1.c715a530ff3c5p+1",
    },
    asinh: {
        -37.5: "-0x1.1454a31eadd04p+2",
        -1.0: "-0x1.c34366179d426p-1",
        -0.04: "-0x1.4797b9f9e73f1p-5",
        1e-09: "0x1.12e0be826d695p-30",
        0.019: "0x1.3746fb63b6165p-6",
        0.05: "0x1.996df55a826c8p-5",
        0.5: "0x1.ecc2caec5160ap-2",
        1.0: "0x1.c34366179d426p-1",
        2.718281828459045: "0x1.b9b2abdf5c076p+0",
        35.0: "0x1.0feab04e632b8p+2",
    },
    sinh: {
        -37.5: "-0x1.1293919c201e5p+53",
        -1.0: "-0x1.2cd9fc44eb983p+0",
        -0.04: "-0x1.47c4738fab5e7p-5",
        1e-09: "0x1.12e0be826d695p-30",
        0.019: "0x1.37509224de58fp-6",
        0.05: "0x1.99c54bcf10e08p-5",
        0.5: "0x1.0acd00fe63b97p-1",
        1.0: "0x1.2cd9fc44eb983p+0",
        2.718281828459045: "0x1.e2d3246d48e6fp+2",
        35.0: "0x1.689e221bc8d5bp+49",
    },
    normal_cdf: {
        -1.0: "0x1.44ed0c794bdc4p-3",
        -0.04: "0x1.efa9e2c3d18b4p-2",
        1e-09: "0x1.00000007ef5aep-1",
        0.019: "0x1.03e1755e4b078p-1",
        0.05: "0x1.0a356d97d7e81p-1",
        0.5: "0x1.62075e5b1db40p-1",
        1.0: "0x1.aec4bce1ad08fp-1",
        2.718281828459045: "0x1.fe51eef60b009p-1",
    },
    normal_quantile: {
        0.005: "-0x1.49b4d75d3a21ap+1",
        0.05: "-0x1.a5151e0a83e1fp+0",
        0.25: "-0x1.5956b0e38663ap-1",
        0.5: "0x1.699ab3e588ca2p-30",
        0.95: "0x1.a5151e0a83e20p+0",
        0.995: "0x1.49b4d75d3a218p+1",
    },
}


@pytest.mark.parametrize("function", RECORDED, ids=lambda function: function.__name__)
def test_the_bits_are_those_recorded(function):
    recorded = RECORDED[function]
    found = function(np.array(list(recorded)))
    assert [float(value).hex() for value in found] == list(recorded.values())


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=40))
def test_scalar_and_array_paths_give_the_same_bits(values):
    many = np.concatenate([np.array(values), np.linspace(-3.0, 3.0, 50)])
    for function in (exp, log):
        together = function(many)[: len(values)]
        one_by_one = np.concatenate([function(many[place : place + 1]) for place in range(len(values))])
        assert np.array_equal(together, one_by_one, equal_nan=True)
        assert np.array_equal(np.signbit(together), np.signbit(one_by_one)) or np.isnan(together).any()
