// peernode-probe: attempts to get out of a sandbox (compute.md 4.8). Shared declarations of its few files.
#ifndef PEERNODE_PROBE_H
#define PEERNODE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What the daemon says about its canaries: `key=value` arguments.
const char *given(const char *key);
long given_number(const char *key);

// The first thing found wrong with the wall under test; later ones are not looked at.
void broken(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool is_broken(void);
// What was found, if nothing is wrong.
void found(const char *format, ...) __attribute__((format(printf, 1, 2)));
// The wall cannot be tried here; the reason is the kernel's.
void not_here(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The name of an errno, such as EPERM.
const char *name_of(int error);
// A call that must fail.
void must_fail(const char *what, long result);
// A small file of /proc as text; -1 if it cannot be read.
long read_small(const char *path, char *text, size_t room);

struct wall {
    const char *id;
    void (*attempt)(void);
};
extern const struct wall file_walls[], process_walls[], kernel_walls[], limit_walls[];

#endif
