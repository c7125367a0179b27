// Reports of crashes. In C, since what runs in a signal handler may neither allocate nor take a lock, which no Swift code
// promises.
#pragma once

#include <stdint.h>

// From now on SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT and SIGFPE write one line of JSON to standard error and to
// `directory`/crash-SECONDS-PID.json, and then end the process as they would have. `directory` may be missing: it is made
// by nobody. 0, or -1 with errno.
int ccrash_install(const char *program, const char *directory);

// A stack for the handlers in this thread, so that one whose own stack has run out can report too. Freed by
// ccrash_leave_thread.
void ccrash_enter_thread(void);
void ccrash_leave_thread(void);

// The signal at which a process that called ccrash_install writes a line for each of its threads to standard error.
int ccrash_stacks_signal(void);

// A word that becomes 1 when this thread crashes, or is asked for its stack because the process is to be killed.
void ccrash_set_mark(uint32_t *word);
