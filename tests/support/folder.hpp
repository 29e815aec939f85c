#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace anycast {

/// A new folder that goes with the object.
class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "anycastd-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    name_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(name_, ignored);
  }
  const std::string& name() const { return name_; }
  std::string path(const std::string& file) const { return name_ + "/" + file; }
  void write(const std::string& file, const std::string& text) const {
    std::ofstream{path(file), std::ios::binary} << text;
  }

 private:
  std::string name_;
};

}  // namespace anycast
