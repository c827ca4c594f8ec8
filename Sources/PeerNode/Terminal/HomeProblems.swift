import API
import Daemon

/// Homes and genesis files that cannot be used, in the words and codes of `surfaces.md` 3.6.
enum HomeProblems {
    static func problem(_ failure: Home.Failure) -> Problem { StartProblems.home(failure) }
    static func genesis(_ failure: GenesisFile.Failure) -> Problem {
        var problem = StartProblems.genesis(failure)
        if case .missing = failure { problem.exitCode = Codes.noFile }
        return problem
    }
}
