/// The codes that this program raises by name. Codes of manifests (E1xx, E2xx, W2xx) come as text from module Compute.
public enum ProblemCode: String, Sendable, CaseIterable {
    case notFound = "E301", ambiguousID = "E302", tooLate = "E310", noResultYet = "E311"
    case noAgreement = "E320", noWorkers = "E321", timedOut = "E322", inputUnavailable = "E323"
    case lostTooOften = "E324", refused = "E330", hashMismatch = "E340", storeFull = "E341", gone = "E342"
    case insufficientCredit = "E501", overBudget = "E502", nonceConflict = "E503", entryExpired = "E504"
    case badAccount = "E505", grantedOnly = "E506", entryRefused = "E507", notAdmitted = "E508"
    case invite = "E509", noQuorum = "E510", behind = "E511"
    case noToken = "E601", scope = "E602", badHost = "E603", badOrigin = "E604", rate = "E605"
    case tooLarge = "E606", mediaType = "E607", idempotency = "E608", precondition = "E609"
    case badCursor = "E610", badParameter = "E611", sealed = "E612", method = "E613", range = "E614"
    case noNode = "E701", bind = "E702", exists = "E703", homeInUse = "E704", fileMode = "E705"
    case copiedHome = "E706", newerStore = "E707", wrongNetwork = "E708", noSandbox = "E709"
    case clock = "E710", version = "E711", limitReached = "E712"
    case receiptInvalid = "E801", unknownNetwork = "E802", auditDiffers = "E803"
    case bug = "E901", overload = "E902"
    case notYet = "E191", unsatisfiable = "E140"
}

/// Exit codes of the command line (`surfaces.md` 3.5).
public enum ExitCode {
    public static let done = 0
    public static let failed = 1
    public static let verificationFailed = 3
    public static let unknownID = 4
    public static let refused = 6
    public static let noResult = 7
    public static let cancelled = 8
    public static let credit = 9
    public static let wrongFlags = 64
    public static let badInput = 65
    public static let noFile = 66
    public static let noNode = 69
    public static let bug = 70
    public static let readOrWrite = 74
    public static let tryAgain = 75
    public static let notPermitted = 77
    public static let badConfiguration = 78
    /// `run`: no certified result.
    public static let notCertified = 125
    public static let interrupted = 130
}
