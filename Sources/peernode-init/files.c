// Files: inputs are made before the program exists, outputs are read when it is gone. Every step below /job goes by
// descriptor and follows no link, since the program chose the names.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

static void write_all(int fd, const uint8_t *bytes, size_t count, const char *what) {
    while (count > 0) {
        ssize_t n = write(fd, bytes, count);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) give_up(what, n < 0 ? errno : ENOSPC);
        bytes += n;
        count -= (size_t)n;
    }
}

int memory_file(const char *name, const uint8_t *bytes, size_t count) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) give_up("make a memory file", errno);
    write_all(fd, bytes, count, "write a memory file");
    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    if (lseek(fd, 0, SEEK_SET)) give_up("write a memory file", errno);
    return fd;
}

// The paths of a frame are the daemon's, but checked all the same: relative, without empty, `.` and `..` parts.
static void check_path(const char *path) {
    for (const char *part = path;;) {
        size_t length = strcspn(part, "/");
        bool dots = (length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.');
        if (length == 0 || length > 255 || dots) give_up("use a path of the frame", EINVAL);
        if (!part[length]) return;
        part += length + 1;
    }
}

static void set_time(int folder, const char *name, uint64_t seconds) {
    struct timespec times[2] = {{(time_t)seconds, 0}, {(time_t)seconds, 0}};
    utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW);
}

static void make_input(const struct file *file, uint64_t time) {
    check_path(file->path);
    int folder = open("/in", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) give_up("enter /in", errno);
    char *part = file->path;
    for (char *slash; (slash = strchr(part, '/')); part = slash + 1) {
        *slash = 0;
        if (mkdirat(folder, part, 0755) && errno != EEXIST) give_up("make a folder below /in", errno);
        int next = openat(folder, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0) give_up("enter a folder below /in", errno);
        close(folder);
        folder = next;
        *slash = '/';
    }
    mode_t mode = file->executable ? 0555 : 0444;
    int fd = openat(folder, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) give_up("make a file below /in", errno);
    write_all(fd, file->bytes, file->count, "write a file below /in");
    if (fchmod(fd, mode)) give_up("make a file below /in", errno);
    close(fd);
    set_time(folder, part, time);
    close(folder);
}

void make_inputs(const struct header *header) {
    for (uint32_t i = 0; i < header->file_count; i++) make_input(&header->files[i], header->file_time);
    if (header->file_count > 0) set_time(AT_FDCWD, "/in", header->file_time);
}

// MARK: lists of names

struct names {
    char **items;
    size_t count, room;
};

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void free_names(struct names *names) {
    for (size_t i = 0; i < names->count; i++) free(names->items[i]);
    free(names->items);
}

// The names in `folder`, sorted, at most `max`; false if there are more or it cannot be read. Keeps `folder` open.
static bool list(int folder, size_t max, struct names *names) {
    *names = (struct names){NULL, 0, 0};
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) return false;
    DIR *stream = fdopendir(copy);
    if (!stream) {
        close(copy);
        return false;
    }
    bool whole = true;
    for (struct dirent *entry; whole && (entry = readdir(stream));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (names->count == max) {
            whole = false;
            break;
        }
        if (names->count == names->room) {
            names->room = names->room ? names->room * 2 : 16;
            char **items = realloc(names->items, names->room * sizeof *items);
            if (!items) give_up("list a folder", ENOMEM);
            names->items = items;
        }
        names->items[names->count] = strdup(entry->d_name);
        if (!names->items[names->count]) give_up("list a folder", ENOMEM);
        names->count++;
    }
    closedir(stream);
    if (names->count > 1) qsort(names->items, names->count, sizeof *names->items, by_bytes);
    return whole;
}

// MARK: wiping

