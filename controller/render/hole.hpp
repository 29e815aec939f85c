#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/render/template.hpp"

namespace anycast::render {

/// The types of a hole:
///   ident      letter or '_', then letters, digits, '_'; at most 63 characters
///   word       is_name(): also '-', at most 32 characters; for comments
///   symbol     letters, digits, '_', '-', '.', ':'; at most 63 characters; put between ' where
///   BIRD
///              wants it (conf/cf-lex.l)
///   label      the same letters, never put between anything; for FRR, which takes them as they are
///   prefix     a network without host bits, printed in its canonical form
///   ip         an address, printed in its canonical form
///   asn        1 to 4294967294, without 23456 and 65535 (RFC 7607, 6793, 7300)
///   u32        0 to 4294967295
///   community  "65535:0", printed as "65535,0"; "64500:1:2", printed as "64500,1,2"
///   pair       "65535:0", printed as it is
///   triple     "64500:1:2", printed as it is
///   path       an absolute path of letters, digits, '/', '_', '-', '.', at most 200 characters
///   string     printable ASCII without '"' and '\', put between " (BIRD and FRR know no escapes)
const std::vector<std::string>& hole_types();

/// The text that stands in the place of the hole, or why the value cannot.
Result<std::string> fill(std::string_view type, const Data& value);

}  // namespace anycast::render
