// What the self-test puts outside a sandbox for the probe to look for (compute.md 4.8).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "CSandbox.h"

int pn_add_key(const char *name) {
    long key = syscall(SYS_add_key, "user", name, "x", 1, KEY_SPEC_SESSION_KEYRING);
    return key < 0 ? -errno : 0;
}

static int listening(int family, const struct sockaddr *address, socklen_t size) {
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (bind(fd, address, size) || listen(fd, 8)) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int pn_listen_port(int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = listening(AF_INET, (struct sockaddr *)&address, size);
    if (fd < 0) return fd;
    if (getsockname(fd, (struct sockaddr *)&address, &size)) {
        int error = errno;
        close(fd);
        return -error;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

int pn_listen_abstract(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if (length + 1 > sizeof address.sun_path) return -ENAMETOOLONG;
    memcpy(address.sun_path + 1, name, length);
    return listening(AF_UNIX, (struct sockaddr *)&address,
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length));
}

int pn_leak(int fd, int lowest) {
    int copy = fcntl(fd, F_DUPFD, lowest);
    return copy < 0 ? -errno : copy;
}
