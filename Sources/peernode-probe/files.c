// Walls around files and what they tell: W01, W02, W08, W09, W10, W16, W19, W27.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

static void canary_file(void) {
    must_fail("opening the canary file", open(given("file"), O_RDONLY));
    DIR *folder = opendir(given("folder"));
    must_fail("opening the canary folder", folder ? 0 : -1);
    for (const char *const *path = (const char *const[]){"/home", "/root", "/run", "/var", "/sys", "/etc/shadow", NULL};
        *path && !is_broken(); path++) {
        if (!access(*path, F_OK)) broken("%s is there", *path);
    }
}

static void no_writes(void) {
    static const char *const existing[] = {"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname",
        "/proc/sys/vm/drop_caches", "/proc/sys/user/max_user_namespaces", "/proc/sysrq-trigger", "/proc/cmdline",
        "/usr/bin/env", "/.pn/init", "/etc/passwd", NULL};
    for (const char *const *path = existing; *path; path++) {
        int fd = open(*path, O_WRONLY);
        if (fd >= 0) broken("%s can be opened for writing", *path);
    }
    static const char *const fresh[] = {"/pn-probe", "/usr/pn-probe", "/dev/pn-probe", "/etc/pn-probe", "/.pn/pn-probe",
        "/sys/pn-probe", "/proc/sys/pn-probe", NULL};
    for (const char *const *path = fresh; *path; path++) {
        int fd = open(*path, O_WRONLY | O_CREAT, 0600);
        if (fd >= 0) broken("%s can be made", *path);
        if (!mkdir(*path, 0700)) broken("folder %s can be made", *path);
    }
    int fd = open("/job/pn-probe", O_WRONLY | O_CREAT, 0600);
    if (fd < 0) broken("/job cannot be written: %s", name_of(errno));
    close(fd);
    unlink("/job/pn-probe");
    found("16 places refused");
}

static void descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) return broken("/proc/self/fd cannot be read: %s", name_of(errno));
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        int fd = atoi(entry->d_name);
        if (fd == dirfd(folder)) continue;
        count++;
        char path[64], target[200] = "";
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n > 0) target[n] = 0;
        if (fd > 4) broken("descriptor %d is open: %s", fd, target);
    }
    closedir(folder);
    found("%d open", count);
}

static void first_process(void) {
    char text[8192];
    long count = read_small("/proc/1/environ", text, sizeof text);
    if (count > 0) broken("the environment of process 1 can be read: %ld bytes", count);
    count = read_small("/proc/1/cmdline", text, sizeof text);
    if (count != sizeof "/.pn/init" || memcmp(text, "/.pn/init", (size_t)count)) {
        broken("the command line of process 1 is %s", text);
    }
    count = read_small("/proc/cmdline", text, sizeof text);
    if (count > 1) broken("the kernel's command line can be read: %s", text);
    found("environment refused, command line /.pn/init");
}

static void first_process_inside(void) {
    static const char *const files[] = {"mem", "maps", "auxv", "stack", "syscall", "io", NULL};
    char path[64], target[200];
    for (const char *const *file = files; *file; file++) {
        snprintf(path, sizeof path, "/proc/1/%s", *file);
        char text[16];
        if (read_small(path, text, sizeof text) > 0) broken("%s can be read", path);
    }
    int fd = open("/proc/1/mem", O_RDWR);
    if (fd >= 0) broken("/proc/1/mem can be opened");
    static const char *const folders[] = {"fd", "root", "cwd", "map_files", NULL};
    for (const char *const *folder = folders; *folder; folder++) {
        snprintf(path, sizeof path, "/proc/1/%s", *folder);
        DIR *open_folder = opendir(path);
        if (open_folder) broken("%s can be entered", path);
    }
    if (readlink("/proc/1/exe", target, sizeof target) >= 0) broken("/proc/1/exe can be followed");
    found("mem maps fd root cwd exe refused");
}

// MARK: set-id programs

static long effective_user(pid_t pid) {
    char path[48], text[2048];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    if (read_small(path, text, sizeof text) <= 0) return -1;
    char *at = strstr(text, "\nUid:");
    long real, effective;
    return at && sscanf(at, "\nUid: %ld %ld", &real, &effective) == 2 ? effective : -1;
}

// Starts a set-id program and watches whose rights it gets, as long as it lives, for at most 300 ms.
static void try_program(const char *path) {
    int input[2];
    if (pipe(input)) return broken("no pipe: %s", name_of(errno));
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(input[0], 0);
        dup2(null, 1);
        dup2(null, 2);
        close(input[1]);
        execl(path, path, (char *)NULL);
        _exit(127);
    }
    close(input[0]);
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        long user = effective_user(child);
        if (user >= 0 && user != (long)geteuid()) broken("%s runs as user %ld", path, user);
        if (waitpid(child, NULL, WNOHANG) == child) break;
        clock_gettime(CLOCK_MONOTONIC, &now);
        long millis = (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
        if (millis > 300 || is_broken()) {
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
            break;
        }
    }
    close(input[1]);
}