// Empties `folder` without recursion: a program can nest folders deeper than a stack. Folders that are not empty are
// first moved up to the top under names of ours, so that the work is a list instead of a tree.
static void empty_folder(int top) {
    for (uint64_t serial = 0;;) {
        DIR *stream = fdopendir(openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!stream) give_up("empty the scratch folder", errno);
        size_t left = 0;
        for (struct dirent *entry; (entry = readdir(stream));) {
            const char *name = entry->d_name;
            if (!strcmp(name, ".") || !strcmp(name, "..")) continue;
            left++;
            if (!unlinkat(top, name, 0)) continue;
            if (!unlinkat(top, name, AT_REMOVEDIR)) continue;
            fchmodat(top, name, 0700, 0);
            int folder = openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (folder < 0) give_up("empty the scratch folder", errno);
            DIR *inner = fdopendir(folder);
            if (!inner) give_up("empty the scratch folder", errno);
            for (struct dirent *below; (below = readdir(inner));) {
                if (!strcmp(below->d_name, ".") || !strcmp(below->d_name, "..")) continue;
                if (!unlinkat(folder, below->d_name, 0)) continue;
                char moved[40] = ".pn-";
                char *digit = moved + 4;
                for (uint64_t rest = serial++;; rest >>= 4) {
                    *digit++ = "0123456789abcdef"[rest & 15];
                    if (rest < 16) break;
                }
                *digit = 0;
                renameat(folder, below->d_name, top, moved);
            }
            closedir(inner);
        }
        closedir(stream);
        if (left == 0) return;
    }
}

void wipe_scratch(void) {
    int job = open("/job", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (job < 0) give_up("empty the scratch folder", errno);
    empty_folder(job);
    if (mkdirat(job, "out", 0755) || mkdirat(job, ".tmp", 0755)) give_up("make the scratch folder", errno);
    close(job);
}

// MARK: outputs

struct collection {
    uint16_t entry;
    uint64_t entry_left, all_left;
    uint32_t files_left;
    bool refused;
};

static void refuse(struct collection *collection, const char *path, uint8_t kind) {
    collection->refused = true;
    report_refused(collection->entry, path, kind);
}

// UTF-8 without control characters, and nothing that an encoder would not write.
static bool is_text(const char *name) {
    const uint8_t *at = (const uint8_t *)name;
    if (strlen(name) > 255) return false;
    while (*at) {
        uint32_t scalar = *at++;
        int more = 0;
        if (scalar < 0x80) {
            if (scalar < 0x20 || scalar == 0x7f) return false;
            continue;
        }
        if (scalar >= 0xc2 && scalar < 0xe0) more = 1, scalar &= 0x1f;
        else if (scalar >= 0xe0 && scalar < 0xf0) more = 2, scalar &= 0x0f;
        else if (scalar >= 0xf0 && scalar < 0xf5) more = 3, scalar &= 0x07;
        else return false;
        for (int i = 0; i < more; i++) {
            if ((*at & 0xc0) != 0x80) return false;
            scalar = scalar << 6 | (*at++ & 0x3f);
        }
        if ((more == 2 && scalar < 0x800) || (more == 3 && scalar < 0x10000) || scalar > 0x10ffff) return false;
        if ((scalar >= 0xd800 && scalar < 0xe000) || (scalar >= 0x80 && scalar < 0xa0)) return false;
    }
    return true;
}

// What reports may carry as a name: a bad one is shown with `?` for each byte that is no plain character.
static void show(char *shown, size_t room, const char *path) {
    size_t i = 0;
    for (; path[i] && i + 1 < room; i++) shown[i] = path[i] >= 0x20 && path[i] < 0x7f ? path[i] : '?';
    shown[i] = 0;
}

static void send_file(
    struct collection *collection, int folder, const char *name, const char *path, const struct stat *facts
) {
    uint64_t size = (uint64_t)facts->st_size;
    if (collection->files_left == 0) return refuse(collection, path, TOO_MANY);
    if (size > collection->entry_left) return refuse(collection, path, TOO_LARGE);
    if (size > collection->all_left) return refuse(collection, path, OVER_LIMIT);
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && !fchmodat(folder, name, 0700, 0)) {
        fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }
    if (fd < 0) return refuse(collection, path, UNREADABLE);
    collection->files_left--;
    collection->entry_left -= size;
    collection->all_left -= size;
    report_file(collection->entry, path, (facts->st_mode & 0111) != 0, size);
    static uint8_t buffer[DATA_BYTES_MAX];
    while (size > 0) {
        ssize_t n = read(fd, buffer, size < sizeof buffer ? (size_t)size : sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        // Every other process is gone, so a file cannot shrink; if it does, nothing here is to be believed.
        if (n <= 0) give_up("read an output", n < 0 ? errno : EIO);
        report_bytes(buffer, (size_t)n);
        size -= (uint64_t)n;
    }
    close(fd);
}

static void collect_at(struct collection *collection, int folder, const char *name, const char *path, int depth);

static void collect_folder(struct collection *collection, int parent, const char *name, const char *path, int depth) {
    if (depth >= DEPTH_MAX) return refuse(collection, path, TOO_MANY);
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 && errno == EACCES && !fchmodat(parent, name, 0700, 0)) {
        folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    if (folder < 0) return refuse(collection, path, UNREADABLE);
    struct names names;
    // Folders count as files here, so that a tree of empty folders ends too.
    if (!list(folder, collection->files_left + 256u, &names)) refuse(collection, path, TOO_MANY);
    for (size_t i = 0; i < names.count && !collection->refused; i++) {
        char below[PATH_BYTES_MAX], shown[300];
        if (!is_text(names.items[i])) {
            show(shown, sizeof shown, names.items[i]);
            refuse(collection, shown, BAD_NAME);
        } else if (strlen(path) + strlen(names.items[i]) + 2 > 1024) {
            refuse(collection, path, BAD_NAME);
        } else {
            strcpy(below, path);
            strcat(below, "/");
            strcat(below, names.items[i]);
            collect_at(collection, folder, names.items[i], below, depth + 1);
        }
    }
    free_names(&names);
    close(folder);
}

static void collect_at(struct collection *collection, int folder, const char *name, const char *path, int depth) {
    struct stat facts;
    if (fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW)) return refuse(collection, path, ABSENT);
    switch (facts.st_mode & S_IFMT) {
    case S_IFREG: return send_file(collection, folder, name, path, &facts);
    case S_IFDIR: return collect_folder(collection, folder, name, path, depth);
    case S_IFLNK: return refuse(collection, path, LINK);
    case S_IFSOCK: return refuse(collection, path, SOCKET);
    case S_IFIFO: return refuse(collection, path, PIPE);
    default: return refuse(collection, path, DEVICE);
    }
}

