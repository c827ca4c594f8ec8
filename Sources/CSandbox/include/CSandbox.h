// What the runner needs of Linux and Swift cannot say: memory files, the seccomp filter, and the reading of /proc.
//
// Every function returns a negative errno on failure. All descriptors are close-on-exec.
#ifndef CSANDBOX_H
#define CSANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// A sealed memory file that holds these bytes, at its beginning.
int pn_memory_file(const char *name, const void *bytes, size_t count);

/// A second descriptor of a memory file, with a position of its own, at the beginning. Read-only.
int pn_reopen(int fd);

/// A pipe. `own` ends (0: read end, 1: write end) stay with the daemon and do not block; -1 for none.
int pn_pipe(int fds[2], int own);

/// The filter of compute.md 4.5, as a memory file of BPF instructions. `omitted` names one group of rules to leave out,
/// for the tests that plant holes; NULL in a daemon.
int pn_filter(const char *omitted);

/// 0 if a process of an ordinary user can make the namespaces that a sandbox needs, else a negative errno. For the words
/// of a diagnosis only: what a node offers is decided by what has run.
int pn_can_unshare(void);

/// What the processes below one process use, read from /proc.
struct pn_sample {
    uint64_t resident_bytes;
    /// User and system time of all, ended ones included, µs, in steps of the kernel's clock tick.
    uint64_t cpu_micros;
    /// Processes and threads.
    uint32_t tasks;
    /// Space used in the scratch folder, and files in all folders that the program can write.
    uint64_t disk_bytes;
    uint64_t inodes;
    /// Whether `root` exists.
    bool alive;
};

/// Samples `root` (process 1 of a sandbox, as seen from here) and everything below it, but not `root` itself. At most
/// `tasks_max` tasks are visited. Blocks for about 20 µs a process: not on the loop.
void pn_read_sample(pid_t root, uint32_t tasks_max, struct pn_sample *sample);

/// Whether the process exists and is not a zombie.
bool pn_alive(pid_t pid);

/// How many processes have these bytes in their command line; if asked, only those whose parent is gone. Zombies have
/// none.
int pn_count_marked(const char *marker, bool orphans_only);

/// Puts a key of this name into the session keyring; for the self-test's canary.
int pn_add_key(const char *name);

/// A socket that listens: on a free port of 127.0.0.1, which is stored, or on an abstract name.
int pn_listen_port(int *port);
int pn_listen_abstract(const char *name);

/// A copy of `fd` at `lowest` or above that children inherit, unless they close it.
int pn_leak(int fd, int lowest);

/// Ticks since boot when the process started; 0 if it is gone. With the number it names a process for good.
uint64_t pn_start_time(pid_t pid);

/// Opens for reading and writing files of the daemon. `mode` as in open(2).
int pn_open(const char *path, int flags, unsigned mode);

/// The numbers of the cores that this process may use, ascending; returns how many there are, at most `max`.
int pn_allowed_cpus(int *numbers, int max);

/// The version of the C library, such as `2.36`.
const char *pn_libc_version(void);

/// Text of an errno.
const char *pn_error(int number);

#endif
