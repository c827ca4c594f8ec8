// Walls around processes: W03, W11, W12, W13, W22, W24, W25.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

static void expect_line(const char *status, const char *key, const char *wanted) {
    char start[32];
    snprintf(start, sizeof start, "\n%s:", key);
    const char *at = strstr(status, start);
    if (!at) return broken("%s is not told", key);
    at += strlen(start);
    char words[128] = "";
    size_t length = 0;
    for (; *at && *at != '\n' && length + 2 < sizeof words; at++) {
        if (*at == '\t' || *at == ' ') {
            if (length && words[length - 1] != ' ') words[length++] = ' ';
        } else {
            words[length++] = *at;
        }
    }
    while (length && words[length - 1] == ' ') length--;
    words[length] = 0;
    if (strcmp(words, wanted)) broken("%s is %s, not %s", key, words, wanted);
}

static void rights(void) {
    char status[4096];
    if (read_small("/proc/self/status", status, sizeof status) <= 0) return broken("/proc/self/status cannot be read");
    expect_line(status, "Uid", "65534 65534 65534 65534");
    expect_line(status, "Gid", "65534 65534 65534 65534");
    static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", NULL};
    for (const char *const *set = sets; *set; set++) expect_line(status, *set, "0000000000000000");
    expect_line(status, "NoNewPrivs", "1");
    expect_line(status, "Seccomp", "2");
    found("uid 65534, no capabilities, no_new_privs, filter on");
}

// A process whose name is `name`, or whose environment or command line holds it.
static bool sees(const char *name) {
    DIR *folder = opendir("/proc");
    bool seen = false;
    for (struct dirent *entry; folder && !seen && (entry = readdir(folder));) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || atoi(entry->d_name) == getpid()) continue;
        static const char *const files[] = {"comm", "cmdline", "environ", NULL};
        for (const char *const *file = files; *file; file++) {
            char path[300], text[4096];
            snprintf(path, sizeof path, "/proc/%s/%s", entry->d_name, *file);
            long count = read_small(path, text, sizeof text);
            // Zero bytes separate arguments; the name is looked for as bytes.
            if (count > 0 && memmem(text, (size_t)count, name, strlen(name))) seen = true;
        }
    }
    if (folder) closedir(folder);
    return seen;
}

static void canary_process(void) {
    if (sees(given("name"))) broken("the canary process can be seen");
    pid_t pid = (pid_t)given_number("pid");
    char path[48];
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    // A process of our own may have this number; then it is not the canary.
    bool ours = !access(path, F_OK);
    if (!ours && !kill(pid, 0)) broken("the canary process can be signalled");
    if (ours) found("process %d is another one here", (int)pid);
    else found("%s", name_of(errno));
}

static int abstract_socket(const char *name, bool serve) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if (length > 100) return -1;
    memcpy(address.sun_path + 1, name, length);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    if (fd < 0) return -1;
    if (serve ? bind(fd, (struct sockaddr *)&address, size) || listen(fd, 4)
              : connect(fd, (struct sockaddr *)&address, size)) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

// The second sandbox of W12: leaves its mark everywhere and waits to be ended.
static void neighbour(void) {
    char path[128];
    const char *name = given("name");
    prctl(PR_SET_NAME, name);
    static const char *const folders[] = {"/tmp", "/dev/shm", "/job", "/in", NULL};
    for (const char *const *folder = folders; *folder; folder++) {
        snprintf(path, sizeof path, "%s/%s", *folder, name);
        int fd = open(path, O_WRONLY | O_CREAT, 0666);
        if (fd < 0) return broken("%s cannot be made: %s", path, name_of(errno));
    }
    if (abstract_socket(name, true) < 0) return broken("no socket: %s", name_of(errno));
    printf("::ready\n");
    fflush(stdout);
    fprintf(stderr, "::progress 0.5 ready\n");
    fflush(stderr);
    for (;;) pause();
}

static void second_sandbox(void) {
    char path[128];
    const char *name = given("name");
    if (sees(name)) broken("a process of the other sandbox can be seen");
    static const char *const folders[] = {"/tmp", "/dev/shm", "/job", "/in", NULL};
    for (const char *const *folder = folders; *folder; folder++) {
        snprintf(path, sizeof path, "%s/%s", *folder, name);
        if (!access(path, F_OK)) broken("%s of the other sandbox can be seen", path);
    }
    if (abstract_socket(name, false) >= 0) broken("a socket of the other sandbox can be reached");
    found("processes, files and sockets are separate");
}

static void canary_sockets(void) {
    int fd = abstract_socket(given("socket"), false);
    if (fd >= 0) broken("the canary's abstract socket can be reached");
    int error = errno;
    // Without a filter the namespace still holds only a loopback of its own.
    int inet = socket(AF_INET, SOCK_STREAM, 0);
    if (inet >= 0) {
        uint8_t address[16] = {AF_INET, 0, (uint8_t)(given_number("port") >> 8), (uint8_t)given_number("port"), 127, 0, 0, 1};
        if (!connect(inet, (struct sockaddr *)address, sizeof address)) broken("the canary's port can be reached");
        close(inet);
    }
    found("abstract socket %s, port without a socket", name_of(error));
}

static void tracing(void) {
    int ready[2];
    if (pipe(ready)) return broken("no pipe: %s", name_of(errno));
    pid_t child = fork();
    if (child == 0) {
        for (;;) pause();
    }
    must_fail("ptrace", ptrace(PTRACE_ATTACH, child, NULL, NULL));
    must_fail("ptrace", ptrace(PTRACE_SEIZE, child, NULL, NULL));
    char here[8], there[8];
    struct iovec own = {here, sizeof here}, other = {there, sizeof there};
    must_fail("process_vm_readv", process_vm_readv(child, &own, 1, &other, 1, 0));
    must_fail("process_vm_writev", process_vm_writev(child, &own, 1, &other, 1, 0));
    long handle = syscall(SYS_pidfd_open, child, 0);
    if (handle >= 0) must_fail("pidfd_getfd", syscall(SYS_pidfd_getfd, handle, 0, 0));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

// Leaves a daemon behind. Judged from outside by the marker in its command line.
static void survivor(void) {
    pid_t child = fork();
    if (child == 0) {
        setsid();
        if (fork()) _exit(0);
        signal(SIGTERM, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        for (;;) sleep(60);
    }
    waitpid(child, NULL, 0);
    found("left behind");
}

// Many processes that do not want to go. Judged from outside.
static void stubborn(void) {
    signal(SIGTERM, SIG_IGN);
    for (int i = 0; i < 6; i++) {
        if (fork() == 0) {
            setsid();
            for (;;) {
                pid_t child = fork();
                if (child == 0) {
                    for (;;) sleep(60);
                }
                if (child > 0) waitpid(child, NULL, 0);
                else sleep(1);
            }
        }
    }
    fprintf(stderr, "::progress 0.5 ready\n");
    for (;;) pause();
}

static void exit_137(void) { _exit(137); }

static void kill_self(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

const struct wall process_walls[] = {{"W03", rights}, {"W07", canary_sockets}, {"W11", canary_process},
    {"W12", second_sandbox}, {"W12n", neighbour}, {"W13", tracing}, {"W22", survivor}, {"W23", stubborn},
    {"W24", stubborn}, {"W25e", exit_137}, {"W25k", kill_self}, {NULL, NULL}};
