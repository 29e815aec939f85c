#include "adapters/bird/operator_config.hpp"

#include <filesystem>

#include "controller/base/text.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/folder.hpp"

using namespace anycast;
using namespace anycast::bird;

namespace {

namespace fs = std::filesystem;

struct OperatorFolder : Folder {
  OperatorFolder() {
    fs::create_directory(path("run"));
    write("run/bird.conf", "# ours\n");
  }
  OperatorConfig config(const std::string& text) const {
    write("bird.conf", text);
    return read_operator_config(path("bird.conf"), path("run/bird.conf")).value();
  }
};

std::vector<std::string> paths(std::string_view text) {
  std::vector<std::string> out;
  for (const auto& include : includes_of(text, "/etc/bird/bird.conf")) out.push_back(include.path);
  return out;
}

}  // namespace

TEST_CASE("includes stand at the beginning of a line and outside of comments") {
  CHECK(paths("include \"a.conf\";\n  include\t\"/b/*.conf\" ; # why\n") ==
        std::vector<std::string>{"/etc/bird/a.conf", "/b/*.conf"});
  CHECK(paths("# include \"a\";\n/* include \"b\";\ninclude \"c\";\n*/\ninclude \"d\";") ==
        std::vector<std::string>{"/etc/bird/d"});
  CHECK(paths("log \"/* no comment\" all;\ninclude \"a\";\nrouter id 1; include \"b\";\n"
              "include \"c\"\ninclude d;\nincluded \"e\";\n") ==
        std::vector<std::string>{"/etc/bird/a"});
  CHECK(paths("define a = 1; # /* not this\ninclude \"a\";").size() == 1);
}

TEST_CASE("our fragment is found by name, by pattern, in a nested file, over a link, or not") {
  const OperatorFolder f;
  CHECK(f.config("include \"" + f.path("run/bird.conf") + "\";\n").attachment ==
        Attachment::direct);
  CHECK(f.config("include \"run/../run/bird.conf\";\n").attachment == Attachment::direct);
  CHECK(f.config("include \"run/*.conf\";\n").attachment == Attachment::covered);
  CHECK(f.config("include \"run/*.cfg\";\n").attachment == Attachment::none);
  CHECK(f.config("# include \"run/bird.conf\";\n").attachment == Attachment::none);
  f.write("nested.conf", "include \"run/bird.conf\";\n");
  const auto nested = f.config("include \"nested.conf\";\n");
  CHECK(nested.attachment == Attachment::covered);
  CHECK(nested.files == std::vector<std::string>{f.path("bird.conf"), f.path("nested.conf")});
  fs::create_directory_symlink(f.path("run"), f.path("varrun"));
  CHECK(f.config("include \"varrun/bird.conf\";\n").attachment == Attachment::direct);
  CHECK(f.config("include \"varrun/*.conf\";\n").attachment == Attachment::covered);
}

TEST_CASE("files that include each other, or are not there, end the walk") {
  const OperatorFolder f;
  f.write("a.conf", "include \"b.conf\";\n");
  f.write("b.conf", "include \"a.conf\";\ninclude \"missing.conf\";\n");
  CHECK(f.config("include \"a.conf\";\n").files.size() == 3);
  CHECK(!read_operator_config(f.path("none.conf"), f.path("run/bird.conf")));
}

TEST_CASE("only the operator's own files count as edited") {
  const OperatorFolder f;
  f.write("a.conf", "");
  const auto config = f.config("include \"a.conf\";\ninclude \"run/bird.conf\";\n");
  const auto now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  CHECK(edited_since(config, now + hours{1}).empty());
  CHECK(edited_since(config, now - hours{1}) ==
        std::vector<std::string>{f.path("bird.conf"), f.path("a.conf")});
}

TEST_CASE("the twin names the candidate and nothing else changes but relative includes") {
  const OperatorFolder f;
  const auto config = f.config(
      "router id 192.0.2.1;\n  include \"run/bird.conf\"; # ours\n"
      "include \"a/*.conf\";\ninclude \"/b.conf\";\n");
  CHECK(twin_of(config, f.path("bird.conf"), f.path("run/bird.conf"), "/run/x.frag") ==
        "router id 192.0.2.1;\n  include \"/run/x.frag\"; # ours\ninclude \"" + f.name() +
            "/a/*.conf\";\ninclude \"/b.conf\";\n");
}
