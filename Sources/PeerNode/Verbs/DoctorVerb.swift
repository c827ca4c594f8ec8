import API
import ArgumentParser
import Compute
import Daemon
import Foundation
import Glibc
import Records
import Runner
import Sodium

/// `doctor [PART…]`
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Examine this machine, part by part, and say what mends it.",
        discussion: "Example: peernode doctor sandbox\nExit: 0 without FAIL, else 1.")

    @OptionGroup var common: CommonOptions
    @Argument(help: "kernel sandbox limits disk clock ports net runtimes keys store; by default all.") var parts:
        [String] = []

    static let known = ["kernel", "sandbox", "limits", "disk", "clock", "ports", "net", "runtimes", "keys", "store"]

    func run() async throws {
        for part in parts where !DoctorCommand.known.contains(part) {
            throw ValidationError(
                "there is no part \"\(part)\"; there are \(DoctorCommand.known.joined(separator: ", "))")
        }
        try Founder.ready()
        let layout = common.layout
        let configuration = try Settings.read(layout)
        let examination = Examination(layout: layout, configuration: configuration)
        var document = DoctorDocument()
        for part in parts.isEmpty ? DoctorCommand.known : parts {
            switch part {
            case "sandbox": document.checks += try await sandbox(layout, configuration)
            case "runtimes": document.checks += try await runtimes(layout, configuration)
            case "kernel": document.checks += examination.kernel()
            case "limits": document.checks += examination.limits()
            case "clock": document.checks += examination.clock()
            case "ports": document.checks += examination.ports()
            case "net": document.checks += examination.net()
            case "store": document.checks += examination.store()
            case "disk": document.checks.append(disk(layout, configuration))
            default: document.checks.append(keys(layout))
            }
        }
        common.show(document) { document in
            for check in document.checks {
                let word = check.verdict == .fail ? "FAIL" : check.verdict.rawValue
                Terminal.output("\(check.id)  \(word)  \(VisibleText.escape(check.found, limit: 300))")
                if check.verdict == .fail || check.verdict == .warn {
                    if let effect = check.effect { Terminal.output("    \(effect)") }
                    if let fix = check.fix { Terminal.output("    fix: \(fix)") }
                }
            }
        }
        if document.checks.contains(where: { $0.verdict == .fail }) { throw CommandFailure(code: Codes.failed) }
    }

    /// All walls, with the sandbox that jobs get; some 5 s.
    private func sandbox(_ layout: HomeLayout, _ configuration: Configuration) async throws -> [DoctorDocument.Check] {
        let effect = "this node runs no native programs for others"
        let uid: UInt32? = getuid() == 0 ? configuration.sandbox.uidBase : nil
        let folder = layout.explicit?.path ?? layout.data.path
        let isNew = !FileManager.default.fileExists(atPath: folder)
        defer { if isNew { try? FileManager.default.removeItem(atPath: folder) } }
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let settings: Runner.Settings
        do throws(RunnerError) {
            let slots = try SlotFolders(
                home: folder, uid: uid ?? getuid(), programs: Runner.executableFolder, hashing: SodiumHashing())
            settings = Runner.Settings(slots: slots, spool: layout.state.path + "/spool-doctor", uid: uid)
        } catch {
            return [
                .init(id: "sandbox", verdict: .fail, found: error.description, effect: effect, fix: "run scripts/setup")
            ]
        }
        defer { settings.slots.remove() }
        let report = try await TrialLoop.with { await SandboxSelfTest($0, settings).run(.all) }
        if let refusal = report.refusal {
            return [.init(id: "sandbox", verdict: .fail, found: refusal, effect: effect, fix: "run scripts/setup")]
        }
        return report.results.map { result in
            let verdict: DoctorVerdict =
                switch result.verdict {
                case .ok: .ok
                case .fail: .fail
                case .skip: .skip
                }
            return .init(
                id: result.wall.id, verdict: verdict, found: "\(result.wall.title): \(result.found)",
                effect: verdict == .fail ? effect : nil)
        }
    }

    private func runtimes(_ layout: HomeLayout, _ configuration: Configuration) async throws -> [DoctorDocument.Check] {
        let found = try await TrialLoop.with {
            await Lending.probe(layout, configuration, isOpenNetwork: false, loop: $0)
        }
        guard let capability = found.capability else {
            return [
                .init(id: "runtimes", verdict: .fail, found: found.reason ?? "no sandbox", effect: "nothing is lent")
            ]
        }
        if capability.runtimes.isEmpty {
            return [.init(id: "runtimes", verdict: .warn, found: "none passed its probe", effect: "nothing is lent")]
        }
        return capability.runtimes.map {
            .init(id: "runtime \($0.runtime)", verdict: .ok, found: "runs in the sandbox")
        }
    }

    private func disk(_ layout: HomeLayout, _ configuration: Configuration) -> DoctorDocument.Check {
        let free = Hardware.freeBytes(layout.data.path)
        let text = "\(Quantity.text(bytes: free)) free below \(layout.data.path)"
        if free < configuration.storage.freeBytesMin {
            return .init(
                id: "disk", verdict: .fail, found: text, effect: "the node would stop taking work",
                fix: "make room, at least \(Quantity.text(bytes: configuration.storage.freeBytesMin))")
        }
        return .init(id: "disk", verdict: free < 1 << 30 ? .warn : .ok, found: text)
    }

    private func keys(_ layout: HomeLayout) -> DoctorDocument.Check {
        guard Home.exists(layout) else {
            return .init(id: "keys", verdict: .skip, found: "there is no home at \(layout.description) yet")
        }
        do throws(Home.Failure) {
            _ = try Home.open(layout)
            return .init(
                id: "keys", verdict: .ok, found: "the identity key of \(layout.description) is private and whole")
        } catch {
            let problem = HomeProblems.problem(error)
            return .init(
                id: "keys", verdict: .fail, found: problem.detail, effect: "the node does not start", fix: problem.fix)
        }
    }
}
