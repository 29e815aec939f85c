#include "tests/support/process.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace anycast::test {

pid_t spawn(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const auto pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

pid_t new_space() {
  int ready[2];
  if (::pipe2(ready, O_CLOEXEC) != 0) return -1;
  const auto pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const char made = ::unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
    if (::write(ready[1], &made, 1) != 1 || made != 'y') ::_exit(1);
    for (;;) ::pause();
  }
  char made = 'n';
  ::close(ready[1]);
  if (::read(ready[0], &made, 1) != 1) made = 'n';
  ::close(ready[0]);
  if (made == 'y') return pid;
  ::waitpid(pid, nullptr, 0);
  return -1;
}

void end_process(pid_t& pid) {
  if (pid <= 0) return;
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  pid = 0;
}

void freeze_process(pid_t pid) {
  ::kill(pid, SIGSTOP);
  int status = 0;
  ::waitpid(pid, &status, WUNTRACED);
}

std::vector<std::string> inside(pid_t space, std::vector<std::string> words) {
  std::vector<std::string> all{"nsenter", "-t", std::to_string(space), "-n"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

int run_program(const std::vector<std::string>& words) {
  const auto pid = spawn(words);
  int status = 0;
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace anycast::test
