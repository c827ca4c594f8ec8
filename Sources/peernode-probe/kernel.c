// Walls around the kernel's calls: W04, W05, W06, W14, W15, W26, W28.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "probe.h"

// Runs `attempt` in a child, since success would change the process. Its result is `call`'s, the error is passed on.
static long in_child(long (*attempt)(unsigned long), unsigned long value) {
    pid_t child = fork();
    if (child < 0) return -1;
    if (child == 0) _exit(attempt(value) < 0 ? errno & 0x7f : 0);
    int status;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
    return -1;
}

static long try_unshare(unsigned long flags) { return unshare((int)flags); }

static long try_clone(unsigned long flags) {
    long child = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) _exit(0);
    if (child > 0) waitpid((pid_t)child, NULL, 0);
    return child;
}

static void namespaces(void) {
    static const struct {
        const char *name;
        unsigned long flag;
    } kinds[] = {{"a user namespace", CLONE_NEWUSER}, {"a mount namespace", CLONE_NEWNS},
        {"a process namespace", CLONE_NEWPID}, {"a network namespace", CLONE_NEWNET},
        {"a user and a mount namespace", CLONE_NEWUSER | CLONE_NEWNS}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        must_fail(kinds[i].name, in_child(try_unshare, kinds[i].flag));
        must_fail(kinds[i].name, in_child(try_clone, kinds[i].flag));
    }
    // struct clone_args of the first version: flags, then seven more words.
    uint64_t arguments[8] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD, 0, 0, 0};
    long child = syscall(SYS_clone3, arguments, sizeof arguments);
    if (child == 0) _exit(0);
    must_fail("clone3 with a user namespace", child);
}

static long try_chroot(unsigned long ignored) {
    (void)ignored;
    return chroot("/job");
}

static void mounts(void) {
    mkdir("/job/pn-root", 0700);
    must_fail("mount", mount("none", "/job/pn-root", "tmpfs", 0, NULL));
    must_fail("a bind mount", mount("/usr", "/job/pn-root", NULL, MS_BIND, NULL));
    must_fail("a remount", mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL));
    must_fail("umount", umount2("/proc/sys", MNT_DETACH));
    must_fail("pivot_root", syscall(SYS_pivot_root, "/job", "/job/pn-root"));
    must_fail("chroot", in_child(try_chroot, 0));
    must_fail("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
    must_fail("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/usr", 1));
    rmdir("/job/pn-root");
}

static void sockets(void) {
    static const struct {
        const char *name;
        int family, type;
    } kinds[] = {{"AF_INET", AF_INET, SOCK_STREAM}, {"AF_INET", AF_INET, SOCK_DGRAM}, {"AF_INET6", AF_INET6, SOCK_STREAM},
        {"AF_NETLINK", AF_NETLINK, SOCK_RAW}, {"AF_PACKET", AF_PACKET, SOCK_RAW}, {"AF_VSOCK", 40, SOCK_STREAM},
        {"AF_XDP", 44, SOCK_RAW}, {"AF_ALG", 38, SOCK_SEQPACKET}, {"AF_BLUETOOTH", 31, SOCK_RAW}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int fd = socket(kinds[i].family, kinds[i].type, 0);
        if (fd >= 0) broken("a socket of %s was made", kinds[i].name);
        // The upper half of the argument is nothing to the kernel; a filter that looks at it could be passed by.
        long wide = syscall(SYS_socket, (unsigned long)kinds[i].family | 1ul << 32, kinds[i].type, 0);
        if (wide >= 0) broken("a socket of %s was made with a wide number", kinds[i].name);
    }
    int pair[2];
    if (!socketpair(AF_INET, SOCK_STREAM, 0, pair)) broken("a pair of AF_INET was made");
    int local = socket(AF_UNIX, SOCK_STREAM, 0);
    if (local < 0) broken("AF_UNIX is refused too: %s", name_of(errno));
    close(local);
    found("9 kinds refused");
}

static void kernel_interfaces(void) {
    uint8_t parameters[256] = {0};
    must_fail("io_uring_setup", syscall(SYS_io_uring_setup, 1, parameters));
    // 1: only faults of user mode, which ordinary users may otherwise have.
    must_fail("userfaultfd", syscall(SYS_userfaultfd, 1 | O_CLOEXEC));
    union bpf_attr map;
    memset(&map, 0, sizeof map);
    map.map_type = BPF_MAP_TYPE_ARRAY;
    map.key_size = map.value_size = 4;
    map.max_entries = 1;
    must_fail("bpf", syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof map));
    struct perf_event_attr event;
    memset(&event, 0, sizeof event);
    event.type = PERF_TYPE_SOFTWARE;
    event.size = sizeof event;
    event.config = PERF_COUNT_SW_TASK_CLOCK;
    event.exclude_kernel = event.exclude_hv = 1;
    must_fail("perf_event_open", syscall(SYS_perf_event_open, &event, 0, -1, -1, 0));
}

static void keyring(void) {
    must_fail("keyctl", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
    must_fail("add_key", syscall(SYS_add_key, "user", "pn-probe", "x", 1, KEY_SPEC_PROCESS_KEYRING));
    must_fail("request_key", syscall(SYS_request_key, "user", given("key"), NULL, 0));
}

// The filter answers before the kernel looks at the descriptor, so the error tells who refused.
static void terminal(void) {
    char byte = 'x';
    int places[2] = {0, open("/dev/ptmx", O_RDWR | O_NOCTTY)};
    for (int i = 0; i < 2; i++) {
        if (places[i] < 0) continue;
        errno = 0;
        if (ioctl(places[i], TIOCSTI, &byte) >= 0) broken("TIOCSTI succeeded");
        else if (errno != EPERM) broken("TIOCSTI reached the kernel: %s", name_of(errno));
        errno = 0;
        if (syscall(SYS_ioctl, places[i], 0xffffffff00000000ul | TIOCSTI, &byte) >= 0) broken("a wide TIOCSTI succeeded");
        else if (errno != EPERM) broken("a wide TIOCSTI reached the kernel: %s", name_of(errno));
        errno = 0;
        if (ioctl(places[i], 0x541C, &byte) >= 0 || errno != EPERM) broken("TIOCLINUX reached the kernel");
        if (i > 0) close(places[i]);
    }
    found("TIOCSTI and TIOCLINUX: EPERM");
}

static void foreign_call(void) {
#if defined(__x86_64__)
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        // getpid of the 32-bit table.
        long result = 20;
        __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
        _exit(result > 0 ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status)) broken("a call of the 32-bit table was answered");
    else found("ended by signal %d", WTERMSIG(status));
#else
    not_here("this processor's kernel has no second table of calls that a program can reach");
#endif
}

const struct wall kernel_walls[] = {{"W04", namespaces}, {"W05", mounts}, {"W06", sockets}, {"W14", kernel_interfaces},
    {"W15", keyring}, {"W26", terminal}, {"W28", foreign_call}, {NULL, NULL}};
