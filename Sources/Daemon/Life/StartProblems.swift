import Records
import FoundationEssentials
public import API
import Basis
public import Storage
import Transport
import Trust

/// What can go wrong at a start, in the words and codes of `surfaces.md` 3.6.
public enum StartProblems {
    /// E703 to E706 and what else a home can be.
    public static func home(_ failure: Home.Failure) -> Problem {
        switch failure {
        case .inUse(let pid):
            let who = pid > 0 ? "process \(pid)" : "another process"
            return Problem(.homeInUse, "\(who) runs on this home")
        case .fileMode(let path, let mode, let wanted):
            return Problem(
                .fileMode, "\(path) has mode \(octal(mode)), allowed is at most \(octal(wanted))",
                fix: "chmod \(octal(wanted).dropFirst()) \(path)")
        case .copied(let path): return Problem(.copiedHome, "the home \(path) was made on another machine")
        case .missing(let path):
            return Problem(
                .noNode, "there is no home at \(path)", fix: "peernode init makes one; peernode join does it itself")
        case .contradicts(let text): return Problem(.exists, text)
        case .genesis(let failure): return genesis(failure)
        case .key(let text): return Problem(.fileMode, text, fix: "restore the key from a backup")
        case .io(let path, let reason):
            return Problem(code: "E341", "\(path): \(reason)", fix: "check the disk and the folder's owner")
        }
    }

    public static func genesis(_ failure: GenesisFile.Failure) -> Problem {
        switch failure {
        case .missing(let path): Problem(.notFound, "there is no genesis file \(path)")
        case .unreadable(let path): Problem(.badParameter, "the genesis file \(path) cannot be read as text")
        case .invalid(let why):
            Problem(
                .badParameter, "the genesis file is not usable: \(why)",
                fix: "get it again from somebody of the network; it must not be edited")
        }
    }

    /// E707, and how a damaged store is made good: everything but keys and own jobs comes back from peers.
    public static func store(_ error: StoreError, _ layout: HomeLayout) -> Problem {
        switch error {
        case .newerFormat: return Problem(.newerStore, error.description)
        case .locked: return Problem(.homeInUse, error.description)
        case .corrupt:
            return Problem(
                code: "E341", error.description, why: "the files were kept as they are; nothing was changed",
                fix: "move \(layout.store.path) away and start again: the ledger is fetched from peers. A seat then "
                    + "only watches, since its voting key lay there")
        // RocksDB calls a file that its own list names and that is not there an I/O error.
        case .ioError(let why) where why.contains("No such file"):
            return store(.corrupt("a file of the store is missing: \(why)"), layout)
        case .diskFull, .ioError, .overloaded, .closed:
            return Problem(code: error.code ?? "E341", error.description, fix: "check the disk of \(layout.data.path)")
        }
    }

    public static func log(_ failure: LogKeeper.Failure, _ layout: HomeLayout) -> Problem {
        switch failure {
        case .store(let error): store(error, layout)
        case .corrupt(let what): store(.corrupt("\(what)"), layout)
        }
    }

    /// E702 with the process that holds the port, where /proc tells.
    static func listen(_ error: ListenError) -> Problem {
        guard case .inUse(let address) = error else { return Problem(.bind, error.description) }
        return inUse("\(address)", port: address.port)
    }

    static func inUse(_ address: String, port: UInt16) -> Problem {
        let holder = PortHolder.find(port: port).map { "process \($0.pid) (\($0.name))" } ?? "another program"
        return Problem(
            .bind, "cannot listen on \(address): \(holder) uses port \(port)",
            fix: "stop that one, or give another address with --listen or --api-listen")
    }

    static func octal(_ mode: Int) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
