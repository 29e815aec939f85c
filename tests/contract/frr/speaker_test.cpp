#include "tests/support/frr_bench.hpp"

using Bench = anycast::test::FrrBench;

#include "tests/support/speaker_contract.hpp"
