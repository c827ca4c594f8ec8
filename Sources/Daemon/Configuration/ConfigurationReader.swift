import API
import Basis
import Compute
import Foundation

/// Reads `config.yaml`, `conf.d` and the environment into a `Configuration`; all mistakes are reported together.
///
/// Precedence, least first: default, `config.yaml`, `conf.d/*.yaml` in name order, environment. Flags are laid over the
/// result by whoever parses them.
public struct ConfigurationReader {
    /// One setting: how it is written, and where it goes. `apply` returns what was expected if the text is not that.
    struct Field: Sendable {
        let path: String
        let apply: @Sendable (inout Configuration, Value) -> Expected?
    }
    enum Value {
        case text(String)
        case list([String])
        case map([String: String])
    }
    struct Expected {
        let kind: String
        let example: String
    }

    var configuration = Configuration()
    var issues: [ConfigurationIssue] = []

    /// Reads what there is. A missing file is no mistake.
    public static func read(
        _ layout: HomeLayout, environment: [String: String]
    ) throws(ConfigurationIssues) -> Configuration {
        var reader = ConfigurationReader()
        reader.file(layout.configurationFile)
        let extra =
            (try? FileManager.default.contentsOfDirectory(atPath: layout.configurationFolder.path))
            ?? []
        for name in extra.sorted() where name.hasSuffix(".yaml") {
            reader.file(layout.configurationFolder.appendingPathComponent(name))
        }
        reader.environment(environment)
        if !reader.issues.isEmpty { throw ConfigurationIssues(all: reader.issues) }
        return reader.configuration
    }

    mutating func file(_ url: URL) {
        guard FileManager.default.fileExists(atPath: url.path) else { return }
        guard let text = try? String(contentsOf: url, encoding: .utf8) else {
            issue(
                url.path, nil, nil, "", "cannot be read as UTF-8 text", "check its mode and content"
            )
            return
        }
        if text.split(separator: "\n").allSatisfy({
            $0.hasPrefix("#") || $0.allSatisfy(\.isWhitespace)
        }) {
            return
        }
        let root: ManifestNode
        do throws(YAMLTree.Failure) {
            root = try YAMLTree.read(text)
        } catch {
            issue(url.path, error.line, error.column, error.pointer, error.reason, error.fix)
            return
        }
        walk(root, path: "", source: url.path)
    }

    mutating func walk(_ node: ManifestNode, path: String, source: String) {
        guard case .mapping(let entries) = node.content else {
            issue(
                source, node.line, node.column, path, "expected fields here",
                "write \"field: value\"")
            return
        }
        for entry in entries {
            let name = path.isEmpty ? entry.key : path + "." + entry.key
            if let field = ConfigurationReader.fields.first(where: { $0.path == name }) {
                guard let value = ConfigurationReader.value(entry.value) else {
                    issue(
                        source, entry.value.line, entry.value.column, name,
                        "expected a value, found something nested", "see config.yaml")
                    continue
                }
                if let expected = field.apply(&configuration, value) {
                    issue(
                        source, entry.value.line, entry.value.column, name,
                        "expected \(expected.kind), found \(ConfigurationReader.shown(value))",
                        "write it as \(expected.example)")
                }
            } else if ConfigurationReader.fields.contains(where: { $0.path.hasPrefix(name + ".") })
            {
                walk(entry.value, path: name, source: source)
            } else {
                unknown(name, source, entry.line, entry.column)
            }
        }
    }

    mutating func unknown(_ name: String, _ source: String, _ line: Int?, _ column: Int?) {
        let parent = name.split(separator: ".").dropLast().joined(separator: ".")
        let allowed = ConfigurationReader.fields.map(\.path).filter {
            parent.isEmpty || $0.hasPrefix(parent + ".")
        }
        let guess = DidYouMean.suggestion(for: name, among: allowed)
        issue(
            source, line, column, name, "unknown field",
            guess.map { "did you mean \"\($0)\"?" }
                ?? "allowed here: \(allowed.joined(separator: ", "))")
    }

    mutating func environment(_ variables: [String: String]) {
        for field in ConfigurationReader.fields {
            let name = ConfigurationReader.variable(field.path)
            guard let text = variables[name] else { continue }
            let isList = ConfigurationReader.lists.contains(field.path)
            let value: Value =
                isList ? .list(text.split(separator: ",").map(String.init)) : .text(text)
            if let expected = field.apply(&configuration, value) {
                issue(
                    name, nil, nil, field.path, "expected \(expected.kind), found \"\(text)\"",
                    "write it as \(expected.example)")
            }
        }
    }

    /// `submit.maxCost` → `PEERNODE_SUBMIT_MAX_COST`.
    static func variable(_ path: String) -> String {
        var out = "PEERNODE_"
        for character in path {
            if character == "." {
                out.append("_")
            } else {
                if character.isUppercase { out.append("_") }
                out.append(character.uppercased())
            }
        }
        return out
    }

    static func value(_ node: ManifestNode) -> Value? {
        switch node.content {
        case .scalar(let text, _): return .text(text)
        case .sequence(let items):
            var out: [String] = []
            for item in items {
                guard case .scalar(let text, _) = item.content else { return nil }
                out.append(text)
            }
            return .list(out)
        case .mapping(let entries):
            var out: [String: String] = [:]
            for entry in entries {
                guard case .scalar(let text, _) = entry.value.content else { return nil }
                out[entry.key] = text
            }
            return .map(out)
        }
    }

    static func shown(_ value: Value) -> String {
        switch value {
        case .text(let text): "\"\(text.prefix(60))\""
        case .list: "a list"
        case .map: "fields"
        }
    }

    mutating func issue(
        _ source: String, _ line: Int?, _ column: Int?, _ field: String, _ message: String,
        _ fix: String
    ) {
        issues.append(
            ConfigurationIssue(
                source: source, line: line, column: column, field: field, message: message, fix: fix
            ))
    }
}
