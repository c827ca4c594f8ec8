import Foundation
public import Simulator

/// Finds and reads scenarios, plans and regressions on disk.
public struct ScenarioFile: Sendable {
    /// Why a file could not be used; the texts are for people.
    public enum Failure: Error, Sendable {
        /// Exit code 66.
        case missing(String)
        /// Exit code 65: the mistakes, as they are printed.
        case wrong(String)

        public var text: String {
            switch self {
            case .missing(let text), .wrong(let text): text
            }
        }
        /// `simulation.md` 22.
        public var exitCode: Int32 {
            switch self {
            case .missing: 66
            case .wrong: 65
            }
        }
    }

    /// As it is shown.
    public var path: String
    public var scenario: Scenario

    /// A path, or the name of a file in `Simulations/Scenarios` or `Simulations/Regressions` here or in a folder above.
    public static func read(_ argument: String) throws(Failure) -> ScenarioFile {
        let path = try find(argument)
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw .missing("cannot read \(path): it is not a file, or not readable by you")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        do throws(Mistakes) {
            return ScenarioFile(path: path, scenario: try ScenarioReader.read(text, name: name(of: path)))
        } catch {
            throw .wrong(error.text(file: path, source: text))
        }
    }

    /// Files of both folders, by name.
    public static func all() -> [(name: String, path: String)] {
        guard let home = home() else { return [] }
        var files: [(name: String, path: String)] = []
        for folder in folders {
            let entries = (try? FileManager.default.contentsOfDirectory(atPath: home + folder)) ?? []
            for entry in entries.sorted() where entry.hasSuffix(".yaml") {
                files.append((name(of: entry), home + folder + "/" + entry))
            }
        }
        return files
    }

    // MARK: below their use

    static let folders = ["Simulations/Scenarios", "Simulations/Regressions"]

    /// The file's name without folder and ending.
    static func name(of path: String) -> String {
        let last = path.split(separator: "/").last.map(String.init) ?? path
        for ending in [".yaml", ".yml", ".json"] where last.hasSuffix(ending) {
            return String(last.dropLast(ending.count))
        }
        return last
    }

    static func find(_ argument: String) throws(Failure) -> String {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: argument, isDirectory: &isFolder), !isFolder.boolValue {
            return argument
        }
        let files = all()
        if let file = files.first(where: { $0.name == argument }) { return file.path }
        let near = Suggestion.nearest(to: argument, in: files.map(\.name))
        throw .missing(
            "there is no scenario \"\(argument)\": neither a file of that path, nor one of that name in "
                + folders.joined(separator: " or ") + ". "
                + (near.map { "Did you mean \"\($0)\"?" } ?? "`peersim list scenarios` prints all of them."))
    }

    /// The nearest folder from here up that has scenarios: empty for this one, else a path with a slash.
    static func home() -> String? {
        var prefix = ""
        for _ in 0..<16 {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: prefix + folders[0], isDirectory: &isFolder), isFolder.boolValue {
                return prefix
            }
            prefix += "../"
        }
        return nil
    }
}
