import API
import Daemon
import Foundation
import Glibc
import Records
import Sodium
import Storage
import Transport

/// Checks of the machine beside sandbox and runtimes (`surfaces.md` 1.2, `doctor`): each looks at one thing and says
/// what it found, what that means for this node, and what mends it.
///
/// The roots of `/proc` and `/sys` are parameters, so that a check can be shown a machine that lacks something.
struct Examination {
    typealias Check = DoctorDocument.Check

    let layout: HomeLayout
    let configuration: Configuration
    var proc = "/proc"
    var sys = "/sys"

    private func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map {
            String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    // MARK: kernel

    /// What the sandbox needs of the kernel; whether its walls stand is `doctor sandbox`.
    func kernel() -> [Check] { [release(), namespaces(), seccomp(), groups()] }

    private func release() -> Check {
        Check(id: "kernel release", verdict: .ok, found: text(proc + "/sys/kernel/osrelease") ?? "unknown")
    }

    private func namespaces() -> Check {
        let effect = "no native program can be run for others"
        if text(proc + "/sys/user/max_user_namespaces") == "0" {
            return Check(
                id: "kernel namespaces", verdict: .fail, found: "user namespaces are off (max_user_namespaces is 0)",
                effect: effect, fix: "sysctl -w user.max_user_namespaces=15000")
        }
        if text(proc + "/sys/kernel/unprivileged_userns_clone") == "0", getuid() != 0 {
            return Check(
                id: "kernel namespaces", verdict: .fail, found: "user namespaces are for root alone", effect: effect,
                fix: "sysctl -w kernel.unprivileged_userns_clone=1")
        }
        if text(proc + "/sys/kernel/apparmor_restrict_unprivileged_userns") == "1", getuid() != 0 {
            return Check(
                id: "kernel namespaces", verdict: .warn,
                found: "AppArmor restricts user namespaces of ordinary users", effect: effect,
                fix: "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or a profile for bwrap")
        }
        return Check(id: "kernel namespaces", verdict: .ok, found: "user namespaces can be made")
    }

    private func seccomp() -> Check {
        guard let actions = text(proc + "/sys/kernel/seccomp/actions_avail"), actions.contains("errno") else {
            return Check(
                id: "kernel seccomp", verdict: .fail, found: "this kernel filters no system calls",
                effect: "no native program can be run for others", fix: "use a kernel with CONFIG_SECCOMP_FILTER")
        }
        return Check(id: "kernel seccomp", verdict: .ok, found: "system calls can be filtered")
    }

    private func groups() -> Check {
        guard let controllers = text(sys + "/fs/cgroup/cgroup.controllers") else {
            return Check(
                id: "kernel cgroups", verdict: .warn, found: "there is no cgroup v2",
                effect: "memory and CPU of programs are measured by looking every 20 ms",
                fix: "boot with systemd.unified_cgroup_hierarchy=1")
        }
        let missing = ["cpu", "memory", "pids"].filter { !controllers.split(separator: " ").contains(Substring($0)) }
        if missing.isEmpty { return Check(id: "kernel cgroups", verdict: .ok, found: "cgroup v2: \(controllers)") }
        return Check(
            id: "kernel cgroups", verdict: .warn,
            found: "cgroup v2 without \(missing.joined(separator: ", "))",
            effect: "what is missing is measured by looking every 20 ms",
            fix: "Delegate=cpu memory pids in the unit that starts peernode")
    }

    // MARK: limits

    /// Files: links, streams, stores and sandboxes together stay below 1,024 on a node with 64 links and 16 slots;
    /// twice that is asked for.
    static let filesLeast: UInt64 = 2_048

    func limits() -> [Check] {
        var files = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
        let found = "\(files.rlim_cur) open files"
        if files.rlim_cur >= Self.filesLeast { return [Check(id: "limits files", verdict: .ok, found: found)] }
        return [
            Check(
                id: "limits files", verdict: .warn, found: found,
                effect: "with many links the node refuses further ones",
                fix: "ulimit -n \(Self.filesLeast), or LimitNOFILE=\(Self.filesLeast) in the unit")
        ]
    }

    // MARK: clock

    /// Blocks carry times that seats compare with their clocks, and a day off is not let in: NTP should keep it.
    func clock() -> [Check] {
        let discipline = ClockDiscipline.read()
        let date = Date()
        // The day on which the first version was written.
        guard date.timeIntervalSince1970 > 1_793_000_000 else {
            return [
                Check(
                    id: "clock", verdict: .fail, found: "this machine says that it is \(date)",
                    effect: "no network lets it in", fix: "timedatectl set-ntp true")
            ]
        }
        if let discipline, discipline.isKept {
            let most = discipline.maxErrorMicros / 1_000
            return [Check(id: "clock", verdict: .ok, found: "kept by the system, ± \(most) ms")]
        }
        return [
            Check(
                id: "clock", verdict: .warn, found: "nothing keeps this machine's clock",
                effect: "a seat with a wrong clock does not vote, and a day off is not let in",
                fix: "timedatectl set-ntp true")
        ]
    }

    // MARK: ports and net

    func ports() -> [Check] {
        if let file = NodeFile.running(layout) {
            return [Check(id: "ports", verdict: .ok, found: "the node of this home listens (process \(file.pid))")]
        }
        let wanted = [
            ("ports peers", configuration.network.listen, true), ("ports api", configuration.service.listen, false),
        ]
        return wanted.compactMap { id, address, isPeer in
            if address == "none" { return nil }
            guard let port = address.split(separator: ":").last.flatMap({ UInt16($0) }) else {
                return Check(id: id, verdict: .fail, found: "\(address) is no address", fix: "write HOST:PORT")
            }
            let stream = isFree(port, SOCK_STREAM)
            let datagram = !isPeer || isFree(port, SOCK_DGRAM)
            if stream && datagram { return Check(id: id, verdict: .ok, found: "port \(port) is free") }
            return Check(
                id: id, verdict: .warn, found: "another program uses port \(port)",
                effect: "the node takes the next free port, and seeds that name this one do not find it",
                fix: isPeer ? "join with --listen HOST:PORT" : "join with --api-listen 127.0.0.1:PORT")
        }
    }

    private func isFree(_ port: UInt16, _ kind: __socket_type) -> Bool {
        let descriptor = socket(AF_INET, Int32(kind.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var reuse: Int32 = 1
        if kind == SOCK_STREAM {
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    func net() -> [Check] {
        let addresses = Resolver.interfaceAddresses(port: 0).map(\.hostText)
        if addresses.isEmpty {
            return [
                Check(
                    id: "net", verdict: .warn, found: "no interface but this host's own",
                    effect: "only peers on this machine can be reached", fix: "connect it to a network")
            ]
        }
        return [Check(id: "net", verdict: .ok, found: "addresses \(addresses.joined(separator: ", "))")]
    }

    // MARK: store

    func store() -> [Check] {
        if let file = NodeFile.running(layout) {
            return [Check(id: "store", verdict: .ok, found: "open in process \(file.pid)")]
        }
        guard FileManager.default.fileExists(atPath: layout.store.path) else {
            return [Check(id: "store", verdict: .skip, found: "there is none at \(layout.store.path) yet")]
        }
        do throws(StoreError) {
            let store = try Store(path: layout.store.path)
            store.close()
            return [Check(id: "store", verdict: .ok, found: "\(layout.store.path) opens and is whole")]
        } catch {
            let problem = StartProblems.store(error, layout)
            return [
                Check(
                    id: "store", verdict: .fail, found: problem.detail, effect: "the node does not start",
                    fix: problem.fix)
            ]
        }
    }
}

/// What the kernel says of its clock (`adjtimex(2)`), which Swift's view of the C library does not have.
struct ClockDiscipline {
    let isKept: Bool
    let maxErrorMicros: Int

    static func read() -> ClockDiscipline? {
        typealias Ask = @convention(c) (UnsafeMutableRawPointer) -> Int32
        guard let symbol = dlsym(nil, "adjtimex") else { return nil }
        // struct timex of 64-bit Linux: modes at 0 (zero: only read), maxerror at 24, status at 40; 208 bytes.
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: 512, alignment: 16)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 0, count: 512)
        let state = unsafeBitCast(symbol, to: Ask.self)(buffer)
        let status = buffer.load(fromByteOffset: 40, as: Int32.self)
        let unsynchronised: Int32 = 0x40
        return ClockDiscipline(
            isKept: state >= 0 && state != 5 && status & unsynchronised == 0,
            maxErrorMicros: buffer.load(fromByteOffset: 24, as: Int.self))
    }
}
