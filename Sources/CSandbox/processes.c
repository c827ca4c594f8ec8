// Reads what the processes of a sandbox use, from /proc, without the help of anything inside.
#define _GNU_SOURCE
#include <dirent.h>
#include <sched.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CSandbox.h"

// A whole file of /proc as text; false if it is gone.
static bool read_text(const char *path, char *text, size_t room) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    size_t count = 0;
    while (count + 1 < room) {
        ssize_t n = read(fd, text + count, room - 1 - count);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        count += (size_t)n;
    }
    close(fd);
    text[count] = 0;
    return count > 0;
}

struct stat_line {
    char state;
    int parent;
    /// Own time, and that of children which were waited for, in ticks.
    uint64_t own, waited;
    uint64_t threads, start, resident;
};

static bool read_stat(pid_t pid, struct stat_line *line) {
    char path[48], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!read_text(path, text, sizeof text)) return false;
    // The name is in brackets and may hold anything, brackets too: go on behind the last one.
    char *at = strrchr(text, ')');
    if (!at || !at[1]) return false;
    unsigned long long user, system, start;
    long waited_user, waited_system, threads, resident;
    int n = sscanf(at + 2,
        "%c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %ld %ld %*d %*d %ld %*d %llu %*u %ld", &line->state,
        &line->parent, &user, &system, &waited_user, &waited_system, &threads, &start, &resident);
    if (n != 9) return false;
    line->own = user + system;
    line->waited = (uint64_t)(waited_user > 0 ? waited_user : 0) + (uint64_t)(waited_system > 0 ? waited_system : 0);
    line->threads = threads > 0 ? (uint64_t)threads : 1;
    line->start = start;
    line->resident = resident > 0 ? (uint64_t)resident : 0;
    return true;
}

struct stack {
    pid_t *pids;
    size_t count, room;
};

static void push(struct stack *stack, pid_t pid) {
    if (stack->count == stack->room) {
        size_t room = stack->room ? stack->room * 2 : 64;
        pid_t *pids = realloc(stack->pids, room * sizeof *pids);
        if (!pids) return;
        stack->pids = pids;
        stack->room = room;
    }
    stack->pids[stack->count++] = pid;
}

static void push_children(struct stack *stack, pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (!tasks) return;
    for (struct dirent *entry; (entry = readdir(tasks));) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
        char children[96], text[8192];
        snprintf(children, sizeof children, "/proc/%d/task/%.16s/children", (int)pid, entry->d_name);
        if (!read_text(children, text, sizeof text)) continue;
        for (char *at = text, *end; *at; at = end) {
            long child = strtol(at, &end, 10);
            if (end == at) break;
            if (child > 0) push(stack, (pid_t)child);
            while (*end == ' ') end++;
        }
    }
    closedir(tasks);
}

// Space in the scratch folder, and files in every folder that the program can write: `--size` limits space only.
static void sample_scratch(pid_t root, struct pn_sample *sample) {
    static const char *const places[] = {"job", "dev/shm", "in"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/root/%s", (int)root, places[i]);
        struct statvfs facts;
        // A stage folder is bound read-only; its numbers are those of the host's disk.
        if (statvfs(path, &facts) || (facts.f_flag & ST_RDONLY)) continue;
        sample->inodes += (uint64_t)(facts.f_files - facts.f_ffree);
        if (i == 0) sample->disk_bytes = (uint64_t)(facts.f_blocks - facts.f_bfree) * facts.f_frsize;
    }
}

void pn_read_sample(pid_t root, uint32_t tasks_max, struct pn_sample *sample) {
    memset(sample, 0, sizeof *sample);
    struct stat_line line;
    sample->alive = root > 0 && read_stat(root, &line) && line.state != 'Z' && line.state != 'X';
    if (!sample->alive) return;
    long tick = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE);
    // Orphans are waited for by process 1, so nobody's time is lost.
    uint64_t ticks = line.waited;
    struct stack stack = {NULL, 0, 0};
    push_children(&stack, root);
    while (stack.count > 0 && sample->tasks <= tasks_max) {
        pid_t pid = stack.pids[--stack.count];
        if (!read_stat(pid, &line)) continue;
        sample->resident_bytes += line.resident * (uint64_t)page;
        ticks += line.own + line.waited;
        sample->tasks += (uint32_t)line.threads;
        push_children(&stack, pid);
    }
    free(stack.pids);
    sample->cpu_micros = ticks * (1000000u / (uint64_t)tick);
    sample_scratch(root, sample);
}

bool pn_alive(pid_t pid) {
    struct stat_line line;
    return pid > 0 && read_stat(pid, &line) && line.state != 'Z' && line.state != 'X';
}

int pn_count_marked(const char *marker, bool orphans_only) {
    DIR *folder = opendir("/proc");
    if (!folder) return -errno;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
        char path[300], text[4096];
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) continue;
        ssize_t n = read(fd, text, sizeof text);
        close(fd);
        if (n <= 0 || !memmem(text, (size_t)n, marker, strlen(marker))) continue;
        struct stat_line line;
        if (!orphans_only || (read_stat(atoi(entry->d_name), &line) && line.parent == 1)) count++;
    }
    closedir(folder);
    return count;
}

uint64_t pn_start_time(pid_t pid) {
    struct stat_line line;
    return read_stat(pid, &line) ? line.start : 0;
}

int pn_can_unshare(void) {
    pid_t child = fork();
    if (child < 0) return -errno;
    if (child == 0) {
        if (getuid() == 0 && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))) _exit(errno & 0x7f);
        _exit(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) ? errno & 0x7f : 0);
    }
    int status;
    if (waitpid(child, &status, 0) < 0) return -errno;
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -EPERM;
}
