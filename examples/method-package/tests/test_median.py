"""The laws that every merging method keeps."""

from tangent_bench.testing import check_method


def test_laws():
    check_method("median_merge")
