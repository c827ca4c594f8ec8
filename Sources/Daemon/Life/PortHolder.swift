import Foundation

/// Who listens on a port of this machine, as /proc tells it.
enum PortHolder {
    struct Holder {
        let pid: Int
        let name: String
    }

    /// Nil if nobody does, or if the process is not ours to look at.
    static func find(port: UInt16) -> Holder? {
        var inodes: Set<String> = []
        for table in ["tcp", "tcp6", "udp", "udp6"] {
            guard let text = try? String(contentsOfFile: "/proc/net/\(table)", encoding: .utf8) else { continue }
            for line in text.split(separator: "\n").dropFirst() {
                let fields = line.split(separator: " ", omittingEmptySubsequences: true)
                guard fields.count > 9, let local = fields[1].split(separator: ":").last,
                    UInt16(local, radix: 16) == port
                else { continue }
                // 0A is LISTEN; a bound UDP socket has 07.
                if fields[3] == "0A" || fields[3] == "07" { inodes.insert("socket:[\(fields[9])]") }
            }
        }
        if inodes.isEmpty { return nil }
        let files = FileManager.default
        for entry in (try? files.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int(entry) else { continue }
            for descriptor in (try? files.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? [] {
                guard let target = try? files.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(descriptor)"),
                    inodes.contains(target)
                else { continue }
                let name = (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)) ?? "?"
                return Holder(pid: pid, name: name.trimmingCharacters(in: .whitespacesAndNewlines))
            }
        }
        return nil
    }
}
