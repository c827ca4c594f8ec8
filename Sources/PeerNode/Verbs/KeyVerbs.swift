import API
import ArgumentParser
import Basis
import Daemon
import Foundation
import Glibc
import Sodium
import Trust

/// `key show|new|import|export`
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "The keys of this home.", discussion: "Example: peernode key show",
        subcommands: [Show.self, New.self, Import.self, Export.self], defaultSubcommand: Show.self)

    /// Keys by name: what each is for.
    static let roles = ["identity": "peer and account", "owner": "second account", "invite": "signs invites"]

    static func path(_ name: String, _ layout: HomeLayout) throws -> String {
        guard !name.isEmpty, name.utf8.count <= 64,
            name.utf8.allSatisfy({ (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d })
        else { throw ValidationError("\"\(name)\" is no key name; use lower-case letters, digits and \"-\"") }
        return layout.keys.appendingPathComponent(name + ".key").path
    }

    static func describe(_ key: SecretKey, _ name: String, _ path: String) -> KeysDocument.Key {
        let hashing = SodiumHashing()
        let peer = name == "identity" ? TextID.text(.peer, hashing.peerID(of: key.publicKey).raw) : nil
        return .init(
            name: name, role: roles[name] ?? "account", account: TextID.account(key.publicKey, hashing: hashing),
            peer: peer, file: path)
    }

    static func load(_ path: String) throws -> SecretKey {
        do throws(KeyFileError) {
            return try SecretKey.load(from: path)
        } catch {
            if case .missing = error { throw CommandFailure(code: Codes.noFile, text: error.description) }
            throw Problem(.fileMode, error.description)
        }
    }

    static func save(_ key: SecretKey, _ path: String) throws {
        do throws(KeyFileError) {
            try key.save(to: path)
        } catch {
            if case .exists = error {
                throw Problem(.exists, error.description, fix: "choose another name, or move that file away yourself")
            }
            throw Problem(.fileMode, error.description)
        }
    }

    static func tell(_ document: KeysDocument, _ common: CommonOptions) {
        common.show(document) { document in
            for one in document.keys {
                Terminal.output(
                    "\(one.name)  \(one.role)  \(one.account ?? "")\(one.peer.map { "  " + $0 } ?? "")  \(one.file)")
                if let secret = one.secret { Terminal.output("secret  \(secret)") }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the keys; never a secret.")
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try Founder.ready()
            let layout = common.layout
            guard Home.exists(layout) else { throw HomeProblems.problem(.missing(path: layout.description)) }
            let files = (try? FileManager.default.contentsOfDirectory(atPath: layout.keys.path)) ?? []
            var document = KeysDocument()
            for file in files.sorted() where file.hasSuffix(".key") {
                let path = layout.keys.appendingPathComponent(file).path
                document.keys.append(KeyCommand.describe(try KeyCommand.load(path), String(file.dropLast(4)), path))
            }
            KeyCommand.tell(document, common)
        }
    }

    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key, such as owner. No key is ever overwritten.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Its name.") var name: String

        func run() async throws {
            try Founder.ready()
            let path = try KeyCommand.path(name, common.layout)
            do throws(Home.Failure) { _ = try Home.create(common.layout) } catch { throw HomeProblems.problem(error) }
            let key = SecretKey.random()
            try KeyCommand.save(key, path)
            KeyCommand.tell(KeysDocument(keys: [KeyCommand.describe(key, name, path)]), common)
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take over a key file (32 bytes, mode 0600), as owner unless named.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The file.") var file: String
        @Option(name: .customLong("as"), help: "The key's name here.") var name = "owner"

        func run() async throws {
            try Founder.ready()
            let key = try KeyCommand.load(file)
            let path = try KeyCommand.path(name, common.layout)
            let keys = common.layout.keys
            try FileManager.default.createDirectory(
                at: keys, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try KeyCommand.save(key, path)
            KeyCommand.tell(KeysDocument(keys: [KeyCommand.describe(key, name, path)]), common)
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a key's public half; with --secret the key itself, to a terminal or a new file.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Its name.") var name = "identity"
        @Flag(help: "The secret too.") var secret = false
        @Option(name: .shortAndLong, help: "A new file of mode 0600 for the secret.") var output: String?

        func run() async throws {
            try Founder.ready()
            let path = try KeyCommand.path(name, common.layout)
            let key = try KeyCommand.load(path)
            var one = KeyCommand.describe(key, name, path)
            if secret, let output {
                try KeyCommand.save(key, output)
            } else if secret {
                guard Terminal.isOutputTerminal else {
                    throw Problem(
                        .fileMode, "a secret is printed to a terminal only",
                        fix: "write it to a new file of mode 0600: --output FILE")
                }
                one.secret = key.exportSeed().hex
            }
            KeyCommand.tell(KeysDocument(keys: [one]), common)
        }
    }
}
