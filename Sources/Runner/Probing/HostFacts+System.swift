import CSandbox
import Glibc
public import Records

extension HostFacts {
    /// What this machine says of itself.
    public static func current() -> HostFacts {
        var name = utsname()
        uname(&name)
        let machine = withUnsafePointer(to: &name.machine) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 65) { String(cString: $0) }
        }
        let architecture = ["x86_64": "amd64", "aarch64": "arm64"][machine] ?? machine
        let libc = String(cString: pn_libc_version())
        let pages = UInt64(max(0, sysconf(Int32(_SC_PHYS_PAGES))))
        return HostFacts(
            architecture: architecture, base: "\(osRelease()) glibc \(libc)",
            cores: UInt32(Runner.allowedCPUs.count), memoryBytes: pages * UInt64(max(0, sysconf(Int32(_SC_PAGESIZE)))))
    }

    /// `debian 12`, from os-release.
    private static func osRelease() -> String {
        let text = String(decoding: (try? SlotFolders.read("/etc/os-release")) ?? [], as: UTF8.self)
        func field(_ name: String) -> String? {
            guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name + "=") }) else { return nil }
            return String(line.dropFirst(name.count + 1).filter { $0 != "\"" })
        }
        return [field("ID") ?? "linux", field("VERSION_ID")].compactMap { $0 }.joined(separator: " ")
    }
}
