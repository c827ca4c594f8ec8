/// The codes that this program raises by name. Codes of manifests (E1xx, E2xx, W2xx) come as text from module Compute.
public enum ProblemCode: String, Sendable, CaseIterable {
    case notFound = "E301"
    case ambiguousID = "E302"
    case tooLate = "E310"
    case noResultYet = "E311"
    case noAgreement = "E320"
    case noWorkers = "E321"
    case timedOut = "E322"
    case inputUnavailable = "E323"
    case lostTooOften = "E324"
    case refused = "E330"
    case hashMismatch = "E340"
    case storeFull = "E341"
    case gone = "E342"
    case insufficientCredit = "E501"
    case overBudget = "E502"
    case nonceConflict = "E503"
    case entryExpired = "E504"
    case badAccount = "E505"
    case grantedOnly = "E506"
    case entryRefused = "E507"
    case notAdmitted = "E508"
    case invite = "E509"
    case noQuorum = "E510"
    case behind = "E511"
    case noToken = "E601"
    case scope = "E602"
    case badHost = "E603"
    case badOrigin = "E604"
    case rate = "E605"
    case tooLarge = "E606"
    case mediaType = "E607"
    case idempotency = "E608"
    case precondition = "E609"
    case badCursor = "E610"
    case badParameter = "E611"
    case sealed = "E612"
    case method = "E613"
    case range = "E614"
    case noNode = "E701"
    case bind = "E702"
    case exists = "E703"
    case homeInUse = "E704"
    case fileMode = "E705"
    case copiedHome = "E706"
    case newerStore = "E707"
    case wrongNetwork = "E708"
    case noSandbox = "E709"
    case clock = "E710"
    case version = "E711"
    case limitReached = "E712"
    case noSeed = "E713"
    case receiptInvalid = "E801"
    case unknownNetwork = "E802"
    case auditDiffers = "E803"
    case bug = "E901"
    case overload = "E902"
    case notYet = "E191"
    case unsatisfiable = "E140"
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