static void collect_entry(struct collection *collection, int out, const struct collect *entry) {
    check_path(entry->path);
    int folder = out;
    char *part = entry->path;
    for (char *slash; (slash = strchr(part, '/')); part = slash + 1) {
        *slash = 0;
        int next = openat(folder, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int error = errno;
        struct stat facts;
        bool is_link = next < 0 && !fstatat(folder, part, &facts, AT_SYMLINK_NOFOLLOW) && S_ISLNK(facts.st_mode);
        *slash = '/';
        if (folder != out) close(folder);
        if (next < 0) {
            refuse(collection, entry->path, is_link ? LINK : error == EACCES ? UNREADABLE : ABSENT);
            return;
        }
        folder = next;
    }
    collect_at(collection, folder, part, entry->path, 0);
    if (folder != out) close(folder);
}

void collect_outputs(const struct header *header) {
    if (header->collect_count == 0) return;
    struct collection collection = {
        .all_left = header->artifact_bytes, .files_left = header->artifact_files,
    };
    int job = open("/job", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int out = job < 0 ? -1 : openat(job, "out", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat facts;
    uint8_t kind = out < 0 && job >= 0 && !fstatat(job, "out", &facts, AT_SYMLINK_NOFOLLOW) && S_ISLNK(facts.st_mode)
        ? LINK : ABSENT;
    for (uint32_t i = 0; i < header->collect_count; i++) {
        collection.entry = (uint16_t)i;
        collection.entry_left = header->collect[i].bytes_max;
        collection.refused = false;
        if (out < 0) refuse(&collection, header->collect[i].path, kind);
        else collect_entry(&collection, out, &header->collect[i]);
    }
    if (out >= 0) close(out);
    if (job >= 0) close(job);
}