static void set_id(void) {
    struct statvfs facts;
    int tried = 0;
    // `su` first: it waits for a password, so there is time to look.
    static const char *const known[] = {"/usr/bin/su", "/usr/bin/passwd", "/usr/bin/mount", "/usr/bin/newgrp",
        "/usr/bin/chsh", "/usr/bin/sudo", NULL};
    for (const char *const *path = known; *path && tried < 3 && !is_broken(); path++) {
        struct stat file;
        if (stat(*path, &file) || !(file.st_mode & S_ISUID)) continue;
        tried++;
        try_program(*path);
    }
    if (statvfs("/usr", &facts) || !(facts.f_flag & ST_NOSUID)) broken("/usr is mounted with set-id bits");
    // One of our own making, too.
    int fd = open("/job/pn-setid", O_WRONLY | O_CREAT, 0700);
    if (fd >= 0) {
        if (!fchmod(fd, 06755) && (statvfs("/job", &facts) || !(facts.f_flag & ST_NOSUID)))
            broken("/job is mounted with set-id bits");
        close(fd);
        unlink("/job/pn-setid");
    }
    found("%d set-id programs gave nothing", tried);
}

// MARK: full disks

// Writes files of 1 MiB into `folder` until it is full or `limit` is passed; removes them unless `keep`.
static long fill(const char *folder, long limit) {
    static char block[1 << 20];
    memset(block, 'x', sizeof block);
    long total = 0;
    int files = 0;
    for (bool full = false; !full && total <= limit + (4 << 20); files++) {
        char path[128];
        snprintf(path, sizeof path, "%s/pn-fill-%d", folder, files);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (fd < 0) break;
        for (size_t done = 0; done < sizeof block;) {
            ssize_t n = write(fd, block + done, sizeof block - done);
            if (n <= 0) {
                full = true;
                break;
            }
            done += (size_t)n;
            total += n;
        }
        close(fd);
    }
    for (int i = 0; i < files; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/pn-fill-%d", folder, i);
        unlink(path);
    }
    return total;
}

static void full_disks(void) {
    long disk = given_number("disk");
    struct {
        const char *folder;
        long limit;
    } places[] = {{"/job", disk}, {"/tmp", disk}, {"/out", disk}, {"/in", 9437184}, {"/dev/shm", 16777216}};
    long most = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        long total = fill(places[i].folder, places[i].limit);
        if (total > places[i].limit) broken("%ld bytes fit into %s", total, places[i].folder);
        if (total == 0 && strcmp(places[i].folder, "/in")) broken("nothing can be written to %s", places[i].folder);
        if (total > most) most = total;
    }
    found("at most %ld bytes fit", most);
}

// Empty files cost no space; only their number can be limited. Judged from outside.
static void empty_files(void) {
    const char *folder = *given("place") ? given("place") : "/job";
    long i = 0;
    for (; i < 60000; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/pn-empty-%ld", folder, i);
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        if (fd < 0) break;
        close(fd);
    }
    broken("%ld empty files in %s", i, folder);
}

// MARK: planted outputs

static void planted(void) {
    mkdir("/out/tree", 0755);
    if (symlink("/etc/passwd", "/out/link") || symlink("/etc/passwd", "/out/tree/inner")) broken("no links: %s", name_of(errno));
    if (symlink("/", "/out/up")) broken("no links: %s", name_of(errno));
    // The filter refuses mknod, by which a named pipe is made too; then there is none to refuse.
    if (mkfifo("/out/pipe", 0666) && errno != EPERM) broken("no pipes: %s", name_of(errno));
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/out/socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address)) broken("no sockets: %s", name_of(errno));
    // A device, if the kernel let us.
    if (!mknod("/out/device", S_IFCHR | 0666, 0x103)) broken("a device was made");
    if (*given("instead")) {
        // The planted hole of the test: what an init that follows links would hand out.
        unlink("/out/link");
        int in = open("/etc/passwd", O_RDONLY), out = open("/out/link", O_WRONLY | O_CREAT, 0644);
        char text[4096];
        ssize_t n = read(in, text, sizeof text);
        if (n <= 0 || write(out, text, (size_t)n) != n) broken("the hole cannot be planted");
    }
    found("planted");
}

const struct wall file_walls[] = {{"W01", canary_file}, {"W02", no_writes}, {"W08", descriptors},
    {"W09", first_process}, {"W10", first_process_inside}, {"W16", set_id}, {"W19", full_disks},
    {"W19i", empty_files}, {"W27", planted}, {NULL, NULL}};
