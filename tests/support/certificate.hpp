#pragma once

#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/child.hpp"

namespace anycast::test {

/// A certificate NAME.pem with its key NAME.key, for that name and 127.0.0.1; `issuer` empty: a CA
/// of its own.
inline void certify(const TempDir& dir, const std::string& name, const std::string& issuer) {
  std::vector<std::string> command{"openssl",
                                   "req",
                                   "-x509",
                                   "-newkey",
                                   "ec",
                                   "-pkeyopt",
                                   "ec_paramgen_curve:prime256v1",
                                   "-nodes",
                                   "-days",
                                   "2",
                                   "-subj",
                                   "/CN=" + name,
                                   "-keyout",
                                   dir.file(name + ".key"),
                                   "-out",
                                   dir.file(name + ".pem")};
  if (!issuer.empty()) {
    command.insert(command.end(),
                   {"-CA", dir.file(issuer + ".pem"), "-CAkey", dir.file(issuer + ".key"),
                    "-addext", "subjectAltName=IP:127.0.0.1,DNS:" + name, "-addext",
                    "basicConstraints=critical,CA:FALSE"});
  }
  REQUIRE(Child{command, dir.file("log")}.wait() == 0);
}

}  // namespace anycast::test
