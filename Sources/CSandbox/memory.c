#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "CSandbox.h"

int pn_memory_file(const char *name, const void *bytes, size_t count) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -errno;
    const char *at = bytes;
    while (count > 0) {
        ssize_t n = write(fd, at, count);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            int error = n < 0 ? errno : ENOSPC;
            close(fd);
            return -error;
        }
        at += n;
        count -= (size_t)n;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
        || lseek(fd, 0, SEEK_SET)) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int pn_reopen(int fd) {
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int copy = open(path, O_RDONLY | O_CLOEXEC);
    return copy < 0 ? -errno : copy;
}

int pn_pipe(int fds[2], int own) {
    if (pipe2(fds, O_CLOEXEC)) return -errno;
    if (own >= 0 && fcntl(fds[own], F_SETFL, O_NONBLOCK)) {
        int error = errno;
        close(fds[0]);
        close(fds[1]);
        return -error;
    }
    return 0;
}

int pn_open(const char *path, int flags, unsigned mode) {
    int fd = open(path, flags | O_CLOEXEC, mode);
    return fd < 0 ? -errno : fd;
}

const char *pn_error(int number) { return strerror(number); }

int pn_allowed_cpus(int *numbers, int max) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set)) return -errno;
    int count = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE && count < max; cpu++) {
        if (CPU_ISSET(cpu, &set)) numbers[count++] = cpu;
    }
    return count;
}

const char *pn_libc_version(void) { return gnu_get_libc_version(); }
