// peernode-probe: attempts to get out of a sandbox (compute.md 4.8).
//
//     peernode-probe WALL[,WALL...] [key=value...]
//
// Runs inside a real slot as a program would, and does what a hostile one would do. For each wall it prints one line,
// `W01 ok text`, `W01 FAIL text` or `W01 skip text`. Some walls (limits, survivors) can only be judged from outside;
// for those it just misbehaves, and the daemon looks.
//
//     peernode-probe canary NAME       outside: a process that a sandbox must not see; ends with its standard input
//     peernode-probe parent PROGRAM…   outside: a stand-in for the runner, to be killed
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

static char **arguments;
static struct {
    enum { OK, FAIL, SKIP } verdict;
    char text[256];
} line;

const char *given(const char *key) {
    size_t length = strlen(key);
    for (char **at = arguments; *at; at++) {
        if (!strncmp(*at, key, length) && (*at)[length] == '=') return *at + length + 1;
    }
    return "";
}

long given_number(const char *key) { return strtol(given(key), NULL, 10); }

static void say(int verdict, const char *format, va_list values) {
    line.verdict = verdict;
    vsnprintf(line.text, sizeof line.text, format, values);
    for (char *at = line.text; *at; at++) {
        if ((unsigned char)*at < 0x20) *at = ' ';
    }
}

void broken(const char *format, ...) {
    if (line.verdict == FAIL) return;
    va_list values;
    va_start(values, format);
    say(FAIL, format, values);
    va_end(values);
}

bool is_broken(void) { return line.verdict == FAIL; }

void found(const char *format, ...) {
    if (line.verdict != OK) return;
    va_list values;
    va_start(values, format);
    say(OK, format, values);
    va_end(values);
}

void not_here(const char *format, ...) {
    if (line.verdict == FAIL) return;
    va_list values;
    va_start(values, format);
    say(SKIP, format, values);
    va_end(values);
}

const char *name_of(int error) {
    const char *name = strerrorname_np(error);
    return name ? name : "an error";
}

void must_fail(const char *what, long result) {
    if (result >= 0) broken("%s succeeded", what);
    else found("%s: %s", what, name_of(errno));
}

long read_small(const char *path, char *text, size_t room) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    size_t count = 0;
    while (count + 1 < room) {
        ssize_t n = read(fd, text + count, room - 1 - count);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && count == 0) {
            close(fd);
            return -1;
        }
        if (n <= 0) break;
        count += (size_t)n;
    }
    close(fd);
    text[count] = 0;
    return (long)count;
}

static const struct wall *find(const char *id) {
    const struct wall *lists[] = {file_walls, process_walls, kernel_walls, limit_walls};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (const struct wall *wall = lists[i]; wall->id; wall++) {
            if (!strcmp(wall->id, id)) return wall;
        }
    }
    return NULL;
}

static int canary(const char *name) {
    prctl(PR_SET_NAME, name);
    printf("ready\n");
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) continue;
    return 0;
}

static int parent(char **program) {
    pid_t child = fork();
    if (child == 0) {
        execv(program[0], program);
        _exit(127);
    }
    int status;
    waitpid(child, &status, 0);
    return 0;
}

int main(int argc, char **argv) {
    static char *none[] = {NULL};
    arguments = argc > 2 ? argv + 2 : none;
    if (argc > 2 && !strcmp(argv[1], "canary")) return canary(argv[2]);
    if (argc > 2 && !strcmp(argv[1], "parent")) return parent(argv + 2);
    if (argc < 2) return 64;
    signal(SIGPIPE, SIG_IGN);
    for (char *id = strtok(argv[1], ","); id; id = strtok(NULL, ",")) {
        const struct wall *wall = find(id);
        if (!wall) return 64;
        line.verdict = OK;
        strcpy(line.text, "");
        wall->attempt();
        static const char *verdicts[] = {"ok", "FAIL", "skip"};
        printf("%s %s %s\n", id, verdicts[line.verdict], line.text);
        fflush(stdout);
    }
    return 0;
}
