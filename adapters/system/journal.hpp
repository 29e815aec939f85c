#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/ports/ports.hpp"

namespace anycast {

/// Events as journal records with fields of our own (`journalctl ANYCASTD_UPSTREAM=cmi`), or as one
/// line each on a file descriptor where standard error does not lead to the journal.
class SystemJournal final : public Journal {
 public:
  enum class Sink { journal, lines };

  SystemJournal(Sink sink, int fd);
  /// The journal if standard error is connected to it, else lines on standard error.
  SystemJournal();

  void write(const Event& event) override;
  Sink sink() const { return sink_; }

 private:
  Sink sink_;
  int fd_;
  bool prefixed_;  ///< "<5>" before each line (sd-daemon(3)); a person at a terminal does not need
                   ///< it
};

/// Sink::journal where `journal_stream` (the value of $JOURNAL_STREAM, or empty) is "device:inode"
/// of `fd` and the journal's socket exists. Asked once at start: sd_journal_send(3) reports success
/// even where nobody listens, and the record is gone.
SystemJournal::Sink journal_sink(std::string_view journal_stream, int fd,
                                 const std::string& journal_socket);

/// "NAME=value" for every field that the event has; PRIORITY and MESSAGE always.
std::vector<std::string> journal_fields(const Event& event);

/// The id that the message catalogue explains, 32 hex digits, or empty for a kind without an entry.
/// A "step" is told apart by the stance that it leads to.
std::string_view message_id(const Event& event);

}  // namespace anycast
