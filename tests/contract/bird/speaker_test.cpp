#include "tests/support/bird_bench.hpp"

using Bench = anycast::test::BirdBench;

#include "tests/support/speaker_contract.hpp"
