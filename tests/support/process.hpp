#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace anycast::test {

/// Starts a program that dies with us; its output goes nowhere.
pid_t spawn(const std::vector<std::string>& words);
/// Kills a process that we started and waits for it; `pid` is then 0. Nothing where it is none.
void end_process(pid_t& pid);
/// Stops it as SIGSTOP does, and waits until it has.
void freeze_process(pid_t pid);
/// Runs a program to its end, quietly; its exit status, or -1.
int run_program(const std::vector<std::string>& words);

/// A process that does nothing but keep a network namespace of its own, or -1.
pid_t new_space();
/// The words of a program to be run in that namespace; nsenter(1) replaces itself, so the pid is
/// the program's own.
std::vector<std::string> inside(pid_t space, std::vector<std::string> words);

}  // namespace anycast::test
