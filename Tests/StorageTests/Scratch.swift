import Basis
import Glibc
import Records
import Storage
import TestKit
import Trust

/// A folder of its own for one test, removed at the end.
final class Scratch: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/peernode-storage-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template))
    }

    deinit { Scratch.remove(path) }

    static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR, let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != "." && name != ".." { remove(path + "/" + name) }
            }
            closedir(folder)
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    func file(_ name: String) -> String { path + "/" + name }

    /// Names below `folder` whose end is `suffix`, with their folder.
    func files(in folder: String, suffix: String) -> [String] {
        guard let open = opendir(folder) else { return [] }
        defer { closedir(open) }
        var names: [String] = []
        while let entry = readdir(open) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(suffix) { names.append(folder + "/" + name) }
        }
        return names.sorted()
    }
}

func readFile(_ path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let n = read(file, &buffer, buffer.count)
        if n <= 0 { return bytes }
        bytes += buffer[..<n]
    }
}

func writeFile(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o644) {
    unlink(path)
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode)
    precondition(file >= 0, "cannot write \(path)")
    defer { close(file) }
    var done = 0
    while done < bytes.count {
        done += bytes.withUnsafeBytes { write(file, $0.baseAddress! + done, bytes.count - done) }
    }
}

/// Flips one bit of a file in place.
func flipBit(_ path: String, at offset: Int) {
    var bytes = readFile(path)!
    bytes[offset] ^= 1
    var status = stat()
    stat(path, &status)
    writeFile(path, bytes, mode: status.st_mode & 0o777)
}

func put(_ family: Family, _ key: [UInt8], _ value: [UInt8], synced: Bool = true) -> StoreBatch {
    var batch = StoreBatch(isSynced: synced)
    batch.put(family, key, value)
    return batch
}

/// What a throwing call threw.
func failure<E: Error, R>(_ body: () throws(E) -> R) -> E? {
    do throws(E) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}
