import Foundation

/// Files that verbs leave behind, with the folders above them.
enum OutputFile {
    /// - Throws: exit code 74 with a word to standard error; an old file stays then.
    static func write(_ bytes: [UInt8], to url: URL) throws {
        do {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(bytes).write(to: url, options: .atomic)
        } catch {
            Console.complain("cannot write \(url.path): \(error.localizedDescription)")
            throw SimulatorExit.unwritable
        }
    }

    static func write(_ text: String, to path: String) throws {
        try write(Array(text.utf8), to: URL(fileURLWithPath: path))
    }
}
