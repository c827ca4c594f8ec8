public import ArgumentParser
import Foundation

/// `--seed N|0xN|commit`.
public enum SeedArgument: ExpressibleByArgument, Sendable, Hashable {
    case number(UInt64)
    /// The first 64 bits of the commit that is checked out here.
    case commit

    public init?(argument: String) {
        if argument == "commit" {
            self = .commit
        } else if let number = try? Scalar.word(argument) {
            self = .number(number)
        } else {
            return nil
        }
    }

    public var defaultValueDescription: String {
        switch self {
        case .number(let number): String(number)
        case .commit: "commit"
        }
    }

    /// Throws exit code 64 where there is no commit to ask.
    public func value() throws -> UInt64 {
        switch self {
        case .number(let number): return number
        case .commit:
            guard let hash = SeedArgument.head(), let seed = UInt64(hash.prefix(16), radix: 16) else {
                Console.complain(
                    "--seed commit needs a commit, and this folder is in no git repository that has one. "
                        + "Give a number: --seed 1")
                throw ExitCode(64)
            }
            return seed
        }
    }

    /// Of the commit checked out here, in hexadecimal; nil outside git.
    public static func head() -> String? {
        let git = Process()
        git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        git.arguments = ["git", "rev-parse", "HEAD"]
        let output = Pipe()
        git.standardOutput = output
        git.standardError = FileHandle.nullDevice
        git.standardInput = FileHandle.nullDevice
        guard (try? git.run()) != nil else { return nil }
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        git.waitUntilExit()
        if git.terminationStatus != 0 { return nil }
        let text = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init)
        return text.flatMap { $0.utf8.count >= 40 ? $0 : nil }
    }
}

/// Results go to standard output, all else to standard error.
enum Console {
    static func complain(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
