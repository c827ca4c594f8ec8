import Glibc
import Records

/// The exact call of bwrap of `compute.md` 4.3, as data.
///
/// Nothing of the host is in it but `/usr`, two entries of `/etc`, SUPPORT and the inputs. bwrap reads its arguments
/// from a descriptor, so they stand in no command line.
struct SandboxCall: Sendable {
    var support: String
    var inputs: RunInputs
    var diskBytes: UInt64
    var weakening = Weakening()

    /// bwrap's arguments, in order.
    var arguments: [String] {
        var list = [
            "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session",
            "--as-pid-1", "--cap-drop", "ALL", "--uid", "65534", "--gid", "65534", "--hostname", "job",
            "--clearenv", "--ro-bind", "/usr", "/usr",
        ]
        for name in ["bin", "sbin", "lib", "lib64"] { list += SandboxCall.systemFolder(name) }
        list += [
            "--ro-bind-try", "/etc/alternatives", "/etc/alternatives",
            "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache",
            "--ro-bind-data", "9", "/etc/passwd", "--ro-bind-data", "10", "/etc/group",
            "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--ro-bind-data", "11", "/proc/cmdline",
            "--dev", "/dev", "--size", "16777216", "--tmpfs", "/dev/shm",
            "--size", "\(max(4_096, diskBytes))", "--tmpfs", "/job",
            "--dir", "/job/out", "--symlink", "job/out", "/out",
            "--dir", "/job/.tmp", "--symlink", "job/.tmp", "/tmp",
            "--ro-bind", support, "/.pn",
        ]
        switch inputs {
        case .stage(let path): list += ["--ro-bind", path, "/in"]
        case .files: list += ["--size", "9437184", "--tmpfs", "/in"]
        }
        list += weakening.extra
        list += ["--chdir", "/job", "--json-status-fd", "8", "--remount-ro", "/dev", "--remount-ro", "/"]
        return weakening.apply(to: list)
    }

    /// The arguments as bwrap reads them: each followed by a zero byte.
    var bytes: [UInt8] { arguments.flatMap { Array($0.utf8) + [0] } }

    /// `peernode-launch` and what follows it.
    static func commandLine(
        launch: String, uid: UInt32?, cpus: [Int], flags: String, bubblewrap: String
    ) -> [String] {
        [
            launch, uid.map { "\($0)" } ?? "-",
            cpus.isEmpty ? "-" : cpus.map { "\($0)" }.joined(separator: ","),
            flags.isEmpty ? "-" : flags, "--", bubblewrap, "--args", "3", "--seccomp", "4", "--", "/.pn/init",
        ]
    }

    static let passwd = "root:x:0:0::/:/usr/sbin/nologin\njob:x:65534:65534::/job:/bin/sh\n"
    static let group = "root:x:0:\njob:x:65534:\n"

    /// `/bin` and its like are links into `/usr` on most systems, and folders of their own on some.
    private static func systemFolder(_ name: String) -> [String] {
        var facts = stat()
        guard lstat("/" + name, &facts) == 0 else { return [] }
        if facts.st_mode & S_IFMT == S_IFLNK { return ["--symlink", "usr/" + name, "/" + name] }
        return ["--ro-bind", "/" + name, "/" + name]
    }
}

/// Holes that tests plant, one at a time, to see that the self-test finds them (`compute.md` C30). A daemon has no way
/// to ask for one: the type is internal, and so is every initialiser that takes it.
struct Weakening: Sendable {
    /// Groups of arguments that are replaced, where they stand in a row.
    var replaced: [(from: [String], to: [String])] = []
    /// Arguments put in before the last ones.
    var extra: [String] = []
    /// The group of filter rules to leave out.
    var omittedFilter: String?
    /// Resource limits to leave out, by Linux's number.
    var omittedLimits: Set<UInt8> = []
    /// Limits that the runner does not enforce.
    var ignoredLimits: Set<LimitHit> = []
    /// Orders to init are not written.
    var withholdsOrders = false
    /// Stands before the item's program, as `sh -c` would.
    var wrapper: [String] = []
    /// Further words for the probe.
    var probeWords: [String] = []
    /// The marker of W22 is also that of a process outside, as if one had got away.
    var leavesMarker = false

    func apply(to arguments: [String]) -> [String] {
        var list = arguments
        for (from, to) in replaced {
            guard let at = list.indices.first(where: { list[$0...].starts(with: from) }) else { continue }
            list.replaceSubrange(at..<at + from.count, with: to)
        }
        return list
    }
}
