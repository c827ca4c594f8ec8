// peernode-init: process 1 of a sandbox (compute.md 4.4).
//
// Problem: somebody inside must start the program with its limits, see how it really ended, end what it left behind,
// and hand its files out; and that somebody shares the program's user. Idea: be unreadable (not dumpable), obey only a
// descriptor that the program never has, ignore signals (process 1 of a namespace gets none that it does not ask for),
// and look at files only when every other process is gone. What it does not do: judge. It reports what it sees; the
// daemon decides what it means.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

int main(void) {
    // Before anything else: until here the program does not exist, from here it could not look in.
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)) _exit(120);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) _exit(120);
    for (int fd = FRAMES; fd <= ORDERS; fd++) {
        if (fcntl(fd, F_SETFD, FD_CLOEXEC)) _exit(121);
    }
    // Descriptor 8 and what bwrap was given besides.
    close(3);
    close(4);
    if (syscall(SYS_close_range, 8u, ~0u, 0u)) {
        for (int fd = 8; fd < 1024; fd++) close(fd);
    }
    sigset_t all;
    sigfillset(&all);
    if (sigprocmask(SIG_SETMASK, &all, NULL)) _exit(122);

    static struct header header;
    struct raw_frame frame = next_frame();
    if (frame.kind != 1) give_up("read the first frame", EPROTO);
    read_header(&frame, &header);
    make_inputs(&header);

    static struct item item;
    for (bool first = true;; first = false) {
        frame = next_frame();
        if (frame.kind == 3) break;
        if (frame.kind != 2) give_up("read a frame", EPROTO);
        read_item(&frame, &item);
        if (!first) wipe_scratch();
        run_item(&header, &item);
        free(frame.payload);
    }
    report_finished();
    return 0;
}
