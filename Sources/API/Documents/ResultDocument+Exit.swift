/// The exit codes that an outcome means (`surfaces.md` 1.2, 3.5).
extension ResultDocument {
    /// `peernode run`: the program's own code, the codes of its limits, and 125 whenever nothing is certified, since
    /// 0 to 124 belong to the program.
    public var runExitCode: Int {
        guard certified else { return ExitCode.notCertified }
        switch code {
        case "ok", "partial": return exitCode?.value ?? 0
        case "programExit": return exitCode?.value ?? ExitCode.failed
        case "programSignal": return 128 + (signal?.value ?? 0)
        case "timeLimit": return 124
        case "memoryLimit": return 137
        case "diskLimit", "outputLimit": return 153
        case "trapped": return 134
        // As a shell says that a command cannot be started.
        case "startFailed": return 127
        default: return ExitCode.failed
        }
    }

    /// `peernode result`, and `submit --wait`.
    public var resultExitCode: Int {
        if state == .completed { return ExitCode.done }
        if certified { return ExitCode.failed }
        if state == .cancelled { return ExitCode.cancelled }
        guard state.isEnd else { return ExitCode.tryAgain }
        switch code {
        case "noAgreement": return ExitCode.verificationFailed
        case "unfunded": return ExitCode.credit
        default: return ExitCode.noResult
        }
    }
}

extension JobState {
    /// Whether it does not change again.
    public var isEnd: Bool {
        switch self {
        case .completed, .failed, .cancelled, .expired: true
        default: false
        }
    }
}
