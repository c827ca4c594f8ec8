// The seccomp filter of compute.md 4.5.
//
// Default allow: an allow list breaks with every new libc. The namespaces are the walls; this list takes away the doors
// to the kernel that a program of ours has no business with.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "CSandbox.h"

// The macros of libseccomp leave a field out on purpose.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif
#ifndef TIOCSTI
#define TIOCSTI 0x5412
#endif

// Names and not numbers: a call that this architecture or libseccomp does not know is passed over.
static const struct group {
    const char *name;
    const char *calls[40];
} groups[] = {
    {"mount", {"mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"}},
    {"namespace", {"unshare", "setns"}},
    {"trace", {"ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp"}},
    {"kernel", {"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register"}},
    {"keyring", {"add_key", "request_key", "keyctl"}},
    {"system", {"kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "syslog"}},
    {"clock", {"settimeofday", "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64", "adjtimex"}},
    {"ports", {"iopl", "ioperm", "modify_ldt"}},
    {"device", {"name_to_handle_at", "open_by_handle_at", "fanotify_init", "lookup_dcookie", "vhangup", "mknod", "mknodat", "sethostname", "setdomainname"}},
    {"memory", {"move_pages", "migrate_pages", "mbind", "set_mempolicy", "personality", "memfd_secret", "vmsplice"}},
};

static bool is_omitted(const char *omitted, const char *group) { return omitted && !strcmp(omitted, group); }

static int deny_groups(scmp_filter_ctx filter, const char *omitted) {
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        if (is_omitted(omitted, groups[g].name)) continue;
        for (const char *const *call = groups[g].calls; *call; call++) {
            int number = seccomp_syscall_resolve_name(*call);
            if (number == __NR_SCMP_ERROR) continue;
            int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
            // A call that exists on another architecture only.
            if (result && result != -EDOM && result != -EINVAL) return result;
        }
    }
    return 0;
}

static int deny_clone(scmp_filter_ctx filter) {
    const uint64_t flags[] = {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID,
        CLONE_NEWNET, CLONE_NEWTIME};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        // CLONE_NEWTIME lies among the bits of the exit signal, where clone cannot use it; unshare is denied anyway.
        if (flags[i] == CLONE_NEWTIME) continue;
        int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
            SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
        if (result) return result;
    }
    // Its arguments lie in memory, where a filter cannot look. Libraries fall back to clone.
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int deny_sockets(scmp_filter_ctx filter) {
    // A network namespace does not cover VSOCK, and the kernel's protocol code is a large surface.
    int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
        SCMP_A0_32(SCMP_CMP_NE, AF_UNIX));
    if (result) return result;
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socketpair), 1,
        SCMP_A0_32(SCMP_CMP_NE, AF_UNIX));
}

static int deny_terminal(scmp_filter_ctx filter) {
    // Only the lower half of the request means anything to the kernel, so only that half is compared: a filter that
    // compares all 64 bits is passed by with a bit set in the upper half.
    const uint32_t requests[] = {TIOCSTI, TIOCLINUX};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
            SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, requests[i]));
        if (result) return result;
    }
    return 0;
}

static int build(scmp_filter_ctx filter, const char *omitted) {
    uint32_t foreign = is_omitted(omitted, "architecture") ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS;
    int result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, foreign);
    if (result) return result;
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    result = deny_groups(filter, omitted);
    if (!result && !is_omitted(omitted, "clone")) result = deny_clone(filter);
    if (!result && !is_omitted(omitted, "socket")) result = deny_sockets(filter);
    if (!result && !is_omitted(omitted, "terminal")) result = deny_terminal(filter);
    return result;
}

int pn_filter(const char *omitted) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter) return -ENOMEM;
    int result = build(filter, omitted);
    int fd = result ? result : memfd_create("filter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (!result && fd < 0) fd = -errno;
    if (fd >= 0) {
        result = seccomp_export_bpf(filter, fd);
        if (!result && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE))
            result = -errno;
        if (result) {
            close(fd);
            fd = result;
        }
    }
    seccomp_release(filter);
    return fd;
}
