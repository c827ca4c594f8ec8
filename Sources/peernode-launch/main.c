// peernode-launch: the first step into a sandbox (compute.md 4.2).
//
//     peernode-launch UID CPUS FLAGS -- PROGRAM ARG...
//
// Started by the daemon with descriptors 0 to 11 of the table in 4.2, and 12, the lifeline. It gives up everything that
// the sandbox must not have, then becomes PROGRAM with an empty environment. It opens nothing and allocates nothing.
//
//   UID    the user to become, or - to stay. A daemon that is root must name one: nothing here ever runs as uid 0.
//   CPUS   cores to stay on, such as 0,3, or -
//   FLAGS  a: address randomisation off   i: SCHED_IDLE   n: nice 19   o: idle I/O   l: lifeline   -: none
//
// Exit codes: 125 still uid 0, 126 a step failed, 127 PROGRAM cannot be started.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *text) {
    ssize_t n = write(2, text, strlen(text));
    (void)n;
}

static void fail(const char *step) {
    say("peernode-launch: ");
    say(step);
    say("\n");
    _exit(126);
}

static long number(const char **text) {
    char *end;
    errno = 0;
    long value = strtol(*text, &end, 10);
    if (end == *text || errno || value < 0) fail("a number was expected");
    *text = end;
    return value;
}

// As `setpriv --reuid=U --regid=U --clear-groups --inh-caps=-all --bounding-set=-all`.
static void become(long uid) {
    for (int cap = 0; cap <= 63; cap++) {
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
            fail("cannot empty the bounding set");
    }
    if (setgroups(0, NULL)) fail("cannot leave the groups");
    if (setresgid((gid_t)uid, (gid_t)uid, (gid_t)uid)) fail("cannot change the group");
    if (setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid)) fail("cannot change the user");
}

static void drop_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2];
    memset(none, 0, sizeof none);
    if (syscall(SYS_capset, &header, none)) fail("cannot drop capabilities");
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static void stay_on(const char *list) {
    cpu_set_t set;
    CPU_ZERO(&set);
    while (*list) {
        long cpu = number(&list);
        if (cpu >= CPU_SETSIZE) fail("no such core");
        CPU_SET(cpu, &set);
        if (*list == ',') list++;
    }
    if (sched_setaffinity(0, sizeof set, &set)) fail("cannot stay on the given cores");
}

static void apply(char flag) {
    struct sched_param zero = {0};
    switch (flag) {
    case 'a':
        if (personality(ADDR_NO_RANDOMIZE) < 0) fail("cannot fix the addresses");
        break;
    case 'i':
        if (sched_setscheduler(0, SCHED_IDLE, &zero)) fail("cannot schedule as idle");
        break;
    case 'n':
        if (setpriority(PRIO_PROCESS, 0, 19)) fail("cannot be nice");
        break;
    case 'o':
        // IOPRIO_WHO_PROCESS, class idle.
        if (syscall(SYS_ioprio_set, 1, 0, 3 << 13)) fail("cannot set idle I/O");
        break;
    case 'l':
    case '-':
        break;
    default:
        fail("unknown flag");
    }
}

// bwrap's child waits for its parent before it asks to die with it: a parent killed at that moment leaves a process that
// waits for ever. So this process stays as a watcher, and bwrap runs below it in the same process group. When the daemon
// closes its end of the lifeline, which is never written to, or dies, the whole group gets SIGKILL. The sandbox proper
// leaves the group by --new-session, and from then on dies with its parent and at the end of its orders.
static void watch_lifeline(int fd) {
    sigset_t child_ended, before;
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ended, &before);
    if (setpgid(0, 0)) fail("cannot make a process group");
    pid_t self = getpid(), child = fork();
    if (child < 0) fail("cannot start a process");
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != self) _exit(126);
        close(fd);
        return;
    }
    int signals = signalfd(-1, &child_ended, SFD_CLOEXEC);
    for (int other = 0; other < fd; other++) close(other);
    for (;;) {
        struct pollfd waits[2] = {{fd, POLLIN, 0}, {signals, POLLIN, 0}};
        if (poll(waits, 2, -1) < 0 && errno != EINTR) break;
        int status;
        if (waitpid(child, &status, WNOHANG) == child) {
            if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
            break;
        }
        if (waits[0].revents) break;
    }
    kill(-self, SIGKILL);
    _exit(126);
}

int main(int argc, char **argv) {
    if (argc < 6 || strcmp(argv[4], "--")) fail("usage: UID CPUS FLAGS -- PROGRAM ARG...");
    unsigned first = strchr(argv[3], 'l') ? 13u : 12u;
    if (syscall(SYS_close_range, first, ~0u, 0u)) {
        // Kernels before 5.9: the daemon opens everything close-on-exec, this is the second wall.
        for (int fd = (int)first; fd < 65536; fd++) close(fd);
    }
    const char *uid = argv[1];
    if (strcmp(uid, "-")) become(number(&uid));
    drop_capabilities();
    uid_t real, effective, saved;
    if (getresuid(&real, &effective, &saved) || real == 0 || effective == 0 || saved == 0) {
        say("peernode-launch: refusing to run as root\n");
        return 125;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) fail("cannot give up new privileges");
    // Until bwrap asks for the same: a daemon that dies now takes this process along.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)) fail("cannot follow the daemon");
    if (strchr(argv[3], 'l')) watch_lifeline(12);
    if (strcmp(argv[2], "-")) stay_on(argv[2]);
    for (const char *flag = argv[3]; *flag; flag++) apply(*flag);
    if (chdir("/")) fail("cannot enter /");
    char *empty[] = {NULL};
    execve(argv[5], argv + 5, empty);
    say("peernode-launch: cannot start the sandbox: ");
    say(strerror(errno));
    say("\n");
    return 127;
}
